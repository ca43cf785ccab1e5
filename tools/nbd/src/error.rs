// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, in words for people and as exit status.

use std::io;

/// A result of this crate.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// What went wrong. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something given on the command line or in the configuration cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// The driver is not there, or it is not rblk's.
    #[error("{0}")]
    NoDriver(String),
    /// A device does not exist.
    #[error("{0}")]
    NoDevice(String),
    /// A device is in use.
    #[error("{0}")]
    Busy(String),
    /// The user may not do that.
    #[error("{0}: permission denied; root may do that")]
    Permission(String),
    /// The server does not serve what is wanted, or not in a way that the driver can use.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// Something else did not work.
    #[error("{0}")]
    Failed(String),
    /// Anything else that the system says.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
}

/// For each exit status that is not success what it stands for.
pub const EXIT_STATUSES: &[(u8, &str)] = &[
    (1, "the system or the driver failed in another way"),
    (
        2,
        "the command line or the configuration cannot be understood",
    ),
    (3, "the driver is not loaded, or it is not rblk's"),
    (4, "there is no such device"),
    (5, "the device is connected or in use"),
    (6, "permission denied"),
    (
        7,
        "the server has no such export, wants TLS, or has changed",
    ),
    (8, "the server cannot be reached"),
];

impl Error {
    /// The exit status of the command; see [`EXIT_STATUSES`].
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::System { .. } | Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NoDriver(_) => 3,
            Self::NoDevice(_) => 4,
            Self::Busy(_) => 5,
            Self::Permission(_) => 6,
            Self::Refused(_) => 7,
            Self::Unreachable(_) => 8,
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
