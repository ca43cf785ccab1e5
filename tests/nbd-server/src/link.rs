// SPDX-License-Identifier: GPL-2.0
//! The socket of a client.

use crate::lock::lock;
use rustix::net::Shutdown;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Mutex;

/// A socket, which other connections may send to and cut, too.
pub struct Link {
    /// What the client sends.
    pub socket: File,
    out: Mutex<File>,
}

impl Link {
    /// The link of a socket.
    pub fn new(socket: File) -> io::Result<Self> {
        let out = Mutex::new(socket.try_clone()?);
        Ok(Self { socket, out })
    }

    /// Sends all of it, before anything else is sent.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.out).write_all(bytes)
    }

    /// Ends both directions.
    pub fn cut(&self) {
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
    }
}
