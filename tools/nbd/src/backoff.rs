// SPDX-License-Identifier: GPL-2.0

//! How long to wait before the next attempt.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// The first pause, and the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// The pauses of one connection: each is twice as long as the one before, up to ten seconds.
///
/// A third of each is random, so that many clients do not come back to a server at the same moment.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// With random numbers of its own.
    pub fn new() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    fn seeded(seed: u64) -> Self {
        Self {
            failures: 0,
            random: seed | 1,
        }
    }

    /// The next pause, after a failure.
    pub fn pause(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.min(LONGEST);
        whole - whole.mul_f64(self.fraction() / 3.0)
    }

    /// An attempt went well, or there is a reason to try at once.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// From 0 to 1 (xorshift).
    fn fraction(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pauses_double_up_to_ten_seconds(seed: u64, failures in 0u32..40) {
            let mut backoff = Backoff::seeded(seed);
            for _ in 0..failures {
                backoff.pause();
            }
            let pause = backoff.pause().as_millis();
            let whole = (200u128 << failures.min(20)).min(10_000);
            prop_assert!(pause <= whole && pause >= whole * 2 / 3 - 1, "{}", pause);
            backoff.reset();
            prop_assert!(backoff.pause() <= FIRST);
        }
    }

    #[test]
    fn clients_do_not_come_at_once() {
        let pauses: Vec<_> = (1..50)
            .map(|seed| Backoff::seeded(seed << 20).pause())
            .collect();
        let mut distinct = pauses.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 40, "{distinct:?}");
    }

    #[test]
    fn for_ever() {
        let mut backoff = Backoff::seeded(7);
        backoff.failures = u32::MAX - 1;
        for _ in 0..3 {
            assert!(backoff.pause() <= LONGEST);
        }
    }
}
