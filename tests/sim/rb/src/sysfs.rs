// SPDX-License-Identifier: GPL-2.0

//! Attributes, attribute groups and links in sysfs.

mod attribute;
mod group;
mod listing;
#[path = "../../../../rust/sysfs/output.rs"]
mod output;

pub(crate) use self::attribute::{
    show,
    store, //
};
pub(crate) use self::listing::read as read_listing;
pub use self::{
    attribute::Attribute,
    group::{
        AttributePtr,
        DeviceData,
        Group,
        Groups,
        KobjectRef,
        ListingPtr, //
    },
    listing::{
        Listing,
        Window, //
    },
    output::Output, //
};
pub use crate::sysfs_groups;
