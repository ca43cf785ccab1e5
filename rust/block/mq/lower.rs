// SPDX-License-Identifier: GPL-2.0

use super::request::{
    MaySleep,
    Request, //
};
use crate::{
    bindings,
    block::{
        bio::Command,
        lower::Lower,
        lower_io::{
            LowerIo,
            Owner,
            Piece,
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

/// Whether a call that hands something down may wait for other I/O.
#[derive(Clone, Copy, Debug)]
pub enum Patience<'a> {
    /// It may.
    Waits,
    /// It must not: requests that blk-mq has taken from the task's plug may come behind this one. It may
    /// sleep for a moment, a lower driver's lock for example, so that this takes the proof of it.
    AtOnce(MaySleep<'a>),
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

    /// Carries out pieces of the request on two lower block devices, all at a time: one behind the other
    /// in its data, from `skip` on.
    ///
    /// The request comes back through [`LowerUser::lower_done`], exactly once, when all have completed.
    /// The result is the sum of their bytes, or an error of one of them. It is [`EINVAL`] if a piece is
    /// empty, not whole sectors, not of a block device or not in the request, if there are more than the
    /// [`LowerIo`] has places or its memory has pieces, or the request neither reads nor writes; and
    /// [`EBUSY`] if the [`LowerIo`] is in use.
    ///
    /// With [`Patience::Waits`]: process context; may sleep; not in
    /// [`Operations::queue_rq`](super::Operations::queue_rq), where bios may have to wait for the task's
    /// own. With [`Patience::AtOnce`], there: the bios go down before this returns, even if the task
    /// submits a bio just now, and wait for no other I/O. If that is not possible, the result is
    /// [`EAGAIN`], and the pieces may have been done or not: while the lower queue is full, frozen or
    /// suspended, and as long as it may throttle its submitters, submits to other queues itself, or adds
    /// integrity data. It allocates nothing.
    pub fn submit_pieces(
        self,
        lowers: impl FnOnce(&D) -> [&Lower; 2],
        skip: u32,
        pieces: &[Piece],
        patience: Patience<'_>,
    ) {
        let way = match self.command() {
            Command::Read => Way::Read,
            Command::Write => Way::Write,
            _ => return D::lower_done(self, Err(EINVAL)),
        };
        let Some(all) = pieces
            .iter()
            .try_fold(0_u32, |sum, piece| sum.checked_add(piece.bytes))
        else {
            return D::lower_done(self, Err(EINVAL));
        };
        let io = self.data_ref().lower_io();
        if !io.begin() {
            return D::lower_done(self, Err(EBUSY));
        }
        // SAFETY: We have begun.
        let bytes = unsafe { io.fill_from_bios(self.bios(), skip, all) };
        let io = NonNull::from(io);
        let lowers = lowers(self.data_ref()).map(NonNull::from);
        let rq = ManuallyDrop::new(self);
        let owner = Owner::Request(rq.0, Self::lower_done);
        let at_once = matches!(patience, Patience::AtOnce(_));

        // SAFETY: As in `submit_lower`.
        unsafe {
            io.as_ref()
                .launch_pieces(lowers, way, pieces, bytes, at_once, owner)
        };
    }

    /// # Safety
    ///
    /// `rq` must be a request that `submit_lower` or `submit_pieces` has given away, and must come back
    /// for the first time.
    unsafe fn lower_done(rq: NonNull<bindings::request>, result: Result<u32>) {
        // SAFETY: By the safety requirements of this function.
        D::lower_done(unsafe { Self::from_raw(rq) }, result);
    }
}
