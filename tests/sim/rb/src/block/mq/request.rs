// SPDX-License-Identifier: GPL-2.0

//! Requests as drivers have them.

use super::{
    hardware::Hardware,
    raw::Raw,
    tags::{
        Data,
        Tags, //
    },
};
use crate::block::{
    bio::{
        BioIter,
        Command,
        Flags, //
    },
    error::{
        BlkError,
        BlkResult, //
    }, //
};
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sim,
    sync::Arc, //
};
use std::sync::{
    Arc as Shared,
    OnceLock, //
};

/// What becomes of a request that was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// It ends.
    End(BlkResult),
    /// blk-mq hands it to the driver again.
    Requeue,
}

/// Asks the driver what becomes of a request that was forwarded.
type Ask<D> = Box<dyn Fn(&Request<D>, BlkResult) -> Forwarded + Send + Sync>;

/// Where a tag set has its [`Ask`]; empty if the driver does not want to be asked.
pub(super) type Asked<D> = Shared<OnceLock<Ask<D>>>;

/// A request and the driver's data of it.
pub(super) struct Parts<D: Send + Sync> {
    pub(super) raw: Box<Raw>,
    pub(super) data: Data<D>,
    pub(super) tags: Arc<Tags<D>>,
    pub(super) ask: Asked<D>,
    pub(super) hardware: Shared<Hardware>,
}

impl<D: Send + Sync> Parts<D> {
    /// Gives the data back.
    pub(super) fn into_raw(self) -> Box<Raw> {
        self.tags.give_data(self.raw.queue, self.raw.tag, self.data);
        self.raw
    }

    /// Ends the request.
    pub(super) fn end(self, result: BlkResult) {
        sim::point();
        let (tags, hardware) = (self.tags.clone(), self.hardware.clone());
        let raw = self.into_raw();
        let core = raw.core.clone();
        hardware.ended(raw.queue, raw.tag);
        tags.give(raw.queue, raw.tag);
        drop(tags);
        raw.done.set(result);
        hardware.restart(raw.queue);
        // The disk waits for what follows, and may be gone after it, with what its driver has.
        drop((raw, hardware));
        core.queue.exit();
    }
}

/// Where a request goes that the driver gives back.
pub(super) type Back<D> = std::rc::Rc<std::cell::RefCell<Option<Parts<D>>>>;

/// A request that the driver has not accepted yet.
pub struct IdleRequest<'a, D: Send + Sync> {
    pub(super) parts: Option<Parts<D>>,
    pub(super) back: Back<D>,
    pub(super) may_sleep: bool,
    pub(super) call: Call<'a>,
}

type Call<'a> = PhantomData<fn(&'a ()) -> &'a ()>;

impl<'a, D: Send + Sync> IdleRequest<'a, D> {
    fn raw(&self) -> &Raw {
        &self.parts.as_ref().expect("it is there until the end").raw
    }

    /// Returns the operation.
    pub fn command(&self) -> Command {
        self.raw().command
    }

    /// Returns the first sector.
    pub fn sector(&self) -> u64 {
        self.raw().sector
    }

    /// Returns the proof that this call may sleep, if it may.
    pub fn may_sleep(&self) -> Option<MaySleep<'a>> {
        self.may_sleep.then_some(MaySleep(PhantomData))
    }

    /// Starts the request.
    pub fn start(mut self) -> Request<D> {
        sim::point();
        let parts = self.parts.take();
        if let Some(parts) = &parts {
            parts.hardware.started(parts.raw.queue, parts.raw.tag);
        }
        Request(parts)
    }

    /// Gives the request back to blk-mq.
    pub fn reject(mut self, err: BlkError) -> Rejected<'a> {
        *self.back.borrow_mut() = self.parts.take();
        Rejected(err, PhantomData)
    }
}

/// The proof that a call of `queue_rq()` may sleep.
#[derive(Clone, Copy, Debug)]
pub struct MaySleep<'a>(Call<'a>);

impl<D: Send + Sync> Drop for IdleRequest<'_, D> {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            parts.end(Err(BlkError::IOERR));
        }
    }
}

/// The proof that a request was given back.
pub struct Rejected<'a>(pub(super) BlkError, Call<'a>);

/// A started request that the driver owns.
pub struct Request<D: Send + Sync>(Option<Parts<D>>);

impl<D: Send + Sync> Request<D> {
    fn parts(&self) -> &Parts<D> {
        self.0.as_ref().expect("it is there until the end")
    }

    fn raw(&self) -> &Raw {
        &self.parts().raw
    }

    /// Returns the operation.
    pub fn command(&self) -> Command {
        self.raw().command
    }

    /// Returns the flags of the operation.
    pub fn flags(&self) -> Flags {
        self.raw().flags
    }

    /// Returns the first sector.
    pub fn sector(&self) -> u64 {
        self.raw().sector
    }

    /// Returns the capacity of the disk.
    pub fn disk_capacity_sectors(&self) -> u64 {
        self.raw().core.get(|state| state.capacity)
    }

    /// Returns the number of bytes.
    pub fn bytes(&self) -> u32 {
        self.raw().bytes
    }

    /// Returns the number of whole sectors.
    pub fn sectors(&self) -> u32 {
        self.bytes() >> crate::block::SECTOR_SHIFT
    }

    /// Returns the number of the hardware queue.
    pub fn hw_queue(&self) -> u32 {
        self.raw().queue
    }

    /// Returns the tag.
    pub fn tag(&self) -> u32 {
        self.raw().tag
    }

    /// Gives the request back to blk-mq, which hands it to the driver again.
    pub fn requeue(mut self) {
        if let Some(parts) = self.0.take() {
            let hardware = parts.hardware.clone();
            let raw = parts.into_raw();
            hardware.ended(raw.queue, raw.tag);
            hardware.push(raw, true);
        }
    }

    /// Returns an iterator over the bios.
    pub fn bios(&self) -> BioIter<'_> {
        BioIter(self.raw().bios.iter())
    }

    /// Returns the driver's data of this request.
    pub fn data_ref(&self) -> &D {
        &self.parts().data
    }

    /// Returns the driver's data of this request, to change it.
    pub fn data_mut(&mut self) -> Pin<&mut D> {
        self.0
            .as_mut()
            .expect("it is there until the end")
            .data
            .as_mut()
    }

    /// Asks the driver what becomes of the request, which was forwarded.
    pub(super) fn ask_forwarded(&self, result: BlkResult) -> Forwarded {
        match self.parts().ask.get() {
            Some(ask) => ask(self, result),
            None => Forwarded::End(result),
        }
    }

    /// Ends the request.
    pub fn end(mut self, result: BlkResult) {
        if let Some(parts) = self.0.take() {
            parts.end(result);
        }
    }
}

impl<D: Send + Sync> Drop for Request<D> {
    fn drop(&mut self) {
        if let Some(parts) = self.0.take() {
            parts.end(Err(BlkError::IOERR));
        }
    }
}
