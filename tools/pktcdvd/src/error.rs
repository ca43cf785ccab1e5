// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, in words for people and as exit status.

use crate::device_number::DeviceNumber;
use std::io;
use std::path::PathBuf;

/// A result of this crate.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// What went wrong. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something given on the command line cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// The driver is not there.
    #[error("the packet driver is not loaded (no {}): run `modprobe pktcdvd` as root", .0.display())]
    NoModule(PathBuf),
    /// A device does not exist, or is not mapped.
    #[error("{0}")]
    NoDevice(String),
    /// A device is in use.
    #[error("{0}")]
    Busy(String),
    /// The user may not do that.
    #[error("{0}: permission denied; root may do that")]
    Permission(String),
    /// The disc is none that packets can be written on.
    #[error("{0}")]
    Medium(String),
    /// The name for the new device is taken.
    #[error("{0}")]
    NameTaken(String),
    /// The disc holds something that would be lost.
    #[error("{0}")]
    Holds(String),
    /// Something else did not work.
    #[error("{0}")]
    Failed(String),
    /// Some of several devices could not be dealt with, as was said already.
    #[error("{failed} of {of} failed")]
    Some {
        /// How many.
        failed: usize,
        /// How many there were in all.
        of: usize,
        /// The exit status of the first.
        status: u8,
    },
    /// Anything else that the system says.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// Something failed, and so did undoing what had been done until then.
    #[error("{cause}; and {lower} stays mapped, since that could not be undone: {undo}")]
    HalfMade {
        /// What failed first.
        cause: Box<Error>,
        /// What failed then.
        undo: Box<Error>,
        /// The device that is mapped still.
        lower: DeviceNumber,
    },
}

/// For each exit status that is not success what it stands for.
pub const EXIT_STATUSES: &[(u8, &str)] = &[
    (1, "the system or the driver failed in another way"),
    (2, "the command line cannot be understood"),
    (3, "the driver is not loaded"),
    (4, "there is no such device, or it is not mapped"),
    (5, "the device is mapped already, mounted, open or claimed"),
    (6, "permission denied"),
    (7, "the disc in the drive is unsuitable, or there is none"),
    (8, "the name is taken"),
    (9, "the disc holds something that would be lost"),
];

impl Error {
    /// The exit status of the command; see [`EXIT_STATUSES`].
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::System { .. } | Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NoModule(_) => 3,
            Self::NoDevice(_) => 4,
            Self::Busy(_) => 5,
            Self::Permission(_) => 6,
            Self::Medium(_) => 7,
            Self::NameTaken(_) => 8,
            Self::Holds(_) => 9,
            Self::Some { status, .. } => *status,
            Self::HalfMade { cause, .. } => cause.exit_status(),
        }
    }

    /// What the system said, which was asked for `what`.
    pub fn system(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let (what, source) = (what.into(), source.into());
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission(what),
            _ => Self::System { what, source },
        }
    }
}
