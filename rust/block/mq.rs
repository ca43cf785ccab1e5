// SPDX-License-Identifier: GPL-2.0

//! Disks with a blk-mq front: the driver gets requests, that obey the limits of the queue.
//!
//! A request is a type with states: [`IdleRequest`], started to [`Request`], ended. A request that
//! is dropped in any state is ended with an error, so none is ever lost.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)

mod disk;
mod forward;
mod lower;
mod operations;
mod queue;
mod request;
mod set_data;
mod tag_set;
mod work;

pub use forward::Forwarded;
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
pub use queue::RequestQueue;
pub use request::{
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
