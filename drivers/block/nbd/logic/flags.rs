// SPDX-License-Identifier: GPL-2.0

//! What an export can do, as user space tells it (`NBD_FLAG_*` of `linux/nbd.h`).

/// The transmission flags of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerFlags(u32);

/// The flags by bit, under the names that debugfs shows.
pub const NAMES: [(u32, &str); 8] = [
    (0, "NBD_FLAG_HAS_FLAGS"),
    (1, "NBD_FLAG_READ_ONLY"),
    (2, "NBD_FLAG_SEND_FLUSH"),
    (3, "NBD_FLAG_SEND_FUA"),
    (4, "NBD_FLAG_ROTATIONAL"),
    (5, "NBD_FLAG_SEND_TRIM"),
    (6, "NBD_FLAG_SEND_WRITE_ZEROES"),
    (8, "NBD_FLAG_CAN_MULTI_CONN"),
];

impl ServerFlags {
    /// Takes the flags as they are; unknown ones do nothing.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// Returns all flags.
    pub const fn raw(self) -> u32 {
        self.0
    }

    #[inline]
    const fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 != 0
    }

    /// Writes are refused.
    #[inline]
    pub const fn read_only(self) -> bool {
        self.has(1)
    }

    /// There is a volatile cache, which can be flushed.
    #[inline]
    pub const fn can_flush(self) -> bool {
        self.has(2)
    }

    /// Writes can go through the cache; only if it can be flushed, too.
    #[inline]
    pub const fn can_fua(self) -> bool {
        self.has(3) && self.can_flush()
    }

    /// The device seeks.
    pub const fn rotational(self) -> bool {
        self.has(4)
    }

    /// Ranges can be discarded.
    #[inline]
    pub const fn can_trim(self) -> bool {
        self.has(5)
    }

    /// Ranges can be zeroed without data.
    #[inline]
    pub const fn can_write_zeroes(self) -> bool {
        self.has(6)
    }

    /// What was flushed on one connection is seen on all.
    pub const fn can_multi_conn(self) -> bool {
        self.has(8)
    }
}
