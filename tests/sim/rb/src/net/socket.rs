// SPDX-License-Identifier: GPL-2.0

//! Sockets that user space has connected, for block I/O over a network.

use crate::{
    block::bio::BioIter,
    sim::sockets::{
        self,
        Stream, //
    },
};
use kernel::{
    prelude::*,
    sim, //
};
use std::sync::Arc as Shared;

/// Bytes that are copied between two points at which another task may run.
const PIECE: usize = 512;

/// Returns the error for a socket that is no plain stream.
pub fn not_plain() -> Error {
    EOPNOTSUPP
}

/// How a socket is set up.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// The size of the send buffer in bytes.
    pub send_buffer: Option<usize>,
    /// The size of the receive buffer in bytes.
    pub receive_buffer: Option<usize>,
    /// Whether the socket may use the reserves of memory, and starts no I/O of its own.
    pub memalloc: bool,
}

/// A connected stream socket from user space that carries block I/O.
pub struct Socket(Shared<Stream>);

impl Socket {
    /// Takes the socket that file descriptor `fd` of the current task stands for.
    pub fn from_fd(fd: u32, options: &Options) -> Result<Self> {
        sim::might_sleep("taking a socket");
        sim::point();
        let stream = sockets::find(fd).ok_or(EBADF)?;
        stream.begin_io(options.send_buffer)?;
        Ok(Self(stream))
    }

    /// Returns for how many milliseconds nothing has moved.
    pub fn quiet_ms(&self) -> u32 {
        u32::try_from(self.0.quiet() / 1_000_000).unwrap_or(u32::MAX)
    }

    /// Sends `header` and the data of the bios of a write, all of it.
    pub fn send(&self, header: &[u8], payload: Option<BioIter<'_>>, _more: bool) -> Result {
        sim::might_sleep("sending");
        self.0.send(header)?;
        for bio in payload.into_iter().flatten() {
            bio.source().ok_or(EINVAL)?;
            for piece in &bio.pieces {
                for begin in (0..piece.len).step_by(PIECE) {
                    let len = PIECE.min(piece.len - begin);
                    let copy = |bytes: &mut [u8]| bytes.to_vec();
                    let bytes = piece.page.with(piece.offset + begin, len, copy);
                    self.0.send(&bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Receives as many bytes as `buf` has room for.
    pub fn receive(&self, buf: &mut [u8]) -> Result {
        sim::might_sleep("receiving");
        self.0.receive(buf)
    }

    /// Receives the data of the bios of a read, all of it.
    pub fn receive_bios(&self, bios: BioIter<'_>) -> Result {
        sim::might_sleep("receiving");
        for bio in bios {
            bio.destination().ok_or(EINVAL)?;
            for piece in &bio.pieces {
                for begin in (0..piece.len).step_by(PIECE) {
                    let mut bytes = vec![0; PIECE.min(piece.len - begin)];
                    self.0.receive(&mut bytes)?;
                    let copy = |place: &mut [u8]| place.copy_from_slice(&bytes);
                    piece.page.with(piece.offset + begin, bytes.len(), copy);
                }
            }
        }
        Ok(())
    }

    /// Ends the connection both ways; what was sent still arrives.
    pub fn shutdown(&self) {
        sim::might_sleep("shutting a socket down");
        self.0.shut_down();
    }

    /// As [`Self::shutdown`], but nothing leaves this machine any more.
    pub fn abort(&self) {
        sim::might_sleep("aborting a connection");
        self.0.abort();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        sim::might_sleep("closing a socket");
        self.0.end_io();
    }
}
