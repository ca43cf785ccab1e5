// SPDX-License-Identifier: GPL-2.0

//! What a driver keeps its data in: a regular file or a block device.
//!
//! Both are opened by a path. I/O to them goes through a [`LowerIo`](super::lower_io::LowerIo).

use super::{
    bdev::{
        self,
        BdevFile, //
    },
    inflight::{
        Inflight,
        InflightGuard, //
    },
    submission,
    SECTOR_SHIFT, //
};
use crate::{
    bindings,
    fs::{
        Kind,
        Mode,
        OpenFile, //
    }, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc, //
};

/// How others may use the file or device that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody: the lock on it is exclusive, unless it is only read, and a device is claimed.
    Alone,
    /// Those who read it: the lock is shared, and nobody can open a file for writing. A device is
    /// claimed together with others that this module has opened in this way.
    Readers,
}

/// A regular file or a block device, open and locked.
///
/// Dropping this waits until all I/O to it has completed, so it must not happen in atomic context.
///
/// # Examples
///
/// ```no_run
/// # use rb::{block::lower::{Lower, Sharing}, fs::Mode};
/// let mut image = Lower::open(b"/var/lib/images/root", Mode::Read, Sharing::Readers)?;
/// image.use_direct_io(512)?;
/// let bytes = image.bytes()?;
/// ```
///
/// # Invariants
///
/// `bdev` is there if and only if `file` is that of a block device, which it has opened, too.
pub struct Lower {
    /// Closed before the file, and with it the lock on its node, is.
    bdev: Option<BdevFile>,
    file: OpenFile,
    inflight: Arc<Inflight>,
    direct: bool,
}

impl Lower {
    /// Opens what is at `path`, as the current task would, and locks it.
    ///
    /// Fails with [`EBUSY`] if somebody else has a lock on it, or uses it, that conflicts, [`EINVAL`] if
    /// it is neither a regular file nor a block device, and with what opening it fails with. May
    /// sleep.
    pub fn open(path: &[u8], mode: Mode, sharing: Sharing) -> Result<Self> {
        let mut file = OpenFile::open(path, mode)?;
        let kind = file.kind();
        if kind == Kind::Other {
            return Err(EINVAL);
        }
        let writes = mode != Mode::Read;
        file.lock(writes && sharing == Sharing::Alone)
            .map_err(busy)?;
        if kind == Kind::Regular && sharing == Sharing::Readers {
            file.deny_writers().map_err(busy)?;
        }
        let bdev = match kind {
            Kind::Block(dev) if sharing == Sharing::Alone => {
                let mode = if writes {
                    bdev::Mode::ReadWrite
                } else {
                    bdev::Mode::Read
                };
                Some(BdevFile::open(dev, mode)?)
            }
            Kind::Block(dev) => Some(BdevFile::open_shared(dev)?),
            _ => None,
        };
        // INVARIANT: The block device that the file is of was opened.
        Ok(Self {
            bdev,
            file,
            inflight: Inflight::new()?,
            direct: false,
        })
    }

    /// Returns the file.
    pub fn file(&self) -> &OpenFile {
        &self.file
    }

    /// Returns the block device, if it is one.
    pub fn bdev(&self) -> Option<&BdevFile> {
        self.bdev.as_ref()
    }

    /// Returns the size in bytes. Fails as [`OpenFile::stat`]; may sleep.
    pub fn bytes(&self) -> Result<u64> {
        match &self.bdev {
            Some(bdev) => bdev
                .nr_sectors()
                .checked_mul(1 << SECTOR_SHIFT)
                .ok_or(EFBIG),
            None => Ok(self.file.stat()?.size),
        }
    }

    /// Has I/O to a file go past the page cache, if it can be in units of `unit` bytes of the file and
    /// of memory; I/O to a block device always does. Returns whether it goes past it.
    ///
    /// Fails as [`OpenFile::stat`]; may sleep.
    pub fn use_direct_io(&mut self, unit: u32) -> Result<bool> {
        let (positions, memory) = self.file.stat()?.direct;
        let fits = |least: u32| least != 0 && unit.checked_rem(least) == Some(0);

        self.direct = self.bdev.is_some() || (fits(positions) && fits(memory));
        Ok(self.direct)
    }

    /// Returns whether I/O goes past the page cache.
    pub fn is_direct(&self) -> bool {
        self.direct || self.bdev.is_some()
    }

    /// Has what was written put on stable storage, and waits for it.
    ///
    /// Fails with `EDEADLK` as a [`LowerIo`](super::lower_io::LowerIo), and with what the I/O fails with.
    /// Sleeps; for a block device, it allocates nothing.
    pub fn sync(&self) -> Result {
        submission::may_wait()?;
        match &self.bdev {
            // SAFETY: The block device is open as long as `bdev` is.
            Some(bdev) => to_result(unsafe { bindings::blkdev_issue_flush(bdev.as_raw()) }),
            None => self.file.sync(),
        }
    }

    /// Counts one more I/O, until the guard is dropped.
    #[inline]
    pub(super) fn begin_io(&self) -> InflightGuard {
        Inflight::begin(&self.inflight)
    }
}

impl Drop for Lower {
    fn drop(&mut self) {
        self.inflight.wait();
    }
}

/// What users know for a conflict.
fn busy(err: Error) -> Error {
    match err {
        EAGAIN | EACCES | ETXTBSY => EBUSY,
        err => err,
    }
}
