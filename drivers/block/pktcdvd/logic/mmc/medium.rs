// SPDX-License-Identifier: GPL-2.0

//! The medium in a drive, and whether packets can be written to it.

mod identity;

pub use identity::Identity;

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
    formats::{
        Current,
        FormatCapacities, //
    },
    profile::{
        Kind,
        Profile, //
    },
    refusal::Refusal,
    sense::{
        Failure,
        Fault, //
    },
    track::TrackInfo,
    write_page::WriteParameters,
    BLOCK_SECTORS, //
};

/// The blocks between packets of a CD, which have no address. Only shown to people.
pub const LINK_LOSS: u32 = 7;

/// What the drive has reported of a medium.
#[derive(Debug, Clone, Copy)]
pub struct Findings {
    /// By GET CONFIGURATION.
    pub configuration: Configuration,
    /// By READ DISC INFORMATION, or why that failed.
    pub disc: Result<DiscInfo, Refusal>,
    /// The track to write, or why there is none.
    pub track: Result<Option<TrackInfo>, Refusal>,
    /// The last track in which something is recorded.
    pub last_track: Option<TrackInfo>,
    /// By READ FORMAT CAPACITIES, if it works.
    pub formats: Option<FormatCapacities>,
    /// By READ CAPACITY, if it works.
    pub capacity: Option<ReadCapacity>,
    /// The size of the lower device in blocks.
    pub lower_blocks: u64,
    /// The medium is write protected.
    pub protected: bool,
    /// Whether the drive has resumed a format that was stopped.
    pub restart: Restart,
}

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

impl Findings {
    /// The medium that could be written in packets, if it is one.
    pub fn kind(&self) -> Option<Kind> {
        let formatted = self.disc.is_ok_and(|disc| disc.formatted != Formatted::No);
        let profile = self.configuration.profile;

        // Some drives report wrong features. A medium that is not formatted in the background is no
        // Mount Rainier medium, whatever the features say, and a CD that is formatted so is one.
        profile.kind(formatted && (self.configuration.mrw || profile.is_cd_rw()))
    }

    /// Takes the information on a track. Returns whether the track in front of it is needed, too.
    ///
    /// To be called for one track after the other, beginning with the last one.
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
        let found = self.writing();
        let blocks = match found {
            Ok((_, blocks)) => Some(blocks),
            Err(_) => self.readable_blocks(),
        };
        // A format that was stopped at once has formatted nothing, until the drive resumes it.
        let grows = found.is_ok() && self.background() == Some(Formatted::Stopped);
        let blocks = blocks
            .filter(|&blocks| blocks > 0 || grows)
            .ok_or(found.err().map_or(Refusal::NoCapacity, nothing_to_read))?;

        Ok(Medium {
            profile: self.configuration.profile,
            blocks,
            reach: self.reach(),
            identity: Identity::of(self),
            formatted: self.disc.map_or(Formatted::No, |disc| disc.formatted),
            restart: self.restart,
            writing: found.map(|(writing, _)| writing),
        })
    }

    /// The type of a format that the drive has to resume before the medium is written.
    pub fn stopped_format(&self) -> Option<u8> {
        let stopped = self.background() == Some(Formatted::Stopped);
        let untried = self.restart == Restart::Untried;

        self.kind()?
            .background_format()
            .filter(|_| stopped && untried && !self.protected)
    }

    /// How many blocks can be accessed: those of the lower device, or more if the drive reports
    /// more. The drive's own driver may have read the size before blocks were formatted, or take a
    /// block that cannot be read for the end.
    pub fn reach(&self) -> u64 {
        let told = self.capacity.and_then(|told| told.blocks());
        let formatted = match self.background() {
            Some(Formatted::Running) => self.whole_blocks(),
            Some(Formatted::Stopped) => self.formatted_blocks(),
            _ => None,
        };

        self.lower_blocks
            .max(told.unwrap_or(0))
            .max(formatted.unwrap_or(0))
    }

    fn readable_blocks(&self) -> Option<u64> {
        let blocks = readable_blocks(self.last_track.as_ref(), self.capacity);

        blocks.map(|blocks| blocks.min(self.reach()))
    }

    /// The state of the background format, if the medium is of a kind that has one.
    fn background(&self) -> Option<Formatted> {
        self.kind()?.background_format()?;
        Some(self.disc.ok()?.formatted)
    }

    /// How many blocks of the medium are formatted, if the drive reports it.
    fn formatted_blocks(&self) -> Option<u64> {
        self.formats?.formatted()
    }

    /// How many blocks the medium has when the drive has formatted all of it in the background.
    fn whole_blocks(&self) -> Option<u64> {
        self.formats?.whole(self.kind()?.background_format()?)
    }

    /// How the medium is written, and how many of its blocks can be written now.
    fn writing(&self) -> Result<(Writing, u64), Refusal> {
        let profile = self.configuration.profile;
        let kind = self.kind().ok_or(Refusal::Profile(profile))?;

        check_disc(kind, self.disc, self.formats.map(|formats| formats.current))?;
        if self.protected {
            return Err(Refusal::Protected(kind));
        }
        let track = self.track?;
        check_size_of_blocks(kind, self.capacity, profile)?;
        let packet_blocks = packet_blocks(kind, track.as_ref(), self.configuration.blocking)?;
        let start = track.map_or(0, |track| u64::from(track.start));
        let (blocks, whole) = self.sizes(kind, track.as_ref())?;
        let geometry = geometry(packet_blocks, start, whole)?;

        Ok((
            Writing {
                kind,
                geometry,
                track,
                speed: 0,
            },
            whole_packets(&geometry, blocks),
        ))
    }

    /// How many blocks can be written now, and how many when the drive has formatted all of the
    /// medium.
    fn sizes(&self, kind: Kind, track: Option<&TrackInfo>) -> Result<(u64, u64), Refusal> {
        let told = writable_blocks(kind, track, self.capacity);
        let reach = self.reach();
        let whole = self.whole_blocks().or(told);

        match self.background() {
            Some(Formatted::Running) => {
                let whole = whole.ok_or(Refusal::NoCapacity)?.min(reach);
                Ok((whole, whole))
            }
            Some(Formatted::Stopped) => {
                let formatted = self.formatted_blocks().or(told).unwrap_or(0).min(reach);
                self.stopped_sizes(kind, formatted, whole)
            }
            _ => {
                let limit = self.formatted_blocks().filter(|_| kind == Kind::DvdRw);
                let blocks = told.into_iter().chain(limit).min();
                let blocks = blocks.ok_or(Refusal::NoCapacity)?.min(reach);
                Ok((blocks, blocks))
            }
        }
    }

    /// As [`Findings::sizes`], for a medium whose format was stopped and was not resumed.
    fn stopped_sizes(
        &self,
        kind: Kind,
        formatted: u64,
        whole: Option<u64>,
    ) -> Result<(u64, u64), Refusal> {
        match self.restart {
            Restart::Failed(Some(failure)) if failure.fault() == Fault::WriteProtected => {
                Err(Refusal::Protected(kind))
            }
            Restart::Failed(_) if formatted == 0 => Err(Refusal::FormatStopped(kind)),
            _ => Ok((formatted, whole.unwrap_or(0).max(formatted))),
        }
    }
}

/// The blocks of the packets that lie within the first `blocks` blocks.
fn whole_packets(geometry: &Geometry, blocks: u64) -> u64 {
    let packet = u64::from(geometry.packet_frames());
    let start = geometry.start_sector() / BLOCK_SECTORS;
    let all = geometry.capacity_sectors() / BLOCK_SECTORS;

    match blocks.saturating_sub(start).checked_div(packet) {
        None | Some(0) => 0,
        Some(packets) => packets
            .saturating_mul(packet)
            .saturating_add(start)
            .min(all),
    }
}

/// The reason why a medium that cannot be written, because of `refusal`, cannot be read either.
///
/// For an empty disc that is `refusal`, which says more than that the disc has no size.
const fn nothing_to_read(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Geometry(_) => Refusal::NoCapacity,
        refusal => refusal,
    }
}

/// Cuts `blocks` blocks into packets.
fn geometry(packet_blocks: u32, start: u64, blocks: u64) -> Result<Geometry, Refusal> {
    Geometry::new(
        // More than 128 blocks were rejected before.
        packet_blocks.saturating_mul(BLOCK_SECTORS as u32),
        start.saturating_mul(BLOCK_SECTORS),
        blocks.saturating_mul(BLOCK_SECTORS),
    )
    .map_err(Refusal::Geometry)
}

/// How a track can be written. Drives that need no write parameters need not report tracks.
fn choose_track(
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

/// Checks the disc as a whole; `current` is how much of it is formatted, if the drive tells.
///
/// A CD has to report that it is erasable, since it might be a CD-R.
fn check_disc(
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
///
/// The track tells that only if all its packets have one size. Where the kind of medium sets what
/// it is recorded in, anything but multiples of that is a mistake of the drive.
fn packet_blocks(
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
    /// What tells it from others.
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
