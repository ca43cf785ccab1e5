// SPDX-License-Identifier: GPL-2.0

//! The reply to READ FORMAT CAPACITIES: how large the disc is, and what it can be formatted to.

use crate::driver::logic::mmc::reply::Reply;

/// How much of the reply is asked for: all that its one byte of length can tell of.
pub const REPLY_LEN: u16 = 260;

/// What the number of blocks of the disc means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// It is not formatted; that many blocks are the most that it can be formatted to.
    Unformatted(u32),
    /// It is formatted, to that many blocks.
    Formatted(u32),
    /// There is no disc, or its format was begun and what it has is not known: that of a DVD-RW
    /// that is written in sequence.
    Unknown,
}

/// A format that the drive offers for the disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The format type of FORMAT UNIT.
    pub kind: u8,
    /// The most blocks.
    pub blocks: u32,
    /// The parameter that goes with the type, 24 bits.
    pub parameter: u32,
}

/// The reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capacities {
    /// What the disc is.
    pub current: Option<Capacity>,
    /// What it can be formatted to, in the order of the drive.
    pub offers: Vec<Offer>,
}

impl Capacities {
    /// Reads the reply, which ends where it does, whatever it says.
    pub fn parse(bytes: &[u8]) -> Self {
        let reply = Reply::new(bytes);
        let len = usize::from(reply.u8(3).unwrap_or_default());
        let list = reply.up_to(len.saturating_add(4)).from(4).bytes();
        let mut descriptors = list.chunks_exact(8).map(Reply::new);
        let current = descriptors.next().map(|first| {
            let blocks = first.u32(0).unwrap_or_default();
            match first.u8(4).unwrap_or_default() & 3 {
                1 => Capacity::Unformatted(blocks),
                2 => Capacity::Formatted(blocks),
                _ => Capacity::Unknown,
            }
        });
        let offers = descriptors.map(|offer| Offer {
            kind: offer.u8(4).unwrap_or_default() >> 2,
            blocks: offer.u32(0).unwrap_or_default(),
            parameter: offer.u32(4).unwrap_or_default() & 0x00ff_ffff,
        });
        Self {
            current,
            offers: offers.collect(),
        }
    }

    /// The offers of a type.
    pub fn of(&self, kind: u8) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |offer| offer.kind == kind)
    }

    /// The offer of a type with the most blocks.
    pub fn largest(&self, kind: u8) -> Option<&Offer> {
        self.of(kind).max_by_key(|offer| offer.blocks)
    }

    /// The offer of a type with the fewest blocks.
    pub fn smallest(&self, kind: u8) -> Option<&Offer> {
        self.of(kind).min_by_key(|offer| offer.blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reply_of_a_drive() {
        let reply = [
            0,
            0,
            0,
            24,
            0,
            1,
            0,
            0,
            2,
            0,
            8,
            0,
            0,
            2,
            0,
            0,
            0x30 << 2,
            0,
            1,
            0,
            0,
            3,
            0,
            0,
            0x31 << 2,
            0,
            8,
            0,
        ];
        let found = Capacities::parse(&reply);
        assert_eq!(found.current, Some(Capacity::Formatted(0x10000)));
        assert_eq!(
            found.largest(0x30),
            Some(&Offer {
                kind: 0x30,
                blocks: 0x20000,
                parameter: 256
            })
        );
        assert_eq!(found.smallest(0x31).unwrap().blocks, 0x30000);
        assert_eq!(found.largest(0), None);
        // It ends in the middle of a descriptor, or says to be shorter.
        assert_eq!(Capacities::parse(&reply[..20]).offers.len(), 1);
        assert_eq!(Capacities::parse(&[0, 0, 0, 8]), Capacities::default());
        let mut short = reply;
        short[3] = 8;
        assert_eq!(Capacities::parse(&short).offers.len(), 0);
    }

    proptest! {
        #[test]
        fn any_reply(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let found = Capacities::parse(&bytes);
            prop_assert!(found.offers.len() <= 31);
        }
    }
}
