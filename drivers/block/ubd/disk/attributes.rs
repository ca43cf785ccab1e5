// SPDX-License-Identifier: GPL-2.0

//! The attributes of a disk, in `/sys/block/<disk>/ubd/`.

use super::front::Disk;
use kernel::prelude::*;
use rb::{
    block::gen_disk::GenDisk,
    sysfs::{
        Attribute,
        Groups,
        Output, //
    },
    sysfs_groups, //
};

type UbdDisk = GenDisk<Disk>;

/// The group in which the attributes are.
pub(crate) const GROUP: &CStr = c"ubd";

/// The attributes of each disk.
pub(crate) const GROUPS: Groups<UbdDisk> = sysfs_groups!(
    UbdDisk => c"ubd": [Cow, Backing, DirtyBlocks, CowSectors, StickyError, Sync],
);

/// The path of the image, as it was given.
struct Cow;

#[vtable]
impl Attribute<UbdDisk> for Cow {
    const NAME: &'static CStr = c"cow";

    fn show(disk: &UbdDisk, out: &mut Output<'_>) -> Result {
        out.line(disk.data().engine.image.cow_path())
    }
}

/// The path of the backing file, as it was given, or as the image has it.
struct Backing;

#[vtable]
impl Attribute<UbdDisk> for Backing {
    const NAME: &'static CStr = c"backing";

    fn show(disk: &UbdDisk, out: &mut Output<'_>) -> Result {
        out.line(disk.data().engine.image.backing_path())
    }
}

/// How many blocks of the bitmap, of 4096 bytes, the next flush writes.
struct DirtyBlocks;

#[vtable]
impl Attribute<UbdDisk> for DirtyBlocks {
    const NAME: &'static CStr = c"dirty_blocks";

    fn show(disk: &UbdDisk, out: &mut Output<'_>) -> Result {
        out.line(disk.data().engine.image.dirty_blocks())
    }
}

/// How many sectors, of 512 bytes, the image has.
struct CowSectors;

#[vtable]
impl Attribute<UbdDisk> for CowSectors {
    const NAME: &'static CStr = c"cow_sectors";

    fn show(disk: &UbdDisk, out: &mut Output<'_>) -> Result {
        out.line(disk.data().engine.image.cow_sectors())
    }
}

/// The error since which no flush has succeeded, as a negative number; 0 if there is none.
struct StickyError;

#[vtable]
impl Attribute<UbdDisk> for StickyError {
    const NAME: &'static CStr = c"error";

    fn show(disk: &UbdDisk, out: &mut Output<'_>) -> Result {
        out.line(disk.data().engine.flusher.errno())
    }
}

/// Writing 1 writes back what the page cache has of the disk, and flushes it.
struct Sync;

#[vtable]
impl Attribute<UbdDisk> for Sync {
    const NAME: &'static CStr = c"sync";

    fn store(disk: &UbdDisk, text: &[u8]) -> Result {
        match text.trim_ascii() {
            b"1" => disk.sync(),
            _ => Err(EINVAL),
        }
    }
}
