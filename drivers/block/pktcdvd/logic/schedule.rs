// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is: reads or packet writes.
//!
//! Reads and writes are issued in runs, since a lower device loses time when it changes between
//! them. While the other kind waits, the length of a run is bounded, so that neither starves.

/// Which way data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the lower device: a read.
    Read,
    /// To the lower device: one whole packet.
    Write,
}

/// The limits of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most reads in a row while a packet is ready; 0 counts as 1.
    pub read_run: u32,
    /// Most packets in a row while a read waits; 0 counts as 1.
    pub write_run: u32,
    /// The same for packets that each start where the last one ended, which some media write
    /// much faster.
    pub streaming_run: u32,
    /// Most reads under way at a time; 0 counts as 1.
    pub reads_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read_run: 32,
            write_run: 4,
            streaming_run: 16,
            reads_in_flight: 32,
        }
    }
}

/// The packets that are ready to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// None, or as many are under way as may be.
    None,
    /// The next one lies anywhere.
    Scattered,
    /// The next one starts where the last one that was issued ended.
    Streaming,
}

/// Chooses between reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduler {
    limits: Limits,
    /// The direction of what was issued last.
    current: Direction,
    /// How many were issued in that direction since it last changed.
    run: u32,
}

impl Scheduler {
    /// A scheduler that has not issued anything yet.
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            current: Direction::Read,
            run: 0,
        }
    }

    /// What to issue next; [`None`] when nothing can be now.
    ///
    /// `reads_waiting` says whether a read waits, `reads_in_flight` how many are under way, and
    /// `writes_ready` whether a packet can be written.
    ///
    /// After [`None`], ask again when a read or a packet comes or when one that was issued ends.
    pub fn next(
        &self,
        reads_waiting: bool,
        reads_in_flight: usize,
        writes_ready: bool,
    ) -> Option<Direction> {
        let writes = if writes_ready {
            Writes::Scattered
        } else {
            Writes::None
        };

        self.next_of(reads_waiting, reads_in_flight, writes)
    }

    /// The same as [`Scheduler::next`], for an owner that knows where the next packet lies.
    pub fn next_of(
        &self,
        reads_waiting: bool,
        reads_in_flight: usize,
        writes: Writes,
    ) -> Option<Direction> {
        let read = reads_waiting && reads_in_flight < self.limits.reads_in_flight.max(1);

        match (read, writes != Writes::None) {
            (true, true) => Some(self.turn(writes)),
            (true, false) => Some(Direction::Read),
            (false, true) => Some(Direction::Write),
            (false, false) => None,
        }
    }

    /// Whether reads for packets have their turn, on a drive that must not read between writes.
    ///
    /// They go together, and then the packets: each change of the direction takes a flush. What users
    /// read does not wait for that.
    pub fn takes_gathers(&self, writes: Writes) -> bool {
        self.current == Direction::Read
            || writes == Writes::None
            || self.run >= self.limits.streaming_run
    }

    /// Notes that one read or one packet was issued.
    pub fn issued(&mut self, direction: Direction) {
        if self.current == direction {
            self.run = self.run.saturating_add(1);
        } else {
            self.current = direction;
            self.run = 1;
        }
    }

    /// Chooses between a read and a packet if both can be issued.
    fn turn(&self, writes: Writes) -> Direction {
        let (bound, other) = match (self.current, writes) {
            (Direction::Read, _) => (self.limits.read_run, Direction::Write),
            (Direction::Write, Writes::Streaming) => (self.limits.streaming_run, Direction::Read),
            (Direction::Write, _) => (self.limits.write_run, Direction::Read),
        };

        if self.run < bound.max(1) {
            self.current
        } else {
            other
        }
    }
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
