// SPDX-License-Identifier: GPL-2.0

use super::request::Request;
use crate::{
    bindings,
    block::{
        bio::Command,
        lower::Lower,
        lower_io::{
            LowerIo,
            Owner,
            Way, //
        },
        submission,
    },
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// Data of a request that is carried out by I/O to files and devices below.
pub trait LowerUser: Send + Sync + Sized {
    /// Returns what the I/O is done with, always the same.
    fn lower_io(&self) -> &LowerIo;

    /// Gives the request back when an I/O of it has completed, with how many bytes were done, or the
    /// error.
    ///
    /// Any context, interrupts included; maybe before [`Request::submit_lower`] has returned. It must
    /// not drop what the I/O was done with, nor the [`Lower`], which would wait for this call.
    fn lower_done(rq: Request<Self>, result: Result<u32>);
}

/// What an I/O of a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads into the data of the request, which is a read.
    Read,
    /// Writes the data of the request, which is a write.
    Write,
    /// Writes zeroes. It has nothing to do with the data of the request, which may have none.
    WriteZeroes,
}

/// A part of a request, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What is done.
    pub action: Action,
    /// Where in the lower file or device it starts, in bytes.
    pub pos: u64,
    /// Where in the data of the request it starts, in bytes.
    pub skip: u32,
    /// How many bytes it is; fewer may be done.
    pub bytes: u32,
}

impl<D: LowerUser> Request<D> {
    /// Carries out a part of the request on a lower file or device.
    ///
    /// The request comes back through [`LowerUser::lower_done`], exactly once. The result is
    /// [`EINVAL`] if the part is empty, the request is none for that action, or, for a block device,
    /// the part is not whole sectors, [`EBUSY`] if the [`LowerIo`] is in use, and `EDEADLK` for a file if
    /// this is called from `queue_rq` for a task that submits: the file system may wait for I/O, which
    /// is queued then. A worker can call it, see [`Request::enqueue`].
    ///
    /// Process context; may sleep. It allocates nothing, but a lower file system may.
    pub fn submit_lower(self, lower: impl FnOnce(&D) -> &Lower, part: &Part) {
        let (way, fits) = match part.action {
            Action::Read => (Way::Read, self.command() == Command::Read),
            Action::Write => (Way::Write, self.command() == Command::Write),
            Action::WriteZeroes => (Way::Write, true),
        };
        if !fits {
            return D::lower_done(self, Err(EINVAL));
        }
        let lower = lower(self.data_ref());
        let may_wait = lower.bdev().map_or_else(submission::may_wait, |_| Ok(()));
        let lower = NonNull::from(lower);
        if let Err(err) = may_wait {
            return D::lower_done(self, Err(err));
        }
        let io = self.data_ref().lower_io();
        if !io.begin() {
            return D::lower_done(self, Err(EBUSY));
        }
        // SAFETY: We have begun.
        let bytes = unsafe {
            match part.action {
                Action::WriteZeroes => io.fill_with_zeroes(part.bytes),
                _ => io.fill_from_bios(self.bios(), part.skip, part.bytes),
            }
        };
        let io = NonNull::from(io);
        let rq = ManuallyDrop::new(self);
        let owner = Owner::Request(rq.0, Self::lower_done);

        // SAFETY: `io` and `lower` are there when this is called: the request, and so its data, is
        // ours until then, and afterwards the flight is counted, which both wait for when they are
        // dropped. We have begun. The request owns its memory, and lends it in this way, until
        // `lower_done` gets it back; nobody else has it meanwhile. The page of zeroes is there forever.
        unsafe { io.as_ref().launch(lower, way, part.pos, bytes, owner) };
    }

    /// # Safety
    ///
    /// `rq` must be a request that `submit_lower` has given away, and must come back for the first time.
    unsafe fn lower_done(rq: NonNull<bindings::request>, result: Result<u32>) {
        // SAFETY: By the safety requirements of this function.
        D::lower_done(unsafe { Self::from_raw(rq) }, result);
    }
}
