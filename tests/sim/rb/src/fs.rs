// SPDX-License-Identifier: GPL-2.0

//! Files that a driver opens.

use crate::{
    block::dev_t::DevT,
    sim::vfs::{
        Content,
        File,
        Open, //
    }, //
};
use kernel::{
    prelude::*,
    sim,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};
use std::{
    rc::Rc,
    sync::Mutex, //
};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For reading.
    Read,
    /// For reading and writing.
    ReadWrite,
    /// For reading and writing, as a new file. Its name goes when it is closed, unless
    /// [`OpenFile::keep`] was called.
    Create,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// The node of the block device with this number.
    Block(DevT),
    /// Anything else.
    Other,
}

/// What is known about a file.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// Size in bytes; zero of a device.
    pub size: u64,
    /// When it was modified, in seconds; of a device, its node.
    pub mtime: i64,
    /// Unit of the positions and lengths of direct I/O in bytes, and that of memory addresses; both
    /// zero if there is no direct I/O.
    pub direct: (u32, u32),
}

/// An open file, which is closed when this is dropped.
pub struct OpenFile {
    open: Mutex<Open>,
    is_temporary: Atomic<bool>,
}

impl OpenFile {
    /// Opens the file at `path`.
    pub fn open(path: &[u8], mode: Mode) -> Result<Self> {
        sim::might_sleep("opening a file");
        if path.contains(&0) {
            return Err(EINVAL);
        }
        if !sim::faults::allocate(sim::faults::Allocation::Kernel) {
            return Err(ENOMEM);
        }
        let open = Open::new(path, mode != Mode::Read, mode == Mode::Create)?;
        Ok(Self {
            open: Mutex::new(open),
            is_temporary: Atomic::new(mode == Mode::Create),
        })
    }

    fn with<R>(&self, f: impl FnOnce(&mut Open) -> R) -> R {
        f(&mut self
            .open
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Returns the file, if it is a regular one.
    pub(crate) fn regular(&self) -> Option<Rc<dyn File>> {
        match self.with(|open| open.content()) {
            Content::Regular(file) => Some(file),
            Content::Block(..) => None,
        }
    }

    /// Returns what the file is.
    pub fn kind(&self) -> Kind {
        match self.with(|open| open.content()) {
            Content::Regular(_) => Kind::Regular,
            Content::Block(dev, _) => Kind::Block(dev),
        }
    }

    /// Has a file that was made by [`Mode::Create`] stay when it is closed.
    pub fn keep(&self) {
        self.is_temporary.store(false, Relaxed);
    }

    /// Returns what is known about the file now.
    pub fn stat(&self) -> Result<Stat> {
        sim::might_sleep("asking about a file");
        sim::point();
        Ok(match self.with(|open| open.content()) {
            Content::Regular(file) => Stat {
                size: file.size(),
                mtime: file.mtime(),
                direct: file.direct(),
            },
            Content::Block(_, mtime) => Stat {
                size: 0,
                mtime,
                direct: (0, 0),
            },
        })
    }

    /// Returns whether the two are the same file.
    pub fn is_same(&self, other: &Self) -> bool {
        self.with(|open| open.inode) == other.with(|open| open.inode)
    }

    /// Locks the whole file until it is closed.
    pub fn lock(&self, exclusive: bool) -> Result {
        self.with(|open| open.lock(exclusive))
    }

    /// Denies others to open the file for writing.
    pub fn deny_writers(&mut self) -> Result {
        self.with(Open::deny_writers)
    }

    /// Has what was written to the file put on stable storage.
    pub fn sync(&self) -> Result {
        sim::might_sleep("fsync()");
        sim::point();
        // A file system needs memory for it.
        sim::faults::may_wait_for_io();
        self.regular().ok_or(EINVAL)?.sync()
    }

    /// Frees the blocks of a part of the file.
    pub fn punch_hole(&self, pos: u64, len: u64) -> Result {
        sim::might_sleep("fallocate()");
        sim::point();
        sim::faults::may_wait_for_io();
        if len == 0 {
            return Err(EINVAL);
        }
        self.regular().ok_or(EINVAL)?.punch(pos, len)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        sim::might_sleep("closing a file");
        if self.is_temporary.load(Relaxed) {
            self.with(|open| open.unlink());
        }
    }
}
