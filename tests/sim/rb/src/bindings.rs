// SPDX-License-Identifier: GPL-2.0

//! What the files of `rust/` that are used here as they are take from C.

#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    missing_docs,
    unsafe_code,
    reason = "these are the names of C, and functions that its callers find unsafe"
)]

use kernel::sim::context::{
    within,
    Kind, //
};

pub type dev_t = u32;
pub type blk_status_t = u8;
pub type blk_opf_t = u32;
pub type blk_features_t = u32;

pub const MINORBITS: u32 = 20;

pub const NLA_U8: u8 = 1;
pub const NLA_U32: u8 = 3;
pub const NLA_U64: u8 = 4;
pub const NLA_STRING: u8 = 5;
pub const NLA_NESTED: u8 = 8;

pub const REQ_OP_MASK: u32 = 0xff;
pub const req_op_REQ_OP_READ: u32 = 0;
pub const req_op_REQ_OP_WRITE: u32 = 1;
pub const req_op_REQ_OP_FLUSH: u32 = 2;
pub const req_op_REQ_OP_DISCARD: u32 = 3;
pub const req_op_REQ_OP_WRITE_ZEROES: u32 = 9;

pub const REQ_SYNC: u32 = 1 << 11;
pub const REQ_NOMERGE: u32 = 1 << 14;
pub const REQ_FUA: u32 = 1 << 17;
pub const REQ_PREFLUSH: u32 = 1 << 18;
pub const REQ_RAHEAD: u32 = 1 << 19;
pub const REQ_BACKGROUND: u32 = 1 << 20;
pub const REQ_NOWAIT: u32 = 1 << 21;
pub const REQ_NOUNMAP: u32 = 1 << 25;

pub const EDEADLK: u32 = 35;
pub const EDQUOT: u32 = 122;
pub const ENOSYS: u32 = 38;
pub const EOPNOTSUPP: u32 = 95;
pub const ESTALE: u32 = 116;

pub const BLK_STS_OK: u8 = 0;
pub const BLK_STS_NOTSUPP: u8 = 1;
pub const BLK_STS_TIMEOUT: u8 = 2;
pub const BLK_STS_NOSPC: u8 = 3;
pub const BLK_STS_MEDIUM: u8 = 7;
pub const BLK_STS_RESOURCE: u8 = 9;
pub const BLK_STS_IOERR: u8 = 10;
pub const BLK_STS_AGAIN: u8 = 12;
pub const BLK_STS_DEV_RESOURCE: u8 = 13;
pub const BLK_STS_OFFLINE: u8 = 16;
pub const BLK_STS_INVAL: u8 = 19;

pub const BLK_FEAT_WRITE_CACHE: u32 = 1 << 0;
pub const BLK_FEAT_FUA: u32 = 1 << 1;
pub const BLK_FEAT_ROTATIONAL: u32 = 1 << 2;
pub const BLK_FEAT_IO_STAT: u32 = 1 << 4;
pub const BLK_FEAT_STABLE_WRITES: u32 = 1 << 5;
pub const BLK_FEAT_SYNCHRONOUS: u32 = 1 << 6;
pub const BLK_FEAT_NOWAIT: u32 = 1 << 7;

/// Codes of status and error that belong together.
const CODES: [(u8, i32); 11] = [
    (BLK_STS_OK, 0),
    (BLK_STS_NOTSUPP, -95),
    (BLK_STS_TIMEOUT, -110),
    (BLK_STS_NOSPC, -28),
    (BLK_STS_MEDIUM, -61),
    (BLK_STS_RESOURCE, -12),
    (BLK_STS_AGAIN, -11),
    (BLK_STS_DEV_RESOURCE, -16),
    (BLK_STS_OFFLINE, -19),
    (BLK_STS_INVAL, -22),
    (BLK_STS_IOERR, -5),
];

/// # Safety
///
/// None is needed.
pub unsafe fn blk_status_to_errno(status: blk_status_t) -> i32 {
    CODES
        .iter()
        .find(|code| code.0 == status)
        .map_or(-5, |code| code.1)
}

/// # Safety
///
/// None is needed.
pub unsafe fn errno_to_blk_status(errno: i32) -> blk_status_t {
    CODES
        .iter()
        .find(|code| code.1 == errno)
        .map_or(BLK_STS_IOERR, |code| code.0)
}

/// Nobody is within code that is left behind: tasks of a simulation end.
///
/// # Safety
///
/// None is needed.
pub unsafe fn synchronize_text() {}

/// Returns whether what the task submits is queued.
///
/// # Safety
///
/// None is needed.
pub unsafe fn in_submission() -> bool {
    within(Kind::Submission).is_some()
}

/// A block device, as who has it open has it.
pub struct block_device {
    /// Has it flush its cache; returns an error as C does.
    pub flush: Box<dyn Fn() -> i32 + Send + Sync>,
}

/// # Safety
///
/// The device must be there.
pub unsafe fn blkdev_issue_flush(bdev: *mut block_device) -> i32 {
    // SAFETY: By the safety requirements of this function.
    let bdev = unsafe { &*bdev };
    (bdev.flush)()
}

#[derive(Clone, Copy, Default)]
pub struct queue_limits {
    pub features: blk_features_t,
    pub logical_block_size: u32,
    pub physical_block_size: u32,
    pub io_min: u32,
    pub io_opt: u32,
    pub max_hw_sectors: u32,
    pub max_segments: u16,
    pub max_segment_size: u32,
    pub chunk_sectors: u32,
    pub dma_alignment: u32,
    pub max_hw_discard_sectors: u32,
    pub discard_granularity: u32,
    pub discard_alignment: u32,
    pub max_write_zeroes_sectors: u32,
    pub max_hw_wzeroes_unmap_sectors: u32,
}

#[derive(Default)]
pub struct request_queue {
    pub limits: queue_limits,
}
