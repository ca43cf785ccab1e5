// SPDX-License-Identifier: GPL-2.0

//! Which kinds of things happen in a schedule, and how often.
//!
//! If all kinds happen in each schedule, hardly any has many of the same kind, or none of another. So
//! half of the schedules leave kinds out, and have more of others ("swarm testing").

use kernel::sim::{
    choose,
    once_in, //
};

/// How often each kind happens, compared with the others.
#[derive(Clone, Debug)]
pub(super) struct Swarm(Vec<u64>);

impl Swarm {
    /// Chooses for a schedule; `usual` is how often each kind happens if nothing is left out.
    pub(super) fn new(usual: &[u64]) -> Self {
        let mut weights = usual.to_vec();
        if once_in(2) {
            for weight in &mut weights {
                *weight *= [0, 0, 1, 1, 1, 6][choose(6) as usize];
            }
        }
        if weights.iter().all(|weight| *weight == 0) {
            weights = usual.to_vec();
        }
        Self(weights)
    }

    /// Returns the number of the kind that is next.
    pub(super) fn next(&self) -> usize {
        let mut at = choose(self.0.iter().sum());
        for (kind, &weight) in self.0.iter().enumerate() {
            match at.checked_sub(weight) {
                Some(left) => at = left,
                None => return kind,
            }
        }
        0
    }
}
