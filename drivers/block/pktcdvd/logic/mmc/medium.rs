// SPDX-License-Identifier: GPL-2.0

//! The medium in a drive, and how it is written.

use super::{
    super::zone::Geometry,
    disc::Formatted,
    identity::Identity,
    profile::{
        Kind,
        Profile, //
    },
    refusal::Refusal,
    sense::Failure,
    track::TrackInfo,
    write_page::WriteParameters,
    BLOCK_SECTORS, //
};

/// The blocks between packets of a CD, which have no address. Only shown to people.
pub const LINK_LOSS: u32 = 7;

/// Whether the drive has resumed a format that was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// It was not tried.
    Untried,
    /// The drive has resumed the format.
    Done,
    /// The drive has not, with the reason if it reports one.
    Failed(Option<Failure>),
}

/// What is in a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// Its profile.
    pub profile: Profile,
    /// The blocks that it has: those in whole packets if it can be written, else all. If its format
    /// was stopped, only those that are formatted; how it is written tells of all.
    pub blocks: u64,
    /// The blocks that the lower device has to have for that. It has no more unless the drive tells
    /// of more than its driver knows.
    pub reach: u64,
    /// What distinguishes it from others.
    pub identity: Identity,
    /// How far the drive has formatted it in the background, if it does that.
    pub formatted: Formatted,
    /// What came of going on with that.
    pub restart: Restart,
    /// How to write it, or why it cannot be written.
    pub writing: Result<Writing, Refusal>,
}

impl Medium {
    /// The size of the packet device, in sectors.
    pub fn sectors(&self) -> u64 {
        self.blocks.saturating_mul(BLOCK_SECTORS)
    }
}

/// How a medium is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// What it is.
    pub kind: Kind,
    /// How it is cut into packets.
    pub geometry: Geometry,
    /// The track that is written; [`None`] if the drive knows no tracks.
    pub track: Option<TrackInfo>,
    /// The write speed that was set, in kB/s; 0 if the drive was left alone.
    pub speed: u16,
}

impl Writing {
    /// What the write-parameter page has to say, for media that want it.
    pub fn parameters(&self) -> Option<WriteParameters> {
        if !self.kind.whole_packets_only() {
            return None;
        }
        let packet_blocks = self.geometry.packet_frames();

        Some(match self.track {
            Some(track) => WriteParameters {
                fixed: track.fixed,
                track_mode: track.track_mode,
                data_mode: track.data_mode,
                packet_blocks,
            },
            None => WriteParameters::of_dvd(packet_blocks),
        })
    }

    /// "Fixed" or "Variable", for people.
    pub fn packet_type(&self) -> &'static str {
        match self.track {
            Some(track) if !track.fixed => "Variable",
            _ => "Fixed",
        }
    }

    /// The control field of the track, for people.
    pub fn track_mode(&self) -> u8 {
        self.track.map_or(0, |track| track.track_mode)
    }

    /// The mode of the blocks, for people.
    pub fn block_mode(&self) -> &'static str {
        match self.track.map(|track| track.data_mode) {
            Some(1) => "Mode 1",
            Some(2) => "Mode 2",
            _ => "Unknown",
        }
    }

    /// The set of flags, for people: bit 1 for a writable medium, bits 2 and 3 for a known next
    /// writable and last recorded address.
    pub fn flags(&self) -> u32 {
        let known = |address: Option<u32>, bit: u32| u32::from(address.is_some()) << bit;
        let track = self.track.as_ref();

        1 << 1
            | known(track.and_then(|track| track.next_writable), 2)
            | known(track.and_then(|track| track.last_recorded), 3)
    }
}
