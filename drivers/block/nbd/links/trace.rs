// SPDX-License-Identifier: GPL-2.0

//! Tracepoints, `/sys/kernel/tracing/events/nbd`: those of the kernel's own driver.
//!
//! `handle` is the cookie of a message, which the reply to a request has, too.

use crate::{
    links::request::NbdRequest,
    logic::wire::REQUEST_LEN, //
};

rb::tracepoints! {
    /// A request is about to be sent by device `index`, with this header. Programs of BPF may change that.
    pub(crate) fn nbd_send_request(header: &mut [u8; REQUEST_LEN], index: i32, rq: &NbdRequest);

    /// The header of a request was sent.
    pub(crate) fn nbd_header_sent(rq: &NbdRequest, handle: u64);

    /// A request was sent as a whole, be it with data or not.
    pub(crate) fn nbd_payload_sent(rq: &NbdRequest, handle: u64);

    /// The header of a reply was received.
    pub(crate) fn nbd_header_received(rq: &NbdRequest, handle: u64);

    /// A reply was received as a whole, be it with data or not.
    pub(crate) fn nbd_payload_received(rq: &NbdRequest, handle: u64);
}
