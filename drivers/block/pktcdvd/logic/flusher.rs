// SPDX-License-Identifier: GPL-2.0

//! Flushes of the lower device's cache.
//!
//! A packet that was written stays in its buffer until the buffer is needed for another one. If a flush
//! fails, all packets written since the last successful flush are rewritten, provided all of them are
//! still in buffers, and the flush is retried.

use super::buffer::Buffer;
use core::ops::DerefMut;

/// What is done about what the drive could not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rescue<E> {
    /// Nothing, or not yet.
    None,
    /// It is being written again, because of this error.
    Writing(E),
    /// The same, but it is not all there any more.
    Missing(E),
    /// The drive is asked once more.
    Syncing,
}

/// A flush to end, and its result.
pub type Ended<R, E> = Option<(R, Result<(), E>)>;

/// Which callers are still to be told of what the drive's cache has lost. `R` is a flush, `E` an error of the lower device.
#[derive(Debug)]
pub struct Flusher<R, E> {
    /// What waits for the drive to put on the medium what it has cached.
    flushing: Option<R>,
    /// The drive is to put on the medium what it has cached.
    wants_sync: bool,
    /// It could not, and nobody was told.
    unreported: Option<E>,
    /// It could not, and nothing was written since.
    sync_failed: bool,
    /// The last attempt of the session was made.
    tried_last: bool,
    /// A buffer was needed that had what the drive may have cached only.
    forgotten: bool,
    rescue: Rescue<E>,
}

impl<R, E: Copy> Flusher<R, E> {
    /// One that owes nothing.
    pub const fn new() -> Self {
        Self {
            flushing: None,
            wants_sync: false,
            unreported: None,
            sync_failed: false,
            tried_last: false,
            forgotten: false,
            rescue: Rescue::None,
        }
    }

    /// Begins a session.
    pub fn enter(&mut self) {
        self.unreported = None;
        self.sync_failed = false;
        self.tried_last = false;
        self.forgotten = false;
        self.rescue = Rescue::None;
    }

    /// Takes a flush, while something is `dirty`: was written that was not flushed. Returns it if
    /// the drive need not be asked.
    ///
    /// Only if no other one [is under way](Self::is_flushing).
    pub fn flush(&mut self, rq: R, dirty: bool) -> Ended<R, E> {
        let rescuing = self.is_rescuing();
        if dirty || rescuing {
            self.wants_sync |= !rescuing;
            self.flushing = Some(rq);
            return None;
        }
        Some((rq, self.unreported.take().map_or(Ok(()), Err)))
    }

    /// Whether a flush is under way.
    pub fn is_flushing(&self) -> bool {
        self.flushing.is_some()
    }

    fn is_rescuing(&self) -> bool {
        !matches!(self.rescue, Rescue::None)
    }

    fn is_rewriting(&self) -> bool {
        matches!(self.rescue, Rescue::Writing(_) | Rescue::Missing(_))
    }

    /// Has the drive asked, for a read that must not come before that. Returns whether there is a
    /// point in it: not if it could not just now.
    pub fn request(&mut self) -> bool {
        let is_worth_trying = self.is_worth_trying();
        self.wants_sync |= is_worth_trying;
        is_worth_trying
    }

    /// Whether asking the drive may help: it could the last time, or something was written since.
    pub fn is_worth_trying(&self) -> bool {
        !self.sync_failed
    }

    /// Whether nothing was tried yet at the end of the session; so only once.
    pub fn try_last(&mut self) -> bool {
        !core::mem::replace(&mut self.tried_last, true)
    }

    /// Whether the drive is to be asked.
    pub fn wants_sync(&self) -> bool {
        self.wants_sync
    }

    /// Notes that the drive is asked now; then comes [`Flusher::synced`].
    pub fn asked(&mut self) {
        self.wants_sync = false;
    }

    /// Notes that something is written.
    pub fn writes(&mut self) {
        self.sync_failed = false;
    }

    /// Notes that `buffer` is about to be used for `zone`.
    pub fn reuses(&mut self, buffer: &Buffer<E>, zone: u64) {
        self.forgotten |= buffer.is_unflushed() && !buffer.serves(zone);
        if let (Rescue::Writing(err), true) = (self.rescue, buffer.has_lost()) {
            // It could not be written again, and nothing will remember that it should have been.
            self.rescue = Rescue::Missing(err);
        }
    }

    /// Takes what came of the drive's attempt.
    pub fn synced<P>(&mut self, list: &mut [P], result: Result<(), E>) -> Ended<R, E>
    where
        P: DerefMut<Target = Buffer<E>>,
    {
        match result {
            Err(err) if !self.is_rescuing() && self.write_again(list) => {
                self.rescue = Rescue::Writing(err);
                None
            }
            // A read had it done: what was lost before is not all there again.
            Ok(()) if self.is_rewriting() => None,
            _ => self.conclude(list, result),
        }
    }

    /// Takes that the drive has lost what it had cached, for the reason `err`.
    pub fn cache_lost<P>(&mut self, list: &mut [P], dirty: bool, err: E) -> Ended<R, E>
    where
        P: DerefMut<Target = Buffer<E>>,
    {
        // What has been written again until now may be lost, too.
        if !dirty && !self.is_rescuing() {
            return None;
        }
        self.wants_sync = false;
        if self.write_again(list) {
            self.rescue = Rescue::Writing(err);
            return None;
        }
        self.conclude(list, Err(err))
    }

    /// Has all written again that the drive may have lost; returns whether all is still there.
    fn write_again<P>(&mut self, list: &mut [P]) -> bool
    where
        P: DerefMut<Target = Buffer<E>>,
    {
        let mut unflushed = list.iter().filter(|packet| packet.is_unflushed());

        if self.forgotten || !unflushed.all(|packet| packet.can_write_again()) {
            return false;
        }
        list.iter_mut()
            .filter(|packet| packet.is_unflushed())
            .for_each(|packet| packet.write_again());
        true
    }

    /// Whether all that was lost has been written again; then comes [`Flusher::ask_again`].
    pub fn is_rewritten<P>(&self, list: &[P]) -> bool
    where
        P: DerefMut<Target = Buffer<E>>,
    {
        self.is_rewriting() && !list.iter().any(|packet| packet.is_written_again())
    }

    /// Has the drive asked once more, if all is there that was lost.
    pub fn ask_again<P>(&mut self, list: &mut [P]) -> Ended<R, E>
    where
        P: DerefMut<Target = Buffer<E>>,
    {
        match self.rescue {
            Rescue::Missing(err) => self.conclude(list, Err(err)),
            Rescue::Writing(err) if list.iter().any(|packet| packet.has_lost()) => {
                self.conclude(list, Err(err))
            }
            Rescue::Writing(_) => {
                self.rescue = Rescue::Syncing;
                self.wants_sync = true;
                None
            }
            Rescue::None | Rescue::Syncing => None,
        }
    }

    /// Ends the flush that waits: what the drive could not keep is an error of the flush that has
    /// asked for it, or else of the next.
    fn conclude<P>(&mut self, list: &mut [P], result: Result<(), E>) -> Ended<R, E>
    where
        P: DerefMut<Target = Buffer<E>>,
    {
        self.rescue = Rescue::None;
        // Reads that wait for it go on then; but not if it was about something else.
        self.sync_failed = result.is_err() && self.flushing.is_none();
        // What could not be kept is reported once; then it is as it is.
        self.forgotten = false;
        list.iter_mut().for_each(|packet| packet.flushed());

        let Some(rq) = self.flushing.take() else {
            self.unreported = self.unreported.or(result.err());
            return None;
        };
        let before = self.unreported.take().map_or(Ok(()), Err);
        Some((rq, result.and(before)))
    }
}

impl<R, E: Copy> Default for Flusher<R, E> {
    fn default() -> Self {
        Self::new()
    }
}
