// SPDX-License-Identifier: GPL-2.0

//! How a device is set up: what user space has said before, and while, it is connected.
//!
//! [`Setup`] has the values that count. When a session begins or changes, size, flags and timeout are
//! copied to [`Traffic`](crate::links::traffic::Traffic), where the I/O path and debugfs read them, and the
//! limits of the queue are computed from them.

use crate::{
    links::{
        link::Place,
        threads::Threads, //
    },
    logic::{
        flags::ServerFlags,
        size::Size, //
    },
    session::info::Files, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::{
    block::gen_disk::AttributeFile,
    module_ref::ModuleRef,
    net::Socket, //
};

/// The most connections of a device.
pub(crate) const MAX_LINKS: usize = 64;

/// A session. Fields are dropped in order.
pub(crate) struct Session {
    pub(super) id: u64,
    pub(super) netlink: bool,
    /// The threads of each place.
    pub(super) threads: KVec<Threads>,
    pub(super) places: KVec<Arc<Place>>,
    /// Its files: `pid`, `backend` if it was begun over netlink, and those in debugfs.
    pub(super) _pid: AttributeFile,
    pub(super) _backend: Option<AttributeFile>,
    pub(super) _files: Files,
    pub(super) _module: ModuleRef,
}

impl Session {
    /// Returns its number, which no other session of the device has had.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns whether it was begun over netlink.
    pub(crate) fn is_netlink(&self) -> bool {
        self.netlink
    }
}

/// What a device is told.
pub(crate) struct Setup {
    /// Size of the device and of its blocks.
    pub(crate) size: Size,
    /// What the export can do.
    pub(crate) flags: ServerFlags,
    /// Within how many seconds the server is to reply; zero if it may take any time.
    pub(crate) timeout: u32,
    /// For how many seconds requests wait when all connections are lost.
    pub(crate) dead_timeout: u32,
    /// Whether the session ends when nobody has the disk open any more.
    pub(crate) disconnect_on_close: bool,
    /// Connections that a session is to have.
    pub(crate) sockets: KVec<Socket>,
    /// The task that has added the first of them with an ioctl.
    pub(crate) owner: Option<i32>,
    /// Whether something was set with an ioctl, by somebody who still has the disk open.
    pub(crate) begun: bool,
    /// The session, while there is one.
    pub(crate) session: Option<Session>,
    /// Whether the disk shows what it was in a session, from then until nobody has it open.
    pub(crate) shown: bool,
}

impl Setup {
    /// A device that nobody has told anything.
    pub(crate) fn new() -> Self {
        Self {
            size: Size::default(),
            flags: ServerFlags::default(),
            timeout: 0,
            dead_timeout: 0,
            disconnect_on_close: false,
            sockets: KVec::new(),
            owner: None,
            begun: false,
            session: None,
            shown: false,
        }
    }

    /// Forgets all but that the disk shows it still.
    pub(crate) fn reset(&mut self) {
        let shown = self.shown;
        *self = Self::new();
        self.shown = shown;
    }

    /// Adds the connection that `open` opens.
    ///
    /// Fails with `EINVAL` if there are as many as can be; then `open` is not called.
    pub(crate) fn add_socket(&mut self, open: impl FnOnce() -> Result<Socket>) -> Result {
        if self.sockets.len() >= MAX_LINKS {
            return Err(EINVAL);
        }
        self.sockets.push(open()?, GFP_KERNEL)?;
        Ok(())
    }

    /// Returns whether somebody uses the device, is about to, or has it open since before the end of
    /// the last session. What such an opener has written must not go to another server.
    pub(crate) fn is_busy(&self) -> bool {
        self.session.is_some() || self.owner.is_some() || self.begun || self.shown
    }

    /// Returns whether the session was begun over netlink.
    pub(crate) fn is_netlink(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_netlink)
    }

    /// Returns for how many milliseconds requests wait when all connections are lost.
    pub(crate) fn dead_timeout_ms(&self) -> u64 {
        u64::from(self.dead_timeout).saturating_mul(1000)
    }

    /// Returns the number of the session, if there is one.
    pub(crate) fn session_id(&self) -> Option<u64> {
        self.session.as_ref().map(Session::id)
    }
}
