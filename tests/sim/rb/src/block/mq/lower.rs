// SPDX-License-Identifier: GPL-2.0

//! Requests that are carried out by I/O to files and devices below.

use super::request::{
    MaySleep,
    Request, //
};
use crate::block::{
    bio::Command,
    lower::Lower,
    lower_io::{
        LowerIo,
        Piece,
        Target,
        Way, //
    },
    submission, //
};
use kernel::{
    prelude::*,
    sim, //
};

/// Data of a request that is carried out by I/O to files and devices below.
pub trait LowerUser: Send + Sync + Sized {
    /// Returns what the I/O is done with, always the same.
    fn lower_io(&self) -> &LowerIo;

    /// Gives the request back when an I/O of it has completed.
    fn lower_done(rq: Request<Self>, result: Result<u32>);
}

/// What an I/O of a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads into the data of the request, which is a read.
    Read,
    /// Writes the data of the request, which is a write.
    Write,
    /// Writes zeroes.
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
    /// It must not.
    AtOnce(MaySleep<'a>),
}

impl<D: LowerUser + 'static> Request<D> {
    /// Carries out a part of the request on a lower file or device.
    pub fn submit_lower(self, lower: impl FnOnce(&D) -> &Lower, part: &Part) {
        sim::might_sleep("I/O below");
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
        let to = (lower.begin_io(), Target::of(lower));
        if let Err(err) = may_wait {
            return D::lower_done(self, Err(err));
        }
        let io = self.data_ref().lower_io();
        let Some(begun) = io.begin() else {
            return D::lower_done(self, Err(EBUSY));
        };
        let memory = match part.action {
            Action::WriteZeroes => io.zeroes(part.bytes),
            _ => io.memory_of(self.bios(), part.skip, part.bytes),
        };
        let end = Box::new(move |result| D::lower_done(self, result));
        begun.launch(to, way, part.pos, memory, true, end);
    }

    /// Carries out pieces of the request on two lower block devices, all at a time.
    pub fn submit_pieces(
        self,
        lowers: impl FnOnce(&D) -> [&Lower; 2],
        skip: u32,
        pieces: &[Piece],
        patience: Patience<'_>,
    ) {
        sim::might_sleep("I/O below");
        let way = match self.command() {
            Command::Read => Way::Read,
            Command::Write => Way::Write,
            _ => return D::lower_done(self, Err(EINVAL)),
        };
        let add = |sum: u32, piece: &Piece| sum.checked_add(piece.bytes);
        let Some(all) = pieces.iter().try_fold(0, add) else {
            return D::lower_done(self, Err(EINVAL));
        };
        let io = self.data_ref().lower_io();
        let Some(begun) = io.begin() else {
            return D::lower_done(self, Err(EBUSY));
        };
        let memory = io.memory_of(self.bios(), skip, all);
        let lowers = lowers(self.data_ref());
        let place = |piece: &Piece| {
            let bdev = lowers.get(piece.lower)?.bdev()?;
            (piece.bytes != 0).then_some((bdev.dev, piece.pos, piece.bytes))
        };
        let places: Option<Vec<_>> = pieces.iter().map(place).collect();
        let places = places.filter(|places| places.len() <= io.places());
        let guards = lowers.map(Lower::begin_io).into_iter().collect();
        let at_once = matches!(patience, Patience::AtOnce(_));
        if !at_once && submission::is_queued() {
            sim::violation("I/O is waited for where it is queued until the task goes on");
        }
        let end = Box::new(move |result| D::lower_done(self, result));
        begun.launch_pieces(
            guards,
            places.unwrap_or_default(),
            way,
            memory,
            at_once,
            end,
        );
    }
}
