// SPDX-License-Identifier: GPL-2.0

//! Files that a driver opens.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    bindings,
    block::{
        dev_t::DevT,
        submission, //
    },
};
use core::ptr::NonNull;
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For reading.
    Read,
    /// For reading and writing.
    ReadWrite,
    /// For reading and writing, as a new file, which only its owner may write to. Its name goes when it
    /// is closed, unless [`OpenFile::keep`] was called.
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

/// What is known about a file; copied when asked for, since its owner may change it.
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
///
/// Closing it may sleep, and gives back the lock that [`OpenFile::lock`] has taken.
///
/// # Examples
///
/// ```
/// use rb::fs::{Kind, Mode, OpenFile};
/// # fn example(path: &[u8]) -> Result {
/// let file = OpenFile::open(path, Mode::Read)?;
/// if matches!(file.kind(), Kind::Other) {
///     return Err(EINVAL);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// `file` is an open file, and one reference to it is owned. If `denies_writers` is set, writers are
/// denied on its behalf, once.
pub struct OpenFile {
    file: NonNull<bindings::file>,
    denies_writers: bool,
    /// Whether its name goes with it.
    is_temporary: Atomic<bool>,
}

// SAFETY: A file may be closed on any thread.
unsafe impl Send for OpenFile {}

// SAFETY: All that a `&OpenFile` allows is synchronized by the file system.
unsafe impl Sync for OpenFile {}

impl OpenFile {
    /// Opens the file at `path`, as the current task would: with its root, its working directory,
    /// and its rights.
    ///
    /// Since Linux 7.3 the root of kernel threads is empty, so that they find nothing.
    ///
    /// It does not wait for the other side of a pipe. I/O of the driver is never held up by programs that
    /// are asked for permission (fanotify); opening the file is.
    ///
    /// Fails with [`EINVAL`] if there is a NUL in the path, and with what opening a file fails with.
    /// May sleep.
    pub fn open(path: &[u8], mode: Mode) -> Result<Self> {
        let path = with_nul(path)?;
        let flags = match mode {
            Mode::Read => bindings::O_RDONLY,
            Mode::ReadWrite => bindings::O_RDWR,
            Mode::Create => bindings::O_RDWR | bindings::O_CREAT | bindings::O_EXCL,
        } | bindings::O_LARGEFILE
            | bindings::O_NONBLOCK;

        // SAFETY: The path is terminated, and lives during the call.
        let file = from_err_ptr(unsafe {
            bindings::filp_open(path.as_ptr().cast(), flags as c_int, CREATED)
        })?;
        // SAFETY: The file was opened just now, and nobody else has it.
        unsafe { bindings::file_no_perm_events(file) };
        // INVARIANT: The file was opened; the reference is ours.
        Ok(Self {
            // SAFETY: A valid pointer is not null.
            file: unsafe { NonNull::new_unchecked(file) },
            denies_writers: false,
            is_temporary: Atomic::new(mode == Mode::Create),
        })
    }

    /// Returns the raw file.
    #[inline]
    pub(crate) fn as_raw(&self) -> *mut bindings::file {
        self.file.as_ptr()
    }

    /// Returns what the file is.
    pub fn kind(&self) -> Kind {
        // SAFETY: By the type invariant, the file is valid.
        let mode = u32::from(unsafe { bindings::file_mode(self.as_raw()) });
        match mode & bindings::S_IFMT {
            bindings::S_IFREG => Kind::Regular,
            // SAFETY: As above.
            bindings::S_IFBLK => Kind::Block(DevT::from_raw(unsafe {
                bindings::file_rdev(self.as_raw())
            })),
            _ => Kind::Other,
        }
    }

    /// Has a file that was made by [`Mode::Create`] stay when it is closed.
    pub fn keep(&self) {
        self.is_temporary.store(false, Relaxed);
    }

    /// Returns what is known about the file now.
    ///
    /// Fails with what the file system fails with, which may have to ask a server. May sleep.
    pub fn stat(&self) -> Result<Stat> {
        let (mut size, mut mtime) = (0, 0);
        let mut direct = (0, 0);
        // SAFETY: By the type invariant, the file is valid; the others are valid for writes.
        to_result(unsafe {
            bindings::file_stat(
                self.as_raw(),
                &mut size,
                &mut mtime,
                &mut direct.0,
                &mut direct.1,
            )
        })?;
        Ok(Stat {
            size,
            mtime,
            direct,
        })
    }

    /// Returns whether the two are the same file.
    pub fn is_same(&self, other: &Self) -> bool {
        // SAFETY: By the type invariant, the files are valid.
        unsafe { bindings::file_is_same(self.as_raw(), other.as_raw()) }
    }

    /// Locks the whole file until it is closed: exclusively, or together with others that share it.
    ///
    /// The lock is that of `fcntl(F_OFD_SETLK)`, and so conflicts with those of `fcntl(F_SETLK)`. Fails
    /// with [`EAGAIN`] if somebody else has a lock that conflicts, and with what the file system fails
    /// with. May sleep, but does not wait for others to give a lock back.
    pub fn lock(&self, exclusive: bool) -> Result {
        // SAFETY: By the type invariant, the file is valid.
        to_result(unsafe { bindings::file_lock(self.as_raw(), exclusive) })
    }

    /// Denies others to open the file for writing, until this one is closed.
    ///
    /// Fails with [`ETXTBSY`] if somebody has it open for writing.
    pub fn deny_writers(&mut self) -> Result {
        if !self.denies_writers {
            // SAFETY: By the type invariant, the file is valid.
            to_result(unsafe { bindings::file_deny_write(self.as_raw()) })?;
            // INVARIANT: Writers are denied, once.
            self.denies_writers = true;
        }
        Ok(())
    }

    /// Has what was written to the file put on stable storage, and waits for it.
    ///
    /// Fails with `EDEADLK` while the task submits I/O to a disk itself, and with what the I/O fails
    /// with. Sleeps.
    pub fn sync(&self) -> Result {
        submission::may_wait()?;
        // SAFETY: By the type invariant, the file is valid.
        to_result(unsafe { bindings::vfs_fsync(self.as_raw(), 0) })
    }

    /// Frees the blocks of a part of the file, which then reads as zeroes; its size stays.
    ///
    /// Fails with `EOPNOTSUPP` if the file system cannot do that, [`EINVAL`] if the part is empty or
    /// out of range, and as [`OpenFile::sync`]. Sleeps.
    pub fn punch_hole(&self, pos: u64, len: u64) -> Result {
        submission::may_wait()?;
        let pos = pos.try_into().map_err(|_| EINVAL)?;
        let len = len.try_into().map_err(|_| EINVAL)?;
        // SAFETY: By the type invariant, the file is valid; C checks the numbers.
        to_result(unsafe { bindings::file_punch_hole(self.as_raw(), pos, len) })
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the file is open, writers are denied if we say so, and the
        // reference is ours. It is the last one, unless C uses the file meanwhile, which has its own.
        unsafe {
            if self.is_temporary.load(Relaxed) {
                // If it fails, for instance since somebody has removed it, nothing else can be done.
                bindings::file_unlink(self.as_raw());
            }
            if self.denies_writers {
                bindings::file_allow_write(self.as_raw());
            }
            bindings::__fput_sync(self.as_raw());
        }
    }
}

/// The mode of a file that is created.
const CREATED: bindings::umode_t = 0o644;

/// Returns the path as C wants it.
fn with_nul(path: &[u8]) -> Result<KVec<u8>> {
    if path.contains(&0) {
        return Err(EINVAL);
    }
    let mut terminated = KVec::with_capacity(path.len().checked_add(1).ok_or(EINVAL)?, GFP_KERNEL)?;
    terminated.extend_from_slice(path, GFP_KERNEL)?;
    terminated.push(0, GFP_KERNEL)?;
    Ok(terminated)
}
