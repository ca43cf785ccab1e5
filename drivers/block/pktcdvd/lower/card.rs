// SPDX-License-Identifier: GPL-2.0

//! Media that can be changed, of devices that are no optical drives.

use crate::lower::fate::Fate;
use kernel::sync::Arc;
use rb::block::bdev::BdevFile;

/// A card in a reader, or another medium that can be changed while it is mapped.
///
/// Data of one card in the buffers must not be returned to readers of another, or written to it.
pub(crate) struct Card {
    fate: Arc<Fate>,
    /// The disk sequence number, by which the block layer counts changes of the medium.
    media_seq: u64,
}

impl Card {
    /// Returns the card that is in `lower` now, if the medium can be changed.
    pub(crate) fn of(lower: &BdevFile, fate: Arc<Fate>) -> Option<Self> {
        lower.is_removable().then(|| Self {
            fate,
            media_seq: lower.media_seq(),
        })
    }

    /// Returns whether the card is gone, or was changed. Any context.
    pub(crate) fn is_changed(&self, lower: &BdevFile) -> bool {
        self.fate.is_gone() || lower.media_seq() != self.media_seq
    }
}
