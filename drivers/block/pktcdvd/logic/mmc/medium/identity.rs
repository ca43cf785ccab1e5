// SPDX-License-Identifier: GPL-2.0

//! The identity of a medium.

use super::{
    super::{
        disc::Formatted,
        profile::Profile, //
    },
    Findings,
};

/// The identity of a medium: properties that do not change while the medium is written.
///
/// Two media of one kind and size that were formatted alike cannot be distinguished, unless they
/// have a disc identification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    profile: Profile,
    disc: Option<u32>,
    /// Number and start of the track, and its packet size.
    track: Option<(u16, u32, u32)>,
    /// The last block by READ CAPACITY, and the blocks of the track.
    size: (Option<u32>, Option<u32>),
    /// The blocks of a medium that the drive formats in the background.
    whole: Option<u64>,
    /// The drive formats the medium, or may do so: its size grows.
    grows: bool,
}

impl Identity {
    /// The identity of what was found.
    pub(super) fn of(found: &Findings) -> Self {
        let track = found.track.ok().flatten().or(found.last_track);
        let formatted = found.disc.map_or(Formatted::No, |disc| disc.formatted);

        Self {
            profile: found.configuration.profile,
            disc: found.disc.ok().and_then(|disc| disc.id),
            track: track.map(|track| (track.number, track.start, track.packet_blocks)),
            size: (
                found.capacity.map(|capacity| capacity.last),
                track.map(|track| track.size),
            ),
            whole: found.whole_blocks(),
            grows: matches!(formatted, Formatted::Stopped | Formatted::Running),
        }
    }

    /// Whether `later`, which was found after this, may be the same medium.
    ///
    /// A medium that the drive has formatted meanwhile has grown.
    pub fn allows(&self, later: &Self) -> bool {
        let same_size = if self.grows {
            self.whole.is_none() || later.whole.is_none() || self.whole == later.whole
        } else {
            self.size == later.size
        };

        same_size
            && self.profile == later.profile
            && self.disc == later.disc
            && self.track == later.track
    }
}
