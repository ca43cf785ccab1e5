// SPDX-License-Identifier: GPL-2.0

//! Sorted sets of requests.

/// The order of requests: by zone, and within a zone as they were submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// First sector of the packet that the request lies in.
    pub zone: u64,
    /// When the request came.
    pub seq: u64,
}

impl Key {
    /// The least key of a zone.
    pub const fn first_of(zone: u64) -> Self {
        Self { zone, seq: 0 }
    }
}

/// What the writes of a zone ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    frames: u16,
    of: u16,
    urgent: bool,
}

impl Claim {
    /// That of a write with `frames` of the `of` frames of its packet. It is `urgent` if somebody
    /// waits for it.
    pub fn new(frames: u32, of: u32, urgent: bool) -> Self {
        Self {
            frames: u16::try_from(frames).unwrap_or(u16::MAX),
            of: u16::try_from(of).unwrap_or(u16::MAX),
            urgent,
        }
    }

    /// That of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            frames: self.frames.saturating_add(other.frames),
            urgent: self.urgent || other.urgent,
            ..self
        }
    }

    /// The number of frames. Those that are written twice count twice.
    pub fn frames(self) -> u32 {
        self.frames.into()
    }

    /// Whether there are as many frames as the packet has.
    pub fn is_full(self) -> bool {
        self.frames >= self.of
    }

    /// Whether there is nothing to wait for.
    pub fn is_pressing(self) -> bool {
        self.urgent || self.is_full()
    }
}

/// What a set keeps its requests in: a sorted map.
pub trait Tree {
    /// A request.
    type Request;

    /// A tree without requests.
    fn new() -> Self;

    /// Adds a request; returns whether there was memory for it.
    fn insert(&mut self, key: Key, rq: Self::Request) -> bool;

    /// The first key from `key` on.
    fn first_from(&self, key: Key) -> Option<Key>;

    /// Takes the first entry from `key` on, if it is one of the same zone. The request in it may be
    /// missing.
    fn take_first_from(&mut self, key: Key) -> Option<(Key, Option<Self::Request>)>;

    /// Shows the first entry of a zone to `change`, with the claim that is noted there.
    fn note(&mut self, zone: u64, change: impl FnOnce(Key, &mut Option<Claim>));

    /// The first key from `key` on, and the claim that is noted there.
    fn noted(&self, key: Key) -> Option<(Key, Option<Claim>)>;

    /// All requests, in the order of their keys.
    fn iter(&self) -> impl Iterator<Item = &Self::Request>;
}

/// What is known of the requests of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// When the oldest one came.
    pub seq: u64,
    /// What they ask for; [`None`] if that was noted at one that is gone.
    pub claim: Option<Claim>,
}

impl Share {
    /// That of all requests of a zone that is divided among two sets.
    #[must_use]
    pub fn and(self, other: Option<Self>) -> Self {
        let Some(other) = other else {
            return self;
        };

        Self {
            seq: self.seq.min(other.seq),
            claim: self.claim.zip(other.claim).map(|(a, b)| a.and(b)),
        }
    }
}

/// A sorted set of requests.
#[derive(Debug)]
pub struct Pieces<T> {
    tree: T,
    len: usize,
}

impl<T: Tree> Pieces<T> {
    /// An empty set.
    pub fn new() -> Self {
        Self {
            tree: T::new(),
            len: 0,
        }
    }

    /// The number of requests.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no requests.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a request that came as the `seq`th, to `zone`; returns whether there was memory for it.
    pub fn insert(&mut self, zone: u64, seq: u64, rq: T::Request) -> bool {
        let inserted = self.tree.insert(Key { zone, seq }, rq);
        if inserted {
            self.len = self.len.saturating_add(1);
        }
        inserted
    }

    /// Notes what the `seq`th request asks for, which is one of `zone`.
    pub fn note(&mut self, zone: u64, seq: u64, claim: Claim) {
        self.tree.note(zone, |first, noted| {
            *noted = if first.seq == seq {
                Some(claim)
            } else {
                noted.map(|noted| noted.and(claim))
            };
        });
    }

    /// What is known of the requests of `zone`, if there are any.
    pub fn share(&self, zone: u64) -> Option<Share> {
        let (key, claim) = self.tree.noted(Key::first_of(zone))?;
        (key.zone == zone).then_some(Share {
            seq: key.seq,
            claim,
        })
    }

    /// Takes the first request of the lowest zone.
    pub fn pop(&mut self) -> Option<T::Request> {
        let zone = self.zone_from(0)?;
        let (_, rq) = self.pop_of(zone)?;
        Some(rq)
    }

    /// Takes the first request of `zone`, and returns when it came, too.
    pub fn pop_of(&mut self, zone: u64) -> Option<(u64, T::Request)> {
        loop {
            let (key, rq) = self.tree.take_first_from(Key::first_of(zone))?;
            self.len = self.len.saturating_sub(1);
            if let Some(rq) = rq {
                return Some((key.seq, rq));
            }
        }
    }

    /// The lowest zone with a request, from `zone` on.
    pub fn zone_from(&self, zone: u64) -> Option<u64> {
        let key = self.tree.first_from(Key::first_of(zone))?;
        Some(key.zone)
    }

    /// Whether there is a request of `zone`.
    pub fn has(&self, zone: u64) -> bool {
        self.zone_from(zone) == Some(zone)
    }

    /// All requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T::Request> {
        self.tree.iter()
    }
}

impl<T: Tree> Default for Pieces<T> {
    fn default() -> Self {
        Self::new()
    }
}
