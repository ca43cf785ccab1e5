// SPDX-License-Identifier: GPL-2.0

//! The identity of a medium.

use super::profile::Profile;

/// The identity of a medium: properties that do not change while the medium is written.
///
/// Two media of one kind and size that were formatted alike cannot be distinguished, unless they
/// have a disc identification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The profile, which names the kind of medium.
    pub(super) profile: Profile,
    /// The disc identification.
    pub(super) disc: Option<u32>,
    /// Number and start of the track, and its packet size.
    pub(super) track: Option<(u16, u32, u32)>,
    /// The last block by READ CAPACITY, and the blocks of the track.
    pub(super) size: (Option<u32>, Option<u32>),
    /// The blocks of a medium that the drive formats in the background.
    pub(super) whole: Option<u64>,
    /// The drive formats the medium, or may do so: its size grows.
    pub(super) grows: bool,
}

impl Identity {
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
