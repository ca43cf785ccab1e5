// SPDX-License-Identifier: GPL-2.0

//! What happens in a run.

pub mod nbd;
pub mod optical;
pub mod packet;
pub mod ram;
mod user;

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Network block devices whose server misbehaves.
    Nbd,
    /// Packet devices on optical drives that fail and lose power.
    Optical,
    /// Packet devices on disks that fail and lose power.
    Packet,
    /// RAM disks that are added, changed and removed while they are used.
    Ram,
}

impl Scenario {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 4] = [
        ("nbd", Self::Nbd),
        ("optical", Self::Optical),
        ("packet", Self::Packet),
        ("ram", Self::Ram),
    ];

    /// The body of the first task.
    pub fn run(self, seed: u64) {
        rb::sim::reset();
        match self {
            Self::Nbd => nbd::run(seed),
            Self::Optical => optical::run(seed),
            Self::Packet => packet::run(seed),
            Self::Ram => ram::run(seed),
        }
    }
}
