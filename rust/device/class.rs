// SPDX-License-Identifier: GPL-2.0

//! Device classes and their attributes.
//!
//! A driver that makes devices at run time has a [`Class`], which is the directory
//! `/sys/class/<name>`, and [`ClassAttributes`] in it, the files that its users write commands
//! to. The two are apart because they end at different times: first the files go, so that no more
//! commands arrive, then the devices, then the class.
//!
//! C header: [`include/linux/device/class.h`](srctree/include/linux/device/class.h)
//!
//! # Examples
//!
//! ```
//! # use kernel::sync::Arc;
//! # use rb::{
//! #     device::class::{class_attributes, Class, ClassAttributes},
//! #     sysfs::{Attribute, Output},
//! # };
//! # struct Registry(Arc<Class>);
//! # impl Registry {
//! #     fn new(class: Arc<Class>) -> Result<Arc<Self>> {
//! #         Ok(Arc::new(Self(class), GFP_KERNEL)?)
//! #     }
//! # }
//! # struct Add;
//! # #[vtable]
//! # impl Attribute<Registry> for Add {
//! #     const NAME: &'static CStr = c"add";
//! #     fn show(_: &Registry, out: &mut Output<'_>) -> Result {
//! #         out.line(0)
//! #     }
//! # }
//! # struct Remove;
//! # #[vtable]
//! # impl Attribute<Registry> for Remove {
//! #     const NAME: &'static CStr = c"remove";
//! #     fn show(_: &Registry, out: &mut Output<'_>) -> Result {
//! #         out.line(0)
//! #     }
//! # }
//! struct Driver {
//!     // Dropped first: from then on, nobody adds a cache.
//!     attributes: ClassAttributes<Registry>,
//!     // Holds the caches, and with them the class.
//!     registry: Arc<Registry>,
//! }
//!
//! let class = Class::register(c"cache")?;
//! let registry = Registry::new(class.clone())?;
//! let attributes = ClassAttributes::new(class, registry.clone(), class_attributes![Add, Remove])?;
//! ```

use crate::{
    bindings,
    sysfs::{
        self,
        Attribute,
        Listing,
        ListingGroups, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    str::as_char_ptr_in_const_context,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
    types::Opaque, //
};

/// A registered class of devices.
///
/// It is unregistered when the last reference goes; devices of the class hold one.
///
/// # Invariants
///
/// - `class` is registered.
/// - The groups of `class` are those of `listing`, if any.
/// - `data` is null, or a [`ClassAttributes<D>`] exists for this class and `data` points at its
///   `D`.
#[pin_data(PinnedDrop)]
pub struct Class {
    #[pin]
    class: Opaque<bindings::class>,
    data: Atomic<*mut c_void>,
    // Used as long as the class is registered.
    listing: Option<Pin<KBox<ListingGroups>>>,
}

// SAFETY: A class has no thread affinity.
unsafe impl Send for Class {}

// SAFETY: The driver core locks what it does with the class; `data` is atomic.
unsafe impl Sync for Class {}

impl Class {
    /// Registers a class: makes `/sys/class/<name>`.
    ///
    /// Fails with `EEXIST` if there is such a class. If two register the name at the same time, sysfs
    /// logs a stack trace by itself for one of them.
    pub fn register(name: &'static CStr) -> Result<Arc<Self>> {
        Self::register_with(name, None)
    }

    /// Registers a class with a file that lists what `data` has; as [`Class::register`].
    pub fn register_with_listing<L: Listing>(
        name: &'static CStr,
        data: Arc<L::Data>,
    ) -> Result<Arc<Self>> {
        let listing = KBox::pin_init(ListingGroups::new::<L>(data), GFP_KERNEL)?;

        Self::register_with(name, Some(listing))
    }

    fn register_with(
        name: &'static CStr,
        listing: Option<Pin<KBox<ListingGroups>>>,
    ) -> Result<Arc<Self>> {
        // SAFETY: The name ends with NUL.
        if unsafe { bindings::class_is_there(name.as_char_ptr()) } {
            return Err(EEXIST);
        }
        let groups = listing
            .as_ref()
            .map_or(ptr::null_mut(), |listing| listing.as_ptr());

        Arc::pin_init(
            try_pin_init!(Self {
                listing,
                class <- Opaque::try_ffi_init(move |class: *mut bindings::class| {
                    // SAFETY: `class` is valid for writes.
                    unsafe {
                        class.write(bindings::class {
                            name: name.as_char_ptr(),
                            class_groups: groups,
                            ..pin_init::zeroed()
                        })
                    };
                    // SAFETY: `class` is initialized and pinned, and unregistered before it, and its
                    // groups, go.
                    to_result(unsafe { bindings::class_register(class) })
                }),
                data: Atomic::new(ptr::null_mut()),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Returns the raw class.
    pub(crate) fn as_raw(&self) -> *const bindings::class {
        self.class.get()
    }
}

#[pinned_drop]
impl PinnedDrop for Class {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, the class is registered.
        unsafe { bindings::class_unregister(self.class.get()) };
    }
}

struct ClassVTable<D, A>(PhantomData<(D, A)>);

impl<D: Send + Sync + 'static, A: Attribute<D>> ClassVTable<D, A> {
    const ATTR: &'static bindings::class_attribute = &Self::attr();

    const fn attr() -> bindings::class_attribute {
        let mut attr: bindings::class_attribute = pin_init::zeroed();
        attr.attr.name = as_char_ptr_in_const_context(A::NAME);
        attr.attr.mode = sysfs::mode::<D, A>();
        if A::HAS_SHOW {
            attr.show = Some(Self::show);
        }
        if A::HAS_STORE {
            attr.store = Some(Self::store);
        }
        attr
    }

    /// Returns the data of the attributes of `class`.
    ///
    /// # Safety
    ///
    /// `class` must be that of a [`Class`] that has [`ClassAttributes<D>`] during `'a`.
    unsafe fn data<'a>(class: *const bindings::class) -> &'a D {
        let class: *const Opaque<bindings::class> = class.cast();
        // SAFETY: By the requirements of this function, `class` is a field of a `Class`.
        let class = unsafe { &*kernel::container_of!(class, Class, class) };
        // SAFETY: By the requirements of this function and the invariant of `Class`.
        unsafe { &*class.data.load(Relaxed).cast() }
    }

    /// # Safety
    ///
    /// Only sysfs may call this, for an attribute of [`ClassAttributes<D>`].
    unsafe extern "C" fn show(
        class: *const bindings::class,
        _attr: *const bindings::class_attribute,
        buf: *mut c_char,
    ) -> isize {
        // SAFETY: sysfs passes a zeroed page that is ours until we return.
        let page = unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), PAGE_SIZE) };
        // SAFETY: The attributes are removed, which waits for us, before the data goes.
        sysfs::show::<D, A>(unsafe { Self::data(class) }, page)
    }

    /// # Safety
    ///
    /// Only sysfs may call this, for an attribute of [`ClassAttributes<D>`].
    unsafe extern "C" fn store(
        class: *const bindings::class,
        _attr: *const bindings::class_attribute,
        buf: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: sysfs passes `count` bytes that nobody changes until we return.
        let text = unsafe { core::slice::from_raw_parts(buf.cast::<u8>(), count) };
        // SAFETY: The attributes are removed, which waits for us, before the data goes.
        sysfs::store::<D, A>(unsafe { Self::data(class) }, text)
    }
}

/// An attribute of a class, its type erased; see [`class_attributes!`](crate::class_attributes).
///
/// # Invariants
///
/// The callbacks of the attribute are those of a `ClassVTable<D, _>`.
pub struct ClassAttribute<D>(&'static bindings::class_attribute, PhantomData<fn(&D)>);

impl<D: Send + Sync + 'static> ClassAttribute<D> {
    /// Returns the table entry of `A`.
    pub const fn new<A: Attribute<D>>() -> Self {
        // INVARIANT: As the constant is made.
        Self(ClassVTable::<D, A>::ATTR, PhantomData)
    }
}

// SAFETY: All that can be reached is constant.
unsafe impl<D> Send for ClassAttribute<D> {}

// SAFETY: All that can be reached is constant.
unsafe impl<D> Sync for ClassAttribute<D> {}

/// Makes a constant table of class attributes: `class_attributes![Add, Remove]`.
#[macro_export]
macro_rules! class_attributes {
    ($($attr:ty),+ $(,)?) => {
        const { &[$($crate::device::class::ClassAttribute::new::<$attr>()),+] }
    };
}
pub use crate::class_attributes;

/// The attributes of a class, and the data they are about.
///
/// They exist from the time this is made until it is dropped; that waits for those who read or
/// write them.
///
/// See the [module](self) for an example.
///
/// # Invariants
///
/// The first `made` attributes of the table are registered in `class`, whose `data` points at
/// our `data`.
pub struct ClassAttributes<D: Send + Sync + 'static> {
    table: &'static [ClassAttribute<D>],
    made: usize,
    class: Arc<Class>,
    data: Arc<D>,
}

impl<D: Send + Sync + 'static> ClassAttributes<D> {
    /// Makes the files of `table` in the directory of `class`; they are about `data`.
    ///
    /// Fails with `EBUSY` if the class has attributes.
    pub fn new(
        class: Arc<Class>,
        data: Arc<D>,
        table: &'static [ClassAttribute<D>],
    ) -> Result<Self> {
        let raw = Arc::as_ptr(&data).cast_mut().cast();
        class
            .data
            .cmpxchg(ptr::null_mut(), raw, Full)
            .map_err(|_| EBUSY)?;

        // INVARIANT: No attribute is registered, and `class.data` is our data. From here on, the
        // destructor undoes what has been done.
        let mut this = Self {
            table,
            made: 0,
            class,
            data,
        };
        for attr in table {
            this.create(attr)?;
        }
        Ok(this)
    }

    fn create(&mut self, attr: &ClassAttribute<D>) -> Result {
        // SAFETY: The class is registered by its invariant; the attribute is constant. `data` is
        // of the type that the callbacks expect, by the invariants of both.
        to_result(unsafe {
            bindings::class_create_file_ns(self.class.as_raw(), attr.0, ptr::null())
        })?;
        // INVARIANT: One more is registered.
        self.made += 1;
        Ok(())
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
        for attr in self.table.iter().take(self.made) {
            // SAFETY: The class is registered, and by the type invariant, so is the attribute.
            unsafe {
                bindings::class_remove_file_ns(self.class.as_raw(), attr.0, ptr::null());
            }
        }
        self.class.data.store(ptr::null_mut(), Relaxed);
    }
}
