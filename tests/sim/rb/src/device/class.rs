// SPDX-License-Identifier: GPL-2.0

//! Device classes and their attributes.

use crate::{
    sim::files::{
        self,
        Entry, //
    },
    sysfs::{
        self,
        Attribute,
        Listing,
        Output, //
    }, //
};
use kernel::{
    prelude::*,
    sim,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        Arc, //
    }, //
};

/// A registered class of devices.
pub struct Class {
    name: &'static CStr,
    taken: Atomic<bool>,
    _directory: Entry,
    _listing: Option<Entry>,
}

impl Class {
    /// Registers a class.
    pub fn register(name: &'static CStr) -> Result<Arc<Self>> {
        Self::register_with(name, None)
    }

    /// Registers a class with a file that lists what `data` has.
    pub fn register_with_listing<L: Listing>(
        name: &'static CStr,
        data: Arc<L::Data>,
    ) -> Result<Arc<Self>> {
        let show = move || sysfs::read_listing(&*data, L::list);
        let path = format!(
            "class/{}/{}",
            name.to_string_lossy(),
            L::NAME.to_string_lossy()
        );
        Self::register_with(name, Some(files::add(path, Some(Box::new(show)), None)))
    }

    fn register_with(name: &'static CStr, listing: Option<Entry>) -> Result<Arc<Self>> {
        let path = format!("class/{}", name.to_string_lossy());
        if files::exists(&path) {
            return Err(EEXIST);
        }
        let class = Self {
            name,
            taken: Atomic::new(false),
            _directory: files::add(path, None, None),
            _listing: listing,
        };
        Ok(Arc::new(class, GFP_KERNEL)?)
    }

    /// Returns the path of the class.
    pub(crate) fn path(&self) -> String {
        format!("class/{}", self.name.to_string_lossy())
    }
}

/// An attribute of a class; see [`class_attributes!`](crate::class_attributes).
pub struct ClassAttribute<D: 'static> {
    name: &'static CStr,
    show: Option<fn(&D, &mut Output<'_>) -> Result>,
    store: Option<fn(&D, &[u8]) -> Result>,
}

impl<D: Send + Sync + 'static> ClassAttribute<D> {
    /// Returns the table entry of `A`.
    pub const fn new<A: Attribute<D>>() -> Self {
        Self {
            name: A::NAME,
            show: if A::HAS_SHOW { Some(A::show) } else { None },
            store: if A::HAS_STORE { Some(A::store) } else { None },
        }
    }

    fn add(&self, class: &Class, data: &Arc<D>) -> Entry {
        let path = format!("{}/{}", class.path(), self.name.to_string_lossy());
        let (for_show, for_store) = (data.clone(), data.clone());
        let show = self
            .show
            .map(|show| -> files::Show { Box::new(move || sysfs::show(&*for_show, show)) });
        let store = self.store.map(|store| -> files::Store {
            Box::new(move |text| sysfs::store(&*for_store, store, text))
        });
        files::add(path, show, store)
    }
}

/// Makes a constant table of class attributes.
#[macro_export]
macro_rules! class_attributes {
    ($($attr:ty),+ $(,)?) => {
        const { &[$($crate::device::class::ClassAttribute::new::<$attr>()),+] }
    };
}
pub use crate::class_attributes;

/// The attributes of a class, and the data they are about.
pub struct ClassAttributes<D: Send + Sync + 'static> {
    entries: Vec<Entry>,
    class: Arc<Class>,
    data: Arc<D>,
}

impl<D: Send + Sync + 'static> ClassAttributes<D> {
    /// Makes the files of `table` in the directory of `class`; they are about `data`.
    pub fn new(
        class: Arc<Class>,
        data: Arc<D>,
        table: &'static [ClassAttribute<D>],
    ) -> Result<Self> {
        class.taken.cmpxchg(false, true, Full).map_err(|_| EBUSY)?;
        let mut this = Self {
            entries: Vec::new(),
            class,
            data,
        };
        for attribute in table {
            if !sim::faults::allocate(sim::faults::Allocation::Kernel) {
                return Err(ENOMEM);
            }
            let entry = attribute.add(&this.class, &this.data);
            this.entries.push(entry);
        }
        Ok(this)
    }

    /// Returns the class.
    pub fn class(&self) -> &Arc<Class> {
        &self.class
    }

    /// Returns the data.
    pub fn data(&self) -> &Arc<D> {
        &self.data
    }
}

impl<D: Send + Sync + 'static> Drop for ClassAttributes<D> {
    fn drop(&mut self) {
        self.entries.clear();
        self.class.taken.store(false, Full);
    }
}
