// SPDX-License-Identifier: GPL-2.0

use super::{
    Attribute,
    Listing,
    Output,
    Window, //
};
use core::marker::PhantomData;
use kernel::prelude::*;

/// A kind of device whose attributes find their data.
pub trait DeviceData: 'static {
    /// What the attributes of the device are about.
    type Data: ?Sized + 'static;
}

/// Shows an attribute about a `D`.
pub(crate) type Show<D> = fn(&D, &mut Output<'_>) -> Result;

/// Stores to an attribute about a `D`.
pub(crate) type Store<D> = fn(&D, &[u8]) -> Result;

/// An attribute of devices of the kind `S`.
pub struct AttributePtr<S: DeviceData> {
    pub(crate) name: &'static CStr,
    pub(crate) show: Option<Show<S::Data>>,
    pub(crate) store: Option<Store<S::Data>>,
}

impl<S: DeviceData> AttributePtr<S> {
    /// Returns the table entry of `A`.
    pub const fn new<A: Attribute<S::Data>>() -> Self {
        Self {
            name: A::NAME,
            show: if A::HAS_SHOW { Some(A::show) } else { None },
            store: if A::HAS_STORE { Some(A::store) } else { None },
        }
    }
}

/// A [`Listing`] of devices of the kind `S`.
pub struct ListingPtr<S: DeviceData> {
    pub(crate) name: &'static CStr,
    pub(crate) list: fn(&S::Data, &mut Window<'_>) -> Result,
}

impl<S: DeviceData> ListingPtr<S> {
    /// Returns the table entry of `L`.
    pub const fn new<L: Listing<Data = S::Data>>() -> Self
    where
        S::Data: Sized,
    {
        Self {
            name: L::NAME,
            list: L::list,
        }
    }
}

/// A group of attributes.
pub struct Group<S: DeviceData> {
    pub(crate) name: Option<&'static CStr>,
    pub(crate) attributes: &'static [AttributePtr<S>],
    pub(crate) listings: &'static [ListingPtr<S>],
}

impl<S: DeviceData> Group<S> {
    /// Makes a group of a list.
    pub const fn new(name: Option<&'static CStr>, attributes: &'static [AttributePtr<S>]) -> Self {
        Self {
            name,
            attributes,
            listings: &[],
        }
    }

    /// Makes a group of files that list things.
    pub const fn of_listings(listings: &'static [ListingPtr<S>]) -> Self {
        Self {
            name: None,
            attributes: &[],
            listings,
        }
    }
}

/// All groups of a device of the kind `S`.
pub struct Groups<S: DeviceData>(pub(crate) &'static [Group<S>]);

impl<S: DeviceData> Clone for Groups<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: DeviceData> Copy for Groups<S> {}

impl<S: DeviceData> Groups<S> {
    /// No groups at all.
    pub const EMPTY: Self = Self(&[]);

    /// Refers to a list.
    pub const fn new(list: &'static [Group<S>]) -> Self {
        Self(list)
    }
}

/// An object that has a directory in sysfs: what a link points at.
#[derive(Clone, Copy)]
pub struct KobjectRef<'a>(pub(crate) PhantomData<&'a ()>);

/// Makes the constant [`Groups`] of a kind of devices.
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
        $crate::sysfs::Groups::<$kind>::new(const { &[
            $($crate::sysfs::Group::<$kind>::new(
                $crate::sysfs_groups!(@name $($name)?),
                const { &[$($crate::sysfs::AttributePtr::<$kind>::new::<$attr>()),+] },
            ),)+
            $($crate::sysfs::Group::<$kind>::of_listings(
                const { &[$($crate::sysfs::ListingPtr::<$kind>::new::<$listing>()),+] },
            ),)?
        ] })
    };
}
