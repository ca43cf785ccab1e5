// SPDX-License-Identifier: GPL-2.0

//! What a disk looks like to its users.

use crate::{
    logic::frames::{
        FRAME_SIZE,
        PACKET_MAX_SECTORS, //
    },
    lower::session::Session, //
};
use rb::block::{
    limits::{
        Feature,
        QueueLimits, //
    },
    SECTOR_SIZE, //
};

/// The most sectors that one discard covers: so many the thread looks through without a pause.
const MAX_DISCARD_SECTORS: u32 = 1 << 20;

/// The properties of the disk that users see.
pub(crate) struct Looks {
    /// The size of the disk.
    pub(crate) capacity_sectors: u64,
    /// Whether it refuses writes.
    pub(crate) read_only: bool,
    /// What requests it takes.
    pub(crate) limits: QueueLimits,
}

impl Looks {
    /// Before the first session with an optical drive, nothing is known of its medium.
    pub(crate) fn empty() -> Self {
        Self {
            capacity_sectors: 0,
            read_only: false,
            limits: QueueLimits {
                logical_block_size: FRAME_SIZE,
                physical_block_size: FRAME_SIZE,
                max_hw_sectors: PACKET_MAX_SECTORS,
                features: Feature::WriteCache | Feature::Rotational,
                ..QueueLimits::default()
            },
        }
    }

    /// Those of a disk in a session.
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            capacity_sectors: session.geometry.capacity_sectors(),
            read_only: session.read_only,
            limits: limits(session),
        }
    }
}

/// Returns the limits of a disk in a session.
pub(crate) fn limits(session: &Session) -> QueueLimits {
    let lower = session.lower.limits();
    // A disc that is only read is not cut into packets.
    let cut = session.optical.is_none() || !session.read_only;
    let packet = if cut {
        session.geometry.packet_sectors()
    } else {
        PACKET_MAX_SECTORS
    };
    let mut features = Feature::WriteCache.into();
    if lower.rotational {
        features |= Feature::Rotational;
    }

    QueueLimits {
        logical_block_size: FRAME_SIZE.max(lower.logical_block_size),
        physical_block_size: lower.physical_block_size.max(FRAME_SIZE),
        io_min: packet * SECTOR_SIZE,
        io_opt: packet * SECTOR_SIZE,
        // The default is less than a large packet.
        max_hw_sectors: PACKET_MAX_SECTORS,
        chunk_sectors: if cut {
            session.geometry.chunk_sectors()
        } else {
            0
        },
        // Forwarded reads use the memory of their submitters.
        dma_alignment: lower.dma_alignment.max(SECTOR_SIZE - 1),
        max_discard_sectors: if session.read_only {
            0
        } else {
            MAX_DISCARD_SECTORS
        },
        discard_granularity: packet * SECTOR_SIZE,
        discard_alignment: session.geometry.start_in_packet() * SECTOR_SIZE,
        features,
        ..QueueLimits::default()
    }
}
