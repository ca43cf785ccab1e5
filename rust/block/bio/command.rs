// SPDX-License-Identifier: GPL-2.0

//! Operations and their flags.
//!
//! C header: [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)

use crate::bindings;
use kernel::impl_flags;

/// The operation that a bio or a request asks for (`REQ_OP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read sectors from the device.
    Read,
    /// Write sectors to the device.
    Write,
    /// Flush the volatile write cache.
    Flush,
    /// Discard sectors.
    Discard,
    /// Write zeroes to sectors.
    WriteZeroes,
    /// Anything else.
    Other(u32),
}

impl Command {
    #[inline]
    pub(in crate::block) fn from_raw(opf: bindings::blk_opf_t) -> Self {
        match opf & bindings::REQ_OP_MASK {
            bindings::req_op_REQ_OP_READ => Self::Read,
            bindings::req_op_REQ_OP_WRITE => Self::Write,
            bindings::req_op_REQ_OP_FLUSH => Self::Flush,
            bindings::req_op_REQ_OP_DISCARD => Self::Discard,
            bindings::req_op_REQ_OP_WRITE_ZEROES => Self::WriteZeroes,
            op => Self::Other(op),
        }
    }
}

impl_flags! {
    /// Flags of an operation (`REQ_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags(u32);

    /// One flag of an operation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Flag {
        /// Nobody waits for the operation.
        Background = bindings::REQ_BACKGROUND,
        /// The data must be on stable storage before the operation completes.
        ForcedUnitAccess = bindings::REQ_FUA,
        /// The operation must not be merged with another.
        NoMerge = bindings::REQ_NOMERGE,
        /// Write zeroes without freeing space.
        NoUnmap = bindings::REQ_NOUNMAP,
        /// Fail rather than wait.
        NoWait = bindings::REQ_NOWAIT,
        /// Flush the volatile write cache before the operation.
        Preflush = bindings::REQ_PREFLUSH,
        /// The data was not asked for yet.
        ReadAhead = bindings::REQ_RAHEAD,
        /// Somebody waits for the operation.
        Sync = bindings::REQ_SYNC,
    }
}

impl Flags {
    #[inline]
    pub(in crate::block) fn from_raw(opf: bindings::blk_opf_t) -> Self {
        Self(opf & Self::all_bits())
    }
}
