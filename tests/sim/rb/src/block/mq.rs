// SPDX-License-Identifier: GPL-2.0

//! Disks with a blk-mq front: the driver gets requests, that obey the limits of the queue.

mod forward;
mod front;
mod hardware;
mod lower;
mod operations;
mod raw;
mod request;
mod tag_set;
mod tags;
mod work;

pub(crate) use hardware::Hardware;
pub use hardware::RequestQueue;
pub use lower::{
    Action,
    LowerUser,
    Part,
    Patience, //
};
pub use operations::{
    Operations,
    Timeout, //
};
pub use request::{
    Forwarded,
    IdleRequest,
    MaySleep,
    Rejected,
    Request, //
};
pub use tag_set::{
    Flag,
    Flags,
    TagSet,
    TagSetOptions, //
};
