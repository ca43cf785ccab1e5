// SPDX-License-Identifier: GPL-2.0

//! For how long writes wait for others to their packet.
//!
//! A packet that is not full costs as much as one that is. So writes that nobody is known to wait for
//! are held until no more come: as long as a file system writes what it has, it is likely to have more
//! for the same packets. When it has nothing left, or waits for some of it, there is silence.

/// How many times the silence they are held at most.
const MOST: u64 = 20;

/// How long they are held at most, in nanoseconds: far less than what the kernel takes for a task that
/// hangs.
const LONGEST: u64 = 10_000_000_000;

/// Since when writes are held. Times are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hold {
    /// When the oldest and the newest one came.
    held: Option<(u64, u64)>,
}

impl Hold {
    /// Notes that a write came at the time `now`.
    pub fn came(&mut self, now: u64) {
        let since = self.held.map_or(now, |(since, _)| since);
        self.held = Some((since, now));
    }

    /// Notes that nothing is held any more.
    pub fn end(&mut self) {
        self.held = None;
    }

    /// For how long they are held still, if any are. `silence` is for how long none must have come.
    pub fn left(&self, now: u64, silence: u64) -> Option<u64> {
        let (since, last) = self.held?;
        let most = silence.saturating_mul(MOST).min(LONGEST);
        let end = since.saturating_add(most);

        Some(last.saturating_add(silence).min(end).saturating_sub(now))
    }
}
