// SPDX-License-Identifier: GPL-2.0

//! Requests of a disk, and the messages for them.

use crate::logic::wire::{
    Cookie,
    RequestHeader,
    RequestType, //
    COMMAND_FUA,
    COMMAND_NO_HOLE,
};
use rb::block::{
    bio::{
        Command,
        Flag, //
    },
    mq::Request,
    SECTOR_SHIFT, //
};

/// A request of a disk.
pub(crate) type NbdRequest = Request<()>;

/// Returns what a request asks the server for, if that can be said.
pub(crate) fn kind_of(rq: &NbdRequest) -> Option<RequestType> {
    wire_kind(rq.command())
}

fn wire_kind(command: Command) -> Option<RequestType> {
    match command {
        Command::Read => Some(RequestType::Read),
        Command::Write => Some(RequestType::Write),
        Command::Flush => Some(RequestType::Flush),
        Command::Discard => Some(RequestType::Trim),
        Command::WriteZeroes => Some(RequestType::WriteZeroes),
        Command::Other(_) => None,
    }
}

/// Returns the message for a request.
pub(crate) fn wire_request(rq: &NbdRequest, cookie: Cookie) -> Option<RequestHeader> {
    let kind = kind_of(rq)?;
    let mut flags = 0;

    if rq.flags().contains(Flag::ForcedUnitAccess) {
        flags |= COMMAND_FUA;
    }
    if kind == RequestType::WriteZeroes && rq.flags().contains(Flag::NoUnmap) {
        flags |= COMMAND_NO_HOLE;
    }
    let (offset, length) = match kind {
        RequestType::Flush => (0, 0),
        _ => (rq.sector() << SECTOR_SHIFT, rq.bytes()),
    };
    Some(RequestHeader {
        flags,
        kind,
        cookie: cookie.encode(),
        offset,
        length,
    })
}
