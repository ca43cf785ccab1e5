// SPDX-License-Identifier: GPL-2.0

use super::request::{
    Forwarded,
    IdleRequest,
    Rejected,
    Request, //
};
use crate::block::{
    error::BlkResult,
    gen_disk::{
        self,
        Borrowed, //
    },
};
use kernel::prelude::*;

/// The I/O of a disk with a blk-mq front.
#[vtable]
pub trait Operations: gen_disk::Operations {
    /// The driver's data of each request.
    type RequestData: Send + Sync + 'static;

    /// Data of the tag set.
    type SetData: Send + Sync + 'static;

    /// Returns an initializer for the data of one request.
    fn new_request_data(set: &Self::SetData) -> impl PinInit<Self::RequestData, Error>;

    /// Takes a request: starts it, or rejects it.
    fn queue_rq<'a>(
        data: Borrowed<'_, Self>,
        rq: IdleRequest<'a, Self::RequestData>,
        is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>>;

    /// Called when no more requests follow, although `is_last` was false.
    fn commit_rqs(_data: Borrowed<'_, Self>) {
        build_error!()
    }

    /// Called when a request has not ended in time.
    fn timeout(_data: Borrowed<'_, Self>, _queue: u32, _tag: u32) -> Timeout {
        Timeout::Later
    }

    /// Called when a request that was forwarded has completed below.
    fn forwarded(
        _data: Borrowed<'_, Self>,
        _rq: &Request<Self::RequestData>,
        result: BlkResult,
    ) -> Forwarded {
        Forwarded::End(result)
    }
}

/// What has become of a request whose time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// It has ended, or was requeued.
    Done,
    /// It may take as long again.
    Later,
}
