// SPDX-License-Identifier: GPL-2.0

//! Attributes, attribute groups and links in sysfs.
//!
//! One attribute, that is one file, is one type that implements [`Attribute`]. What the file is
//! about, the *data*, is passed to it; where the data comes from is told by the object that
//! carries the file: a [class](crate::device::class), a
//! [device of a class](crate::device::class_device) or a disk.
//!
//! A file that may be larger than a page is a [`Listing`].
//!
//! Not supported: other binary files, attributes that come and go by themselves (`is_visible`).
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)
//!
//! # Examples
//!
//! ```
//! # use kernel::sync::atomic::{Atomic, Relaxed};
//! # use rb::{
//! #     device::class_device::ClassDevice,
//! #     sysfs::{self, Attribute, Groups, Output},
//! #     sysfs_groups,
//! # };
//! # fn parse(text: &[u8]) -> Result<u32> {
//! #     text.first().map(|&byte| u32::from(byte)).ok_or(EINVAL)
//! # }
//! # struct Hits;
//! # #[vtable]
//! # impl Attribute<Cache> for Hits {
//! #     const NAME: &'static CStr = c"hits";
//! #     fn show(_: &Cache, out: &mut Output<'_>) -> Result {
//! #         out.line(0)
//! #     }
//! # }
//! struct Cache {
//!     pages: Atomic<u32>,
//! }
//!
//! struct Pages;
//!
//! #[vtable]
//! impl sysfs::Attribute<Cache> for Pages {
//!     const NAME: &'static CStr = c"pages";
//!
//!     fn show(cache: &Cache, out: &mut Output<'_>) -> Result {
//!         out.line(cache.pages.load(Relaxed))
//!     }
//!
//!     fn store(cache: &Cache, text: &[u8]) -> Result {
//!         cache.pages.store(parse(text)?, Relaxed);
//!         Ok(())
//!     }
//! }
//!
//! // The files `pages` and `stat/hits`, for devices whose data is a `Cache`.
//! const GROUPS: Groups<ClassDevice<Cache>> = sysfs_groups!(
//!     ClassDevice<Cache> => [Pages], c"stat": [Hits],
//! );
//! ```

mod attribute;
mod group;
mod link;
mod listing;
mod output;

pub use self::{
    attribute::Attribute,
    group::{
        AttributeList,
        AttributePtr,
        DeviceData,
        Group,
        GroupList,
        Groups,
        ListingList,
        ListingPtr, //
    },
    link::KobjectRef,
    listing::{
        Listing,
        Window, //
    },
    output::Output, //
};
pub(crate) use self::{
    attribute::{
        mode,
        show,
        store, //
    },
    link::create_link,
    listing::ListingGroups, //
};
pub use crate::sysfs_groups;
