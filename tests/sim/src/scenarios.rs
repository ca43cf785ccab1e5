// SPDX-License-Identifier: GPL-2.0

//! What happens in a run.

pub mod nbd;
pub mod optical;
pub mod packet;
pub mod ram;
mod swarm;
pub mod ubd;
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
    /// Copy-on-write disks whose image fails, is held up, and loses power.
    Ubd,
}

impl Scenario {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("nbd", Self::Nbd),
        ("optical", Self::Optical),
        ("packet", Self::Packet),
        ("ram", Self::Ram),
        ("ubd", Self::Ubd),
    ];

    /// The body of the first task.
    pub fn run(self, seed: u64) {
        rb::sim::reset();
        match self {
            Self::Nbd => nbd::run(seed),
            Self::Optical => optical::run(seed),
            Self::Packet => packet::run(seed),
            Self::Ram => ram::run(seed),
            Self::Ubd => ubd::run(seed),
        }
    }
}
