// SPDX-License-Identifier: GPL-2.0

//! Requests that touch the same sectors do not overtake one another.
//!
//! A request that changes sectors waits for all requests before it that touch one of them; one that
//! only reads waits for those that change one. So what reads see is what was there at some time between
//! two requests, and of two writes the one that came last stays.
//!
//! ```text
//!            enter                 leave of the last one it waits for          leave
//!   Free ------------> Waiting -----------------------------------> Running ---------> Free
//!      \________________________ enter, nothing to wait for _______/
//! ```
//!
//! Each request waits only for older ones, so there is always one that waits for none.

use core::ops::DerefMut;

/// What a request does to its sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads them.
    Read,
    /// It writes or discards them, or fills them with zeros.
    Change,
}

/// Sectors: from `first` up to, but not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: u64,
    end: u64,
    access: Access,
}

impl Span {
    /// Whether the later one of these has to wait for the other.
    fn conflicts(&self, other: &Self) -> bool {
        let touches = self.first.max(other.first) < self.end.min(other.end);
        touches && (self.access == Access::Change || other.access == Access::Change)
    }
}

/// Sectors of a part of the disk, as a power of two: 64 KiB.
const PART_SHIFT: u32 = 7;

/// How many counts there are; parts of the disk share them.
const COUNTS: usize = 256;

/// How many requests touch each part of the disk, so that most need not be compared with all others.
#[derive(Debug)]
struct Touched([u16; COUNTS]);

impl Touched {
    /// Whether any request may touch a sector of the span.
    fn may_touch(&self, span: &Span) -> bool {
        counts_of(span).any(|at| self.0.get(at).is_some_and(|&count| count != 0))
    }

    fn add(&mut self, span: &Span) {
        self.change(span, |count| count.saturating_add(1));
    }

    fn remove(&mut self, span: &Span) {
        self.change(span, |count| count.saturating_sub(1));
    }

    fn change(&mut self, span: &Span, change: impl Fn(u16) -> u16) {
        for at in counts_of(span) {
            if let Some(count) = self.0.get_mut(at) {
                *count = change(*count);
            }
        }
    }
}

/// The counts of the parts that a span touches, each once.
fn counts_of(span: &Span) -> impl Iterator<Item = usize> {
    let first = span.first >> PART_SHIFT;
    let parts = match span.end.checked_sub(1) {
        Some(last) if last >= span.first => {
            (last >> PART_SHIFT).saturating_sub(first).saturating_add(1)
        }
        _ => 0,
    };
    let parts = usize::try_from(parts).unwrap_or(COUNTS).min(COUNTS);
    // CAST: What is cut off makes no difference to the remainder, as the divisor is a power of two.
    (0..parts).map(move |part| (first as usize).wrapping_add(part) % COUNTS)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    /// It waits for so many older requests.
    Waiting(u16, Span),
    Running(Span),
}

impl State {
    fn span(&self) -> Option<Span> {
        match *self {
            Self::Free => None,
            Self::Waiting(_, span) | Self::Running(span) => Some(span),
        }
    }
}

/// The place of the request with one tag.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    state: State,
    /// Tags of the next older and the next younger request.
    older: Option<u16>,
    younger: Option<u16>,
}

impl Slot {
    /// One without a request.
    pub const FREE: Self = Self {
        state: State::Free,
        older: None,
        younger: None,
    };
}

impl Default for Slot {
    fn default() -> Self {
        Self::FREE
    }
}

/// What becomes of a request that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It may start.
    Start,
    /// It waits; [`Order::leave`] says when it may start.
    Wait,
    /// There is no slot with its tag, or another request is in it.
    NoSlot,
}

/// All requests with sectors that have begun and not ended, in the order in which they came.
#[derive(Debug)]
pub struct Order<S> {
    slots: S,
    oldest: Option<u16>,
    youngest: Option<u16>,
    /// How many wait.
    waiting: u16,
    /// What all of them touch, and what those touch that change something.
    touched: Touched,
    changed: Touched,
}

impl<S: DerefMut<Target = [Slot]>> Order<S> {
    /// Makes one without requests; the index of a slot is the tag of its request.
    pub fn new(mut slots: S) -> Self {
        slots.fill(Slot::FREE);
        Self {
            slots,
            oldest: None,
            youngest: None,
            waiting: 0,
            touched: Touched([0; COUNTS]),
            changed: Touched([0; COUNTS]),
        }
    }

    /// Whether no request is there.
    pub fn is_empty(&self) -> bool {
        self.oldest.is_none()
    }

    /// Takes a request for `count` sectors from `first` on.
    pub fn enter(&mut self, tag: u16, first: u64, count: u64, access: Access) -> Entered {
        let span = Span {
            first,
            end: first.saturating_add(count),
            access,
        };
        if !matches!(self.state(tag), Some(State::Free)) {
            return Entered::NoSlot;
        }
        let waits_for = if self.may_conflict(&span) {
            self.count_conflicts(&span)
        } else {
            0
        };
        self.append(tag);
        self.touched.add(&span);
        if access == Access::Change {
            self.changed.add(&span);
        }
        let (state, entered) = match waits_for {
            0 => (State::Running(span), Entered::Start),
            number => {
                self.waiting = self.waiting.saturating_add(1);
                (State::Waiting(number, span), Entered::Wait)
            }
        };
        self.set(tag, state);
        entered
    }

    /// Notes that a request has ended, which may have been one that waits. Calls `start` with the tag of
    /// each request that may start now, in the order in which they came.
    pub fn leave(&mut self, tag: u16, mut start: impl FnMut(u16)) {
        let state = self.state(tag);
        let Some(span) = state.and_then(|state| state.span()) else {
            return;
        };
        let mut next = self.younger(tag);
        self.unlink(tag);
        self.touched.remove(&span);
        if span.access == Access::Change {
            self.changed.remove(&span);
        }
        if matches!(state, Some(State::Waiting(..))) {
            self.waiting = self.waiting.saturating_sub(1);
        }
        // None of the others waits for this one if none waits at all.
        if self.waiting == 0 {
            return;
        }
        while let Some(tag) = next {
            if self.unblock(tag, &span) {
                start(tag);
            }
            next = self.younger(tag);
        }
    }

    /// Whether an older request may be one to wait for.
    fn may_conflict(&self, span: &Span) -> bool {
        match span.access {
            Access::Read => self.changed.may_touch(span),
            Access::Change => self.touched.may_touch(span),
        }
    }

    /// Counts the older requests that one has to wait for.
    fn count_conflicts(&self, span: &Span) -> u16 {
        let mut number = 0_u16;
        let mut next = self.youngest;

        while let Some(slot) = next.and_then(|tag| self.slots.get(usize::from(tag))) {
            let other = slot.state.span();
            if other.is_some_and(|other| span.conflicts(&other)) {
                number = number.saturating_add(1);
            }
            next = slot.older;
        }
        number
    }

    /// Has a request wait for one less, if it waited for that one; returns whether it may start.
    fn unblock(&mut self, tag: u16, ended: &Span) -> bool {
        let Some(State::Waiting(number, span)) = self.state(tag) else {
            return false;
        };
        if !span.conflicts(ended) {
            return false;
        }
        let number = number.saturating_sub(1);
        let starts = number == 0;
        if starts {
            self.waiting = self.waiting.saturating_sub(1);
        }
        self.set(
            tag,
            if starts {
                State::Running(span)
            } else {
                State::Waiting(number, span)
            },
        );
        starts
    }

    fn state(&self, tag: u16) -> Option<State> {
        Some(self.slots.get(usize::from(tag))?.state)
    }

    fn set(&mut self, tag: u16, state: State) {
        if let Some(slot) = self.slots.get_mut(usize::from(tag)) {
            slot.state = state;
        }
    }

    fn younger(&self, tag: u16) -> Option<u16> {
        self.slots.get(usize::from(tag))?.younger
    }

    /// Makes a request the youngest one.
    fn append(&mut self, tag: u16) {
        let older = self.youngest.replace(tag);
        if let Some(slot) = self.slots.get_mut(usize::from(tag)) {
            slot.older = older;
            slot.younger = None;
        }
        self.link_younger(older, Some(tag));
    }

    fn unlink(&mut self, tag: u16) {
        let Some(slot) = self.slots.get_mut(usize::from(tag)) else {
            return;
        };
        let Slot { older, younger, .. } = core::mem::take(slot);
        self.link_younger(older, younger);
        match younger.and_then(|tag| self.slots.get_mut(usize::from(tag))) {
            Some(slot) => slot.older = older,
            None => self.youngest = older,
        }
    }

    /// Has `younger` come right behind `older`, or first.
    fn link_younger(&mut self, older: Option<u16>, younger: Option<u16>) {
        match older.and_then(|tag| self.slots.get_mut(usize::from(tag))) {
            Some(slot) => slot.younger = younger,
            None => self.oldest = younger,
        }
    }
}
