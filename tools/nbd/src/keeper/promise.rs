// SPDX-License-Identifier: GPL-2.0

//! What whoever uses a device counts on, whichever server serves it.

use crate::device::Device;
use crate::negotiate::{
    Export, CAN_FLUSH, CAN_FUA, CAN_MULTI_CONN, CAN_TRIM, CAN_WRITE_ZEROES, READ_ONLY,
};

/// What a server has to be able to do if the first one was, and what is said if it is not.
const ABILITIES: [(u16, &str); 5] = [
    (CAN_FLUSH, "the export cannot be flushed any more"),
    (
        CAN_FUA,
        "the export cannot do writes with FUA any more, which last when they have ended",
    ),
    (CAN_TRIM, "the export cannot be trimmed any more"),
    (CAN_WRITE_ZEROES, "the export cannot write zeroes any more"),
    (
        CAN_MULTI_CONN,
        "the export allows one connection, not several",
    ),
];

/// What a device was connected with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Bytes of the device.
    pub size: u64,
    /// Bytes of a block.
    pub block: u32,
    /// What the server can do, of what matters.
    pub flags: u16,
}

impl Promise {
    /// What an export promises, in blocks of that size, to one connection or to `several`.
    pub fn new(export: Export, block: u32, several: bool) -> Self {
        let ignored = if several { 0 } else { CAN_MULTI_CONN };
        Self {
            size: whole(export.size, block),
            block,
            flags: export.flags & !ignored,
        }
    }

    /// What a connected device has promised to those who use it: the kernel says that, not an earlier
    /// process, which may have been told otherwise since.
    pub fn of_device(device: Device, several: bool) -> Option<Self> {
        let number = |file: &str| device.read(file)?.parse::<u64>().ok();
        let flag = |flag, is| if is { flag } else { 0 };
        Some(Self {
            size: number("size")?.checked_mul(512)?,
            block: number("queue/logical_block_size")?.try_into().ok()?,
            flags: flag(READ_ONLY, number("ro")? != 0)
                | flag(CAN_FLUSH, device.read("queue/write_cache")? == "write back")
                | flag(CAN_FUA, number("queue/fua")? != 0)
                | flag(CAN_TRIM, number("queue/discard_max_bytes")? != 0)
                | flag(
                    CAN_WRITE_ZEROES,
                    number("queue/write_zeroes_max_bytes")? != 0,
                )
                | flag(CAN_MULTI_CONN, several),
        })
    }

    /// In which way an export does not keep it. An export that can do more does.
    pub fn broken_by(&self, export: Export) -> Option<&'static str> {
        let lost = self.flags & !export.flags;
        if whole(export.size, self.block) != self.size {
            Some("the export has another size")
        } else if export.block.is_some_and(|least| least > self.block) {
            Some("the server wants larger blocks")
        } else if export.read_only() && self.flags & READ_ONLY == 0 {
            Some("the export cannot be written any more")
        } else {
            let mut abilities = ABILITIES.iter();
            abilities
                .find(|(flag, _)| lost & flag != 0)
                .map(|(_, what)| *what)
        }
    }
}

/// What a device has of so many bytes: whole blocks.
fn whole(bytes: u64, block: u32) -> u64 {
    bytes - bytes % u64::from(block.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u16 = 1 | CAN_FLUSH | CAN_FUA | CAN_TRIM | CAN_WRITE_ZEROES | CAN_MULTI_CONN;

    fn export(size: u64, flags: u16, block: Option<u32>) -> Export {
        Export { size, flags, block }
    }

    fn broken(was: (u64, u16), is: Export) -> &'static str {
        let promise = Promise::new(export(was.0, was.1, None), 4096, true);
        promise.broken_by(is).unwrap_or("")
    }

    #[test]
    fn sizes() {
        assert_eq!(broken((1 << 20, 1), export(1 << 20, 0x105, Some(512))), "");
        assert_eq!(broken((1 << 20, 1), export((1 << 20) + 100, 1, None)), "");
        for other in [0, 1 << 19, (1 << 20) - 1, (1 << 20) + 4096] {
            let what = broken((1 << 20, 1), export(other, 1, None));
            assert!(what.contains("size"), "{other}");
        }
        let what = broken((1 << 20, 1), export(1 << 20, 1, Some(8192)));
        assert!(what.contains("larger blocks"));
    }

    #[test]
    fn what_cannot_be_written() {
        assert!(broken((1 << 20, 1), export(1 << 20, 3, None)).contains("written"));
        assert_eq!(broken((1 << 20, 3), export(1 << 20, 3, None)), "");
        assert_eq!(broken((1 << 20, 3), export(1 << 20, 1, None)), "");
    }

    #[test]
    fn no_ability_is_lost() {
        assert_eq!(broken((1 << 20, ALL), export(1 << 20, ALL, None)), "");
        for (flag, what) in ABILITIES {
            assert_eq!(
                broken((1 << 20, ALL), export(1 << 20, ALL & !flag, None)),
                what
            );
            assert_eq!(
                broken((1 << 20, 1), export(1 << 20, 1 | flag, None)),
                "",
                "one may be won"
            );
        }
    }

    #[test]
    fn one_connection_needs_no_leave_for_several() {
        let promise = Promise::new(export(1 << 20, ALL, None), 512, false);
        let other = export(1 << 20, ALL & !CAN_MULTI_CONN, None);
        assert_eq!(promise.broken_by(other), None);
    }
}
