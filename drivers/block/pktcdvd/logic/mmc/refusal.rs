// SPDX-License-Identifier: GPL-2.0

//! Reasons why a medium cannot be used, or not be written.

use super::{
    super::zone::GeometryError,
    cdb::Command,
    profile::{
        Kind,
        Profile, //
    },
    reply::ReplyError,
    sense::{
        Failure,
        Fault, //
    }, //
};
use core::fmt;

/// The error that an open fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// `ENOMEDIUM`: the drive is empty.
    NoMedium,
    /// `EROFS`: the medium can only be read. `mount` then mounts it read-only.
    ReadOnly,
    /// `ENXIO`: the track has no packets.
    NoPackets,
    /// `EBUSY`: the drive is busy with something that takes long.
    Busy,
    /// `EIO`: the drive does not work as it has to.
    Io,
}

/// Why a medium cannot be used, or not be written. Its text says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The drive is empty.
    NoMedium,
    /// Media of this profile are not written in packets.
    Profile(Profile),
    /// The CD is of that type: neither data nor XA.
    DiscType(u8),
    /// The disc cannot be written again.
    NotErasable,
    /// The last session of the disc is reserved.
    SessionReserved,
    /// The medium was never formatted.
    Blank(Kind),
    /// The format of the medium was stopped, the drive does not go on with it, and nothing of the
    /// medium can be used as it is.
    FormatStopped(Kind),
    /// The DVD-RW was formatted quickly: it can only be written from its first block on.
    Intermediate,
    /// The medium is write protected.
    Protected(Kind),
    /// No track is recorded in fixed packets.
    NotPackets(Kind),
    /// The track is reserved and blank.
    TrackReserved,
    /// The data mode of the track is that number, neither 1 nor 2.
    DataMode(u8),
    /// The packet size of the track is zero.
    PacketEmpty,
    /// The packets of the track have that many blocks.
    PacketTooLarge(u32),
    /// The track cannot be cut into packets.
    Geometry(GeometryError),
    /// The size of the medium is unknown.
    NoCapacity,
    /// A command failed that has to work.
    Command(&'static str, Failure),
    /// The reply to a command that has to work is unusable.
    Reply(&'static str, ReplyError),
}

impl Refusal {
    /// The refusal because of a command that failed.
    pub const fn command(command: &Command, failure: Failure) -> Self {
        match failure.fault() {
            Fault::NoMedium => Self::NoMedium,
            _ => Self::Command(command.name(), failure),
        }
    }

    /// Returns the error of an open for writing.
    pub const fn errno(&self) -> Errno {
        match self {
            Self::NoMedium => Errno::NoMedium,
            Self::PacketEmpty => Errno::NoPackets,
            Self::Command(_, failure) => match failure.fault() {
                Fault::WriteProtected | Fault::Unsupported => Errno::ReadOnly,
                Fault::Busy | Fault::Formatting => Errno::Busy,
                _ => Errno::Io,
            },
            Self::NoCapacity | Self::Reply(..) => Errno::Io,
            _ => Errno::ReadOnly,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoMedium => f.write_str("no medium; put a disc in"),
            Self::Profile(profile) => write!(
                f,
                "{profile} cannot be written in packets: {}",
                profile.advice()
            ),
            Self::DiscType(0xff) => {
                write!(f, "CD-RW without a track: {}", Advice(Kind::CdRw))
            }
            Self::DiscType(number) => write!(
                f,
                "CD of type {number:#04x} is no data disc: blank it, then {}",
                Advice(Kind::CdRw)
            ),
            Self::NotErasable => f.write_str("the CD is not rewritable: use a CD-RW"),
            Self::SessionReserved => f.write_str(
                "the last session is reserved, not recorded in packets: close it, or blank the disc",
            ),
            Self::Blank(kind) => write!(f, "{kind} is blank: {}", Advice(kind)),
            Self::FormatStopped(kind) => write!(
                f,
                "the drive does not go on formatting the {kind}: {}",
                Advice(kind)
            ),
            Self::Intermediate => write!(
                f,
                "quick format of the DVD-RW does not do: {}",
                Advice(Kind::DvdRw)
            ),
            Self::Protected(kind) => {
                write!(f, "the {kind} is write protected: undo that, or use another disc")
            }
            Self::NotPackets(kind) => {
                write!(f, "{kind} is not recorded in fixed packets: {}", Advice(kind))
            }
            Self::TrackReserved => f.write_str("the track is reserved and blank: blank the disc"),
            Self::DataMode(mode) => {
                write!(f, "data mode {mode} of the track is neither 1 nor 2")
            }
            Self::PacketEmpty => f.write_str("packet size of the track is zero"),
            Self::PacketTooLarge(blocks) => {
                write!(f, "packets of {blocks} blocks are too large: 128 is the most")
            }
            Self::Geometry(error) => error.fmt(f),
            Self::NoCapacity => f.write_str("the drive does not tell how large the medium is"),
            Self::Command(name, failure) => write!(f, "{name} failed: {failure}"),
            Self::Reply(name, error) => write!(f, "{name}: {error}"),
        }
    }
}

/// How to format a medium, in words.
struct Advice(Kind);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("format it with pktcdvd format DRIVE")?;
        match self.0.stock_format() {
            Some(command) => write!(f, " (or {command})"),
            None => Ok(()),
        }
    }
}
