// SPDX-License-Identifier: GPL-2.0

//! What is in a drive, and whether it can be written in packets.

use super::{
    super::{
        frames::PACKET_MAX_FRAMES,
        zone::Geometry, //
    },
    capacity::{
        readable_blocks,
        writable_blocks,
        ReadCapacity, //
    },
    configuration::Configuration,
    disc::{
        DiscInfo,
        Formatted,
        Recorded,
        TYPE_DATA,
        TYPE_XA, //
    },
    profile::{
        Kind,
        Profile, //
    },
    refusal::Refusal,
    track::TrackInfo,
    write_page::WriteParameters,
    BLOCK_SECTORS, //
};

/// The blocks between packets of a CD, which are not addressed; for people only.
pub const LINK_LOSS: u32 = 7;

/// What the drive has told of a medium.
#[derive(Debug, Clone, Copy)]
pub struct Findings {
    /// By GET CONFIGURATION.
    pub configuration: Configuration,
    /// By READ DISC INFORMATION, or why that failed.
    pub disc: Result<DiscInfo, Refusal>,
    /// The track to write, or that nothing serves and why.
    pub track: Result<Option<TrackInfo>, Refusal>,
    /// The last track that has something recorded.
    pub last_track: Option<TrackInfo>,
    /// By READ CAPACITY, if it works.
    pub capacity: Option<ReadCapacity>,
    /// The blocks that the lower device has.
    pub lower_blocks: u64,
}

impl Findings {
    /// The medium that could be written in packets, if it is one.
    pub fn kind(&self) -> Option<Kind> {
        let formatted = self.disc.is_ok_and(|disc| disc.formatted != Formatted::No);

        // A drive that has its features wrong does not make a Mount Rainier medium of one that
        // does not call itself formatted.
        self.configuration
            .profile
            .kind(self.configuration.mrw && formatted)
    }

    /// Takes what there is to know of a track; returns whether to go on with the one before.
    ///
    /// To be called for one track after the other, from the last one on.
    pub fn take_track(&mut self, answer: Result<TrackInfo, Refusal>) -> bool {
        if let Ok(track) = answer {
            self.last_track = self.last_track.or(Some(track).filter(|track| !track.blank));
        }
        match self.kind() {
            Some(kind) => {
                self.track = choose_track(kind, answer);
                self.track.is_err()
            }
            None => self.last_track.is_none(),
        }
    }

    /// Concludes what the medium is.
    ///
    /// # Errors
    ///
    /// Why it cannot be written, or [`Refusal::NoCapacity`], if not even reading makes sense.
    pub fn conclude(&self) -> Result<Medium, Refusal> {
        let writing = self.writing();
        let blocks = match writing {
            Ok(writing) => Some(writing.geometry.capacity_sectors() / BLOCK_SECTORS),
            Err(_) => self.readable_blocks(),
        };
        let blocks = blocks
            .filter(|&blocks| blocks > 0)
            .ok_or(writing.err().map_or(Refusal::NoCapacity, nothing_to_read))?;

        Ok(Medium {
            profile: self.configuration.profile,
            blocks,
            identity: self.identity(),
            writing,
        })
    }

    fn readable_blocks(&self) -> Option<u64> {
        let blocks = readable_blocks(self.last_track.as_ref(), self.capacity);

        blocks.map(|blocks| blocks.min(self.lower_blocks))
    }

    fn identity(&self) -> Identity {
        let track = self.track.ok().flatten().or(self.last_track);

        Identity {
            profile: self.configuration.profile,
            disc: self.disc.ok().and_then(|disc| disc.id),
            last_block: self.capacity.map(|capacity| capacity.last),
            track: track.map(|track| (track.number, track.start, track.size, track.packet_blocks)),
        }
    }

    fn writing(&self) -> Result<Writing, Refusal> {
        let profile = self.configuration.profile;
        let kind = self.kind().ok_or(Refusal::Profile(profile))?;

        check_disc(kind, self.disc)?;
        let track = self.track?;
        check_size_of_blocks(kind, self.capacity, profile)?;
        let packet_blocks = packet_blocks(kind, track.as_ref(), self.configuration.blocking)?;
        let blocks = writable_blocks(kind, track.as_ref(), self.capacity)
            .ok_or(Refusal::NoCapacity)?
            .min(self.lower_blocks);
        let start = track.map_or(0, |track| u64::from(track.start));

        Ok(Writing {
            kind,
            geometry: geometry(packet_blocks, start, blocks)?,
            track,
            speed: 0,
        })
    }
}

/// Why a medium cannot even be read that cannot be written for the reason `refusal`.
///
/// Of a disc with nothing on it that reason tells more than that it has no size.
const fn nothing_to_read(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Geometry(_) => Refusal::NoCapacity,
        refusal => refusal,
    }
}

/// Cuts `blocks` blocks into packets.
fn geometry(packet_blocks: u32, start: u64, blocks: u64) -> Result<Geometry, Refusal> {
    Geometry::new(
        // At most 128 blocks were let through.
        packet_blocks.saturating_mul(BLOCK_SECTORS as u32),
        start.saturating_mul(BLOCK_SECTORS),
        blocks.saturating_mul(BLOCK_SECTORS),
    )
    .map_err(Refusal::Geometry)
}

/// What a track is good for; a drive that need not be told how to write need not know tracks.
fn choose_track(
    kind: Kind,
    answer: Result<TrackInfo, Refusal>,
) -> Result<Option<TrackInfo>, Refusal> {
    if !kind.whole_packets_only() {
        return Ok(answer.ok());
    }
    let track = answer?;

    check_track(kind, &track)?;
    Ok(Some(track))
}

/// Checks the disc as a whole.
///
/// Only of a CD-RW has it to be known: it might be a CD-R.
fn check_disc(kind: Kind, disc: Result<DiscInfo, Refusal>) -> Result<(), Refusal> {
    let disc = match disc {
        Ok(disc) => disc,
        Err(refusal) if kind == Kind::CdRw => return Err(refusal),
        Err(_) => return Ok(()),
    };

    match kind {
        Kind::CdRw => check_cd(&disc),
        // DVD-RW tells by its track, and DVD-RAM needs no more than it is.
        Kind::DvdRw | Kind::DvdRam | Kind::HdDvdRam | Kind::Removable => Ok(()),
        _ if disc.formatted == Formatted::Stopped => Err(Refusal::FormatStopped(kind)),
        _ if disc.disc == Recorded::Empty => Err(Refusal::Blank(kind)),
        _ => Ok(()),
    }
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
pub fn check_track(kind: Kind, track: &TrackInfo) -> Result<(), Refusal> {
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
fn check_size_of_blocks(
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
fn packet_blocks(
    kind: Kind,
    track: Option<&TrackInfo>,
    blocking: Option<u16>,
) -> Result<u32, Refusal> {
    let by_track = track.map(|track| track.packet_blocks).filter(|&n| n > 0);
    let by_kind = kind.default_packet_blocks();
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

/// What is in a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// Its profile.
    pub profile: Profile,
    /// The blocks that it has: those in whole packets if it can be written, else all.
    pub blocks: u64,
    /// What tells it from others.
    pub identity: Identity,
    /// How to write it, or why it cannot be written.
    pub writing: Result<Writing, Refusal>,
}

impl Medium {
    /// The size of the packet device, in sectors.
    pub fn sectors(&self) -> u64 {
        self.blocks.saturating_mul(BLOCK_SECTORS)
    }
}

/// What tells a medium from others: nothing of it changes while the medium is written.
///
/// Two media of one kind and size that were formatted alike are the same by this, unless they have
/// a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    profile: Profile,
    disc: Option<u32>,
    last_block: Option<u32>,
    /// Number, start, size, and packet size.
    track: Option<(u16, u32, u32, u32)>,
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
        let track = self.track.filter(|_| self.kind.whole_packets_only())?;

        Some(WriteParameters {
            fixed: track.fixed,
            track_mode: track.track_mode,
            data_mode: track.data_mode,
            packet_blocks: self.geometry.packet_frames(),
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
