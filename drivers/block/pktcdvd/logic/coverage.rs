// SPDX-License-Identifier: GPL-2.0

//! Coverage: which frames of a packet have data.

use super::frames::{
    low_bits,
    FrameRange,
    PACKET_MAX_FRAMES, //
};

/// A map of the frames of one packet: covered or missing.
///
/// Counting frames is not enough, since writes may overlap.
///
/// # Invariants
///
/// No bit of `map` is set that is not set in `all`; `all` is a run of ones from bit 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    map: u128,
    all: u128,
}

impl Coverage {
    /// A packet of `frames` frames, none of them covered.
    ///
    /// Frames above [`PACKET_MAX_FRAMES`] do not exist and are not counted.
    pub fn new(frames: u32) -> Self {
        // INVARIANT: `map` is empty.
        Self {
            map: 0,
            all: low_bits(frames),
        }
    }

    /// Notes that `frames` have data, and returns how many of them had none before.
    ///
    /// Frames behind the end of the packet are ignored.
    pub fn cover(&mut self, frames: FrameRange) -> u32 {
        let new = frames.mask() & self.all & !self.map;

        // INVARIANT: `new` has only bits of `all`.
        self.map |= new;
        new.count_ones()
    }

    /// Notes that no frame has data.
    pub fn clear(&mut self) {
        // INVARIANT: `map` is empty.
        self.map = 0;
    }

    /// Number of covered frames.
    pub fn count(&self) -> u32 {
        self.map.count_ones()
    }

    /// Whether no frame is covered.
    pub fn is_empty(&self) -> bool {
        self.map == 0
    }

    /// Whether every frame of the packet is covered.
    pub fn is_complete(&self) -> bool {
        self.map == self.all
    }

    /// Whether `frames` all lie in the packet.
    pub fn holds(&self, frames: FrameRange) -> bool {
        frames.mask() & !self.all == 0
    }

    /// Whether at least one of `frames` is covered.
    pub fn touches(&self, frames: FrameRange) -> bool {
        frames.mask() & self.map != 0
    }

    /// The frames that either map covers.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        // INVARIANT: Bits outside `all` are masked out.
        Self {
            map: (self.map | other.map) & self.all,
            all: self.all,
        }
    }

    /// The missing frames as maximal runs, lowest first.
    pub fn missing(&self) -> Runs {
        Runs {
            left: self.all & !self.map,
        }
    }

    /// The smallest range that holds every missing frame; [`None`] when nothing is missing.
    pub fn hull(&self) -> Option<FrameRange> {
        let missing = self.all & !self.map;
        let first = missing.trailing_zeros();
        let end = PACKET_MAX_FRAMES.checked_sub(missing.leading_zeros())?;

        FrameRange::new(first, end.checked_sub(first)?)
    }
}

/// The maximal runs of a map, lowest first; what [`Coverage::missing`] returns.
#[derive(Debug, Clone)]
pub struct Runs {
    left: u128,
}

impl Iterator for Runs {
    type Item = FrameRange;

    fn next(&mut self) -> Option<FrameRange> {
        let first = self.left.trailing_zeros();
        // Nothing can be shifted by 128, so an empty map ends here.
        let count = self.left.checked_shr(first)?.trailing_ones();
        let run = FrameRange::new(first, count)?;

        self.left &= !run.mask();
        Some(run)
    }
}
