// SPDX-License-Identifier: GPL-2.0

//! Whether packets can be written to a medium, and how large they are.

use super::{
    super::frames::PACKET_MAX_FRAMES,
    capacity::ReadCapacity,
    disc::{
        DiscInfo,
        Formatted,
        Recorded,
        TYPE_DATA,
        TYPE_XA, //
    },
    formats::Current,
    profile::{
        Kind,
        Profile, //
    },
    refusal::Refusal,
    track::TrackInfo, //
};

/// How a track can be written. Drives that need no write parameters need not report tracks.
pub(super) fn choose_track(
    kind: Kind,
    answer: Result<TrackInfo, Refusal>,
) -> Result<Option<TrackInfo>, Refusal> {
    let track = match answer {
        Ok(track) => track,
        Err(refusal) if kind == Kind::CdRw => return Err(refusal),
        // All of it is one track.
        Err(_) => return Ok(None),
    };
    if !kind.whole_packets_only() {
        return Ok(Some(track));
    }

    check_track(kind, &track)?;
    Ok(Some(track))
}

/// Checks the disc as a whole; `current` is how much of it is formatted, if the drive reports it.
///
/// A CD has to report that it is erasable, since it might be a CD-R.
pub(super) fn check_disc(
    kind: Kind,
    disc: Result<DiscInfo, Refusal>,
    current: Option<Current>,
) -> Result<(), Refusal> {
    let empty = disc.is_ok_and(|disc| disc.disc == Recorded::Empty);
    let begun = disc.is_ok_and(|disc| disc.formatted != Formatted::No);
    let formatted = matches!(current, Some(Current::Formatted(_)));

    match kind {
        Kind::CdRw => check_cd(&disc?),
        Kind::Removable => Ok(()),
        _ if kind.background_format().is_some() => {
            let nothing = !begun && (empty || current == Some(Current::Unformatted));
            refuse_if(nothing, Refusal::Blank(kind))
        }
        Kind::DvdRw if current == Some(Current::Unknown) => Err(Refusal::Intermediate),
        // What these drives report of the disc means nothing.
        Kind::DvdRam | Kind::HdDvdRam => {
            refuse_if(current == Some(Current::Unformatted), Refusal::Blank(kind))
        }
        _ => {
            let nothing = current == Some(Current::Unformatted) || empty && !formatted;
            refuse_if(nothing, Refusal::Blank(kind))
        }
    }
}

const fn refuse_if(wrong: bool, refusal: Refusal) -> Result<(), Refusal> {
    if wrong {
        return Err(refusal);
    }
    Ok(())
}

fn check_cd(disc: &DiscInfo) -> Result<(), Refusal> {
    if !matches!(disc.disc_type, TYPE_DATA | TYPE_XA) {
        return Err(Refusal::DiscType(disc.disc_type));
    }
    if !disc.erasable {
        return Err(Refusal::NotErasable);
    }
    if disc.session == Recorded::Other {
        return Err(Refusal::SessionReserved);
    }
    if disc.disc == Recorded::Empty {
        return Err(Refusal::Blank(Kind::CdRw));
    }
    Ok(())
}

/// Checks whether a track can be written.
///
/// # Errors
///
/// The first rule that it breaks.
fn check_track(kind: Kind, track: &TrackInfo) -> Result<(), Refusal> {
    if !kind.whole_packets_only() {
        return Ok(());
    }
    if !track.packet || !track.fixed {
        return Err(Refusal::NotPackets(kind));
    }
    if track.reserved && track.blank {
        return Err(Refusal::TrackReserved);
    }
    if !matches!(track.data_mode, 1 | 2) {
        return Err(Refusal::DataMode(track.data_mode));
    }
    Ok(())
}

/// Checks a disk that might have blocks of any size.
pub(super) fn check_size_of_blocks(
    kind: Kind,
    capacity: Option<ReadCapacity>,
    profile: Profile,
) -> Result<(), Refusal> {
    let good = capacity.is_some_and(|capacity| capacity.blocks().is_some());

    if kind == Kind::Removable && !good {
        return Err(Refusal::Profile(profile));
    }
    Ok(())
}

/// How many blocks a packet has: by the track, else by the drive, else by the kind of medium.
///
/// The track tells that only if all its packets have one size. Where the kind of medium sets what
/// it is recorded in, anything but multiples of that is a mistake of the drive.
pub(super) fn packet_blocks(
    kind: Kind,
    track: Option<&TrackInfo>,
    blocking: Option<u16>,
) -> Result<u32, Refusal> {
    let by_kind = kind.default_packet_blocks();
    let serves = |&blocks: &u32| match by_kind {
        Some(unit) => blocks <= PACKET_MAX_FRAMES && blocks.checked_rem(unit) == Some(0),
        None => true,
    };
    let by_track = track
        .filter(|track| track.packet && track.fixed)
        .map(|track| track.packet_blocks)
        .filter(|&blocks| blocks > 0)
        .filter(serves);
    let by_drive = match kind {
        Kind::Removable => blocking.map(u32::from),
        _ => None,
    };
    let blocks = by_track
        .or(by_drive)
        .or(by_kind)
        .ok_or(Refusal::PacketEmpty)?;

    if blocks > PACKET_MAX_FRAMES {
        return Err(Refusal::PacketTooLarge(blocks));
    }
    Ok(blocks)
}
