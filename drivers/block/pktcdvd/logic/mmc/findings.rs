// SPDX-License-Identifier: GPL-2.0

//! What the drive has reported of a medium, and what the medium is by that.

use super::{
    super::zone::Geometry,
    capacity::{
        readable_blocks,
        writable_blocks,
        ReadCapacity, //
    },
    check::{
        check_disc,
        check_size_of_blocks,
        choose_track,
        packet_blocks, //
    },
    configuration::Configuration,
    disc::{
        DiscInfo,
        Formatted, //
    },
    formats::FormatCapacities,
    identity::Identity,
    medium::{
        Medium,
        Restart,
        Writing, //
    },
    profile::Kind,
    refusal::Refusal,
    sense::Fault,
    track::TrackInfo,
    BLOCK_SECTORS, //
};

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
            identity: self.identity(),
            formatted: self.disc.map_or(Formatted::No, |disc| disc.formatted),
            restart: self.restart,
            writing: found.map(|(writing, _)| writing),
        })
    }

    /// The identity of the medium.
    fn identity(&self) -> Identity {
        let track = self.track.ok().flatten().or(self.last_track);
        let formatted = self.disc.map_or(Formatted::No, |disc| disc.formatted);

        Identity {
            profile: self.configuration.profile,
            disc: self.disc.ok().and_then(|disc| disc.id),
            track: track.map(|track| (track.number, track.start, track.packet_blocks)),
            size: (
                self.capacity.map(|capacity| capacity.last),
                track.map(|track| track.size),
            ),
            whole: self.whole_blocks(),
            grows: matches!(formatted, Formatted::Stopped | Formatted::Running),
        }
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
