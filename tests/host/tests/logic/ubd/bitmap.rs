// SPDX-License-Identifier: GPL-2.0

//! Which sectors an image has.

use super::words::Bits;
use proptest::prelude::*;
use rblk_host_tests::ubd::logic::bitmap::{
    count, first_mixed, is_set, load_bytes, run, set, store_bytes, words_for, Run, Words,
};

fn any_bits() -> impl Strategy<Value = Vec<bool>> {
    // Runs of several lengths, since single bits seldom are in a row.
    prop::collection::vec((any::<bool>(), 1..90_usize), 1..12).prop_map(|runs| {
        let bits = runs.into_iter();
        bits.flat_map(|(bit, length)| std::iter::repeat_n(bit, length))
            .collect()
    })
}

proptest! {
    /// Runs are what looking at each bit says, and they get on.
    #[test]
    fn runs(bits in any_bits(), first in 0..1000_u64, max in 1..1000_u64) {
        let words = Bits::of(&bits);
        let at = |sector: u64| bits.get(sector as usize).copied().unwrap_or(false);
        let found = run(&words, first, max);

        prop_assert!((1..=max).contains(&found.sectors));
        for sector in first..first + found.sectors {
            prop_assert_eq!(at(sector), found.in_cow);
        }
        if found.sectors < max {
            prop_assert_ne!(at(first + found.sectors), found.in_cow);
        }
    }

    #[test]
    fn setting(bits in any_bits(), first in 0..1000_u64, length in 0..1000_u64) {
        let size = bits.len() as u64;
        let (first, words) = (first % size, Bits::of(&bits));
        let length = length.min(size - first);
        let expected = (first..first + length).any(|sector| !bits[sector as usize]);

        prop_assert_eq!(set(&words, first, length), expected);
        for sector in 0..size {
            let is_in = (first..first + length).contains(&sector);
            prop_assert_eq!(is_set(&words, sector), is_in || bits[sector as usize]);
        }
        prop_assert!(!set(&words, first, length));
    }

    /// Bit `s % 8` of byte `s / 8`, wherever a block of bytes begins; and bits behind the last sector do
    /// not count.
    #[test]
    fn bytes(bits in any_bits(), sectors in 1..1000_u64, block in 1..9_usize) {
        let mut image = vec![0_u8; bits.len().div_ceil(8)];
        for (at, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            image[at / 8] |= 1 << (at % 8);
        }
        let words = Bits::new(sectors);
        for (number, chunk) in image.chunks(block * 8).enumerate() {
            load_bytes(&words, (number * block * 8) as u64, chunk, sectors);
        }
        for sector in 0..bits.len() as u64 {
            let expected = sector < sectors && bits[sector as usize];
            prop_assert_eq!(is_set(&words, sector), expected);
        }
        let mut stored = vec![0xff; image.len()];
        for (number, chunk) in stored.chunks_mut(block * 8).enumerate() {
            store_bytes(&words, (number * block * 8) as u64, chunk);
        }
        for (at, byte) in stored.iter().enumerate() {
            let left = sectors.saturating_sub(at as u64 * 8);
            let mask = if left < 8 { (1_u8 << left) - 1 } else { 0xff };
            prop_assert_eq!(*byte, image[at] & mask);
        }
        let ones = bits.iter().take(sectors as usize).filter(|bit| **bit);
        prop_assert_eq!(count(&words), ones.count() as u64);
    }

    #[test]
    fn mixed(bits in any_bits(), group in prop::sample::select(vec![1_u32, 2, 8, 64])) {
        let words = Bits::of(&bits);
        let mut groups = bits.chunks(group as usize);
        let is_mixed = groups.any(|group| group.iter().any(|bit| bit != &group[0]));
        prop_assert_eq!(first_mixed(&words, group, bits.len() as u64).is_some(), is_mixed);
    }
}

/// The first write to an 8 KiB disk hangs there.
#[test]
fn u6_disks_of_less_than_a_word() {
    for sectors in 1..=128 {
        let words = Bits::new(sectors);
        assert_eq!(words.len(), sectors.div_ceil(64) as usize);
        for sector in 0..sectors {
            assert!(set(&words, sector, 1));
            let rest = sectors - sector;
            let written = Run {
                in_cow: true,
                sectors: 1,
            };
            assert_eq!(run(&words, sector, rest), written);
        }
        let all = Run {
            in_cow: true,
            sectors,
        };
        assert_eq!(run(&words, 0, sectors), all);
    }
}

/// What is behind the last word is no place.
#[test]
fn beyond() {
    let words = Bits::new(100);
    assert_eq!(words_for(0), Some(0));
    assert_eq!(words_for(u64::MAX), Some(1 << 58));
    assert!(set(&words, 100, 50));
    assert!(is_set(&words, 127) && !is_set(&words, 128));
    assert!(!is_set(&words, u64::MAX));
    assert_eq!(run(&words, u64::MAX - 5, u64::MAX).sectors, 5);
}
