// SPDX-License-Identifier: GPL-2.0

//! What happens in a run.

pub mod ram;

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// RAM disks that are added, changed and removed while they are used.
    Ram,
}

impl Scenario {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 1] = [("ram", Self::Ram)];

    /// The body of the first task.
    pub fn run(self, seed: u64) {
        rb::sim::reset();
        match self {
            Self::Ram => ram::run(seed),
        }
    }
}
