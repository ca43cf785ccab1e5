// SPDX-License-Identifier: GPL-2.0

//! The attributes of a disk, in `/sys/block/<disk>/ram/`.

use super::{
    pages_of,
    resize::{
        reset,
        resize, //
    },
    Disk, //
};
use crate::{
    logic::options::{
        parse_mem_limit,
        parse_resize,
        Front, //
    },
    refuse, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};
use rb::{
    block::gen_disk::GenDisk,
    sysfs::{
        Attribute,
        Groups,
        Output, //
    },
    sysfs_groups, //
};

type RamDisk = GenDisk<Disk>;

/// The attributes of each disk.
pub(crate) const GROUPS: Groups<RamDisk> = sysfs_groups!(
    RamDisk => c"ram": [Size, Pages, MemLimit, Reset, Prealloc, FrontName],
);

/// The size in bytes. Written with `force` behind the size, it shrinks a disk that is open.
struct Size;

#[vtable]
impl Attribute<RamDisk> for Size {
    const NAME: &'static CStr = c"size";

    fn show(disk: &RamDisk, out: &mut Output<'_>) -> Result {
        out.line(disk.data().size())
    }

    fn store(disk: &RamDisk, text: &[u8]) -> Result {
        let (size, force) = parse_resize(text, disk.data().block_size())
            .map_err(|err| refuse!(err, "{}: size", disk.name()))?;

        resize(disk, size, force)
    }
}

/// How many pages the disk uses.
struct Pages;

#[vtable]
impl Attribute<RamDisk> for Pages {
    const NAME: &'static CStr = c"pages";

    fn show(disk: &RamDisk, out: &mut Output<'_>) -> Result {
        out.line(disk.data().store().pages())
    }
}

/// How many bytes of memory the disk may use; 0 for no limit.
struct MemLimit;

#[vtable]
impl Attribute<RamDisk> for MemLimit {
    const NAME: &'static CStr = c"mem_limit";

    fn show(disk: &RamDisk, out: &mut Output<'_>) -> Result {
        let pages = disk.data().store().budget().limit();

        // Without a limit, the number of pages may be more than fits into a number of bytes.
        out.line(pages.checked_mul(PAGE_SIZE).unwrap_or(0))
    }

    fn store(disk: &RamDisk, text: &[u8]) -> Result {
        let limit =
            parse_mem_limit(text).map_err(|err| refuse!(err, "{}: mem_limit", disk.name()))?;

        disk.data().store().budget().set_limit(pages_of(limit));
        Ok(())
    }
}

/// Writing 1 empties the disk, if nobody has it open.
struct Reset;

#[vtable]
impl Attribute<RamDisk> for Reset {
    const NAME: &'static CStr = c"reset";

    fn store(disk: &RamDisk, text: &[u8]) -> Result {
        match text.trim_ascii() {
            b"1" => reset(disk),
            _ => Err(EINVAL),
        }
    }
}

/// Whether the memory was allocated in advance, and stays.
struct Prealloc;

#[vtable]
impl Attribute<RamDisk> for Prealloc {
    const NAME: &'static CStr = c"prealloc";

    fn show(disk: &RamDisk, out: &mut Output<'_>) -> Result {
        out.line(u8::from(disk.data().store().is_preallocated()))
    }
}

/// Which front the disk has: bio-based or blk-mq.
struct FrontName;

#[vtable]
impl Attribute<RamDisk> for FrontName {
    const NAME: &'static CStr = c"front";

    fn show(disk: &RamDisk, out: &mut Output<'_>) -> Result {
        out.line(match disk.data().front() {
            Front::Bio => "bio",
            Front::Mq => "mq",
        })
    }
}
