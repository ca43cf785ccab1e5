// SPDX-License-Identifier: GPL-2.0

//! Tables of attributes of devices, all of them constants.
//!
//! C calls these tables `struct attribute_group **`. They are made by [`sysfs_groups!`], in safe
//! code; the types here tie a table to the kind of device whose data the attributes expect.
//!
//! [`sysfs_groups!`]: crate::sysfs_groups

use super::{
    listing::read_window,
    mode,
    show,
    store,
    Attribute,
    Listing, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    container_of,
    page::PAGE_SIZE,
    prelude::*,
    str::as_char_ptr_in_const_context, //
};

/// A kind of device whose attributes find their data.
///
/// # Safety
///
/// `with_data` must call `f` once, with data that stays valid as long as attributes of the device
/// can be read or written.
pub unsafe trait DeviceData: 'static {
    /// What the attributes of the device are about.
    type Data: ?Sized;

    /// Calls `f` with the data of `dev`.
    ///
    /// # Safety
    ///
    /// `dev` must be a device of this kind, registered with [`Groups`] of this kind, and its
    /// removal must wait for the caller (as it waits for running attributes).
    unsafe fn with_data<R>(dev: *mut bindings::device, f: impl FnOnce(&Self::Data) -> R) -> R;
}

struct DeviceVTable<S, A>(PhantomData<(S, A)>);

impl<S: DeviceData, A: Attribute<S::Data>> DeviceVTable<S, A> {
    const ATTR: &'static bindings::device_attribute = &Self::attr();

    const fn attr() -> bindings::device_attribute {
        let mut attr: bindings::device_attribute = pin_init::zeroed();
        attr.attr.name = as_char_ptr_in_const_context(A::NAME);
        attr.attr.mode = mode::<S::Data, A>();
        if A::HAS_SHOW {
            attr.__bindgen_anon_1.show = Some(Self::show);
        }
        if A::HAS_STORE {
            attr.__bindgen_anon_2.store = Some(Self::store);
        }
        attr
    }

    /// # Safety
    ///
    /// Only sysfs may call this, for a device that was registered with groups of `S`.
    unsafe extern "C" fn show(
        dev: *mut bindings::device,
        _attr: *mut bindings::device_attribute,
        buf: *mut c_char,
    ) -> isize {
        // SAFETY: sysfs passes a zeroed page that is ours until we return.
        let page = unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), PAGE_SIZE) };
        // SAFETY: By the requirements of this function; sysfs lets no file go while it is used.
        unsafe { S::with_data(dev, |data| show::<S::Data, A>(data, page)) }
    }

    /// # Safety
    ///
    /// Only sysfs may call this, for a device that was registered with groups of `S`.
    unsafe extern "C" fn store(
        dev: *mut bindings::device,
        _attr: *mut bindings::device_attribute,
        buf: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: sysfs passes `count` bytes that nobody changes until we return.
        let text = unsafe { core::slice::from_raw_parts(buf.cast::<u8>(), count) };
        // SAFETY: By the requirements of this function; sysfs lets no file go while it is used.
        unsafe { S::with_data(dev, |data| store::<S::Data, A>(data, text)) }
    }
}

/// An attribute of devices of the kind `S`, its type erased.
///
/// # Invariants
///
/// Points at the `attr` of a constant `struct device_attribute` whose callbacks are those of a
/// `DeviceVTable<S, _>`.
#[repr(transparent)]
pub struct AttributePtr<S>(*const bindings::attribute, PhantomData<fn(S)>);

impl<S: DeviceData> AttributePtr<S> {
    /// Returns the table entry of `A`.
    pub const fn new<A: Attribute<S::Data>>() -> Self {
        // CAST: `attr` is the first field.
        // INVARIANT: As the constant is made.
        Self(
            ptr::from_ref(DeviceVTable::<S, A>::ATTR).cast(),
            PhantomData,
        )
    }

    /// Returns what C takes, a constant.
    pub(crate) const fn as_ptr(&self) -> *const bindings::attribute {
        self.0
    }
}

struct ListingVTable<S, L>(PhantomData<(S, L)>);

impl<S: DeviceData, L: Listing<Data = S::Data>> ListingVTable<S, L> {
    const ATTR: &'static bindings::bin_attribute = &Self::attr();

    const fn attr() -> bindings::bin_attribute {
        let mut listing: bindings::bin_attribute = pin_init::zeroed();
        listing.attr.name = as_char_ptr_in_const_context(L::NAME);
        listing.attr.mode = 0o444;
        listing.read = Some(Self::read);
        listing
    }

    /// # Safety
    ///
    /// Only sysfs may call this, for a device that was registered with groups of `S`.
    unsafe extern "C" fn read(
        _file: *mut bindings::file,
        kobj: *mut bindings::kobject,
        _attr: *const bindings::bin_attribute,
        buf: *mut c_char,
        pos: bindings::loff_t,
        count: usize,
    ) -> isize {
        // SAFETY: By the requirements of this function, the object is that of a device.
        let dev = unsafe { container_of!(kobj, bindings::device, kobj) };
        // SAFETY: As above; sysfs lets no file go while it is used. It passes memory for `count` bytes
        // that is ours until we return.
        unsafe { S::with_data(dev, |data| read_window::<L>(data, buf, pos, count)) }
    }
}

/// A [`Listing`] of devices of the kind `S`, its type erased.
///
/// # Invariants
///
/// Points at a constant `struct bin_attribute` whose callback is that of a `ListingVTable<S, _>`.
#[repr(transparent)]
pub struct ListingPtr<S>(*const bindings::bin_attribute, PhantomData<fn(S)>);

impl<S: DeviceData> ListingPtr<S> {
    /// Returns the table entry of `L`.
    pub const fn new<L: Listing<Data = S::Data>>() -> Self {
        // INVARIANT: As the constant is made.
        Self(ListingVTable::<S, L>::ATTR, PhantomData)
    }
}

/// The listings of a group, ended as C expects it.
///
/// # Invariants
///
/// `end` is null.
#[repr(C)]
pub struct ListingList<S, const N: usize> {
    listings: [ListingPtr<S>; N],
    end: *const bindings::bin_attribute,
}

impl<S: DeviceData, const N: usize> ListingList<S, N> {
    /// Makes a list.
    pub const fn new(listings: [ListingPtr<S>; N]) -> Self {
        // INVARIANT: `end` is null.
        Self {
            listings,
            end: ptr::null(),
        }
    }
}

/// The attributes of a group, ended as C expects it.
///
/// # Invariants
///
/// `end` is null.
#[repr(C)]
pub struct AttributeList<S, const N: usize> {
    attributes: [AttributePtr<S>; N],
    end: *const bindings::attribute,
}

impl<S: DeviceData, const N: usize> AttributeList<S, N> {
    /// Makes a list.
    pub const fn new(attributes: [AttributePtr<S>; N]) -> Self {
        // INVARIANT: `end` is null.
        Self {
            attributes,
            end: ptr::null(),
        }
    }
}

/// A group of attributes: a directory below that of the device, or, without a name, the files in
/// the device's own directory.
///
/// # Invariants
///
/// `attrs_const` is null, or points at an [`AttributeList`] for `S` that is a constant; `bin_attrs` is
/// null, or points at a [`ListingList`] for `S` that is one.
#[repr(transparent)]
pub struct Group<S>(bindings::attribute_group, PhantomData<fn(S)>);

impl<S: DeviceData> Group<S> {
    /// Makes a group of a list.
    pub const fn new<const N: usize>(
        name: Option<&'static CStr>,
        list: &'static AttributeList<S, N>,
    ) -> Self {
        let mut group: bindings::attribute_group = pin_init::zeroed();
        if let Some(name) = name {
            group.name = as_char_ptr_in_const_context(name);
        }
        // CAST: The list is `repr(C)`: transparent pointers, then the null pointer.
        group.__bindgen_anon_2.attrs_const = ptr::from_ref(list).cast();
        // INVARIANT: `list` is for `S` and static.
        Self(group, PhantomData)
    }

    /// Makes a group of files that list things, in the device's own directory.
    pub const fn of_listings<const N: usize>(list: &'static ListingList<S, N>) -> Self {
        let mut group: bindings::attribute_group = pin_init::zeroed();
        // CAST: The list is `repr(C)`: transparent pointers, then the null pointer.
        group.bin_attrs = ptr::from_ref(list).cast();
        // INVARIANT: `list` is for `S` and static.
        Self(group, PhantomData)
    }
}

/// Groups, ended as C expects it.
///
/// # Invariants
///
/// `end` is null.
#[repr(C)]
pub struct GroupList<S: 'static, const N: usize> {
    groups: [&'static Group<S>; N],
    end: *const bindings::attribute_group,
}

impl<S: DeviceData, const N: usize> GroupList<S, N> {
    /// Makes a list.
    pub const fn new(groups: [&'static Group<S>; N]) -> Self {
        // INVARIANT: `end` is null.
        Self {
            groups,
            end: ptr::null(),
        }
    }
}

/// All groups of a device of the kind `S`, to be given to the function that registers it.
///
/// Made by [`sysfs_groups!`](crate::sysfs_groups); see the [module](crate::sysfs) for an example.
///
/// # Invariants
///
/// Null, or points at a constant [`GroupList`] for `S`.
pub struct Groups<S>(*const *const bindings::attribute_group, PhantomData<fn(S)>);

impl<S> Clone for Groups<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Groups<S> {}

// SAFETY: All that can be reached is constant.
unsafe impl<S> Send for Groups<S> {}

// SAFETY: All that can be reached is constant.
unsafe impl<S> Sync for Groups<S> {}

impl<S: DeviceData> Groups<S> {
    /// No groups at all.
    // INVARIANT: Null.
    pub const EMPTY: Self = Self(ptr::null(), PhantomData);

    /// Refers to a list.
    pub const fn new<const N: usize>(list: &'static GroupList<S, N>) -> Self {
        // CAST: The list is `repr(C)`: references to transparent groups, then the null pointer.
        // INVARIANT: `list` is for `S` and static.
        Self(ptr::from_ref(list).cast(), PhantomData)
    }

    /// Returns what C takes.
    pub(crate) const fn as_ptr(self) -> *mut *const bindings::attribute_group {
        self.0.cast_mut()
    }
}

/// Makes the constant [`Groups`] of a kind of devices.
///
/// The kind, which implements [`DeviceData`], comes first. The groups follow: attributes in brackets.
/// They go into the directory of the device, or, after a name and a colon, into a directory of their
/// own. Each [`Listing`] comes last, in brackets after a semicolon and `lists`. It goes into the
/// directory of the device.
///
/// # Examples
///
/// ```
/// # use rb::{device::class_device::ClassDevice, sysfs_groups};
/// # use rb::sysfs::{Attribute, Groups, Listing, Output, Window};
/// # struct Cache;
/// # struct Pages;
/// # #[vtable]
/// # impl Attribute<Cache> for Pages {
/// #     const NAME: &'static CStr = c"pages";
/// #     fn show(_: &Cache, out: &mut Output<'_>) -> Result {
/// #         out.line(0)
/// #     }
/// # }
/// # struct Hits;
/// # #[vtable]
/// # impl Attribute<Cache> for Hits {
/// #     const NAME: &'static CStr = c"hits";
/// #     fn show(_: &Cache, out: &mut Output<'_>) -> Result {
/// #         out.line(0)
/// #     }
/// # }
/// # struct Misses;
/// # #[vtable]
/// # impl Attribute<Cache> for Misses {
/// #     const NAME: &'static CStr = c"misses";
/// #     fn show(_: &Cache, out: &mut Output<'_>) -> Result {
/// #         out.line(0)
/// #     }
/// # }
/// # struct Owners;
/// # impl Listing for Owners {
/// #     type Data = Cache;
/// #     const NAME: &'static CStr = c"owners";
/// #     fn list(_: &Cache, _: &mut Window<'_>) -> Result {
/// #         Ok(())
/// #     }
/// # }
/// const GROUPS: Groups<ClassDevice<Cache>> = sysfs_groups!(
///     ClassDevice<Cache> => [Pages], c"stat": [Hits, Misses]; lists [Owners]
/// );
/// ```
#[macro_export]
macro_rules! sysfs_groups {
    (@name) => {
        ::core::option::Option::None
    };
    (@name $name:literal) => {
        ::core::option::Option::Some($name)
    };
    ($kind:ty => $($($name:literal :)? [ $($attr:ty),+ $(,)? ]),+ $(,)?
        $(; lists [ $($listing:ty),+ $(,)? ])?
    ) => {
        $crate::sysfs::Groups::<$kind>::new(const {
            &$crate::sysfs::GroupList::new([$(const {
                &$crate::sysfs::Group::<$kind>::new(
                    $crate::sysfs_groups!(@name $($name)?),
                    const {
                        &$crate::sysfs::AttributeList::new([
                            $($crate::sysfs::AttributePtr::<$kind>::new::<$attr>()),+
                        ])
                    },
                )
            }),+ $(, const {
                &$crate::sysfs::Group::<$kind>::of_listings(const {
                    &$crate::sysfs::ListingList::new([
                        $($crate::sysfs::ListingPtr::<$kind>::new::<$listing>()),+
                    ])
                })
            })?])
        })
    };
}
