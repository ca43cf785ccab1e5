// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, in words for people and as exit status.

use std::io;
use std::path::Path;

/// A result of this crate.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// What went wrong. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something given on the command line cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// The driver is not loaded.
    #[error("there is no /sys/class/ubd: load the driver with \"modprobe rblk\"")]
    NoDriver,
    /// A disk or a file does not exist.
    #[error("{0}")]
    NotThere(String),
    /// A disk or an image is in use.
    #[error("{0}")]
    Busy(String),
    /// The user may not do that.
    #[error("{0}: permission denied")]
    Permission(String),
    /// An image cannot be used, or its backing file is not the one that it was made over.
    #[error("{0}")]
    Image(String),
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
    (1, "the system failed in another way"),
    (2, "the command line cannot be understood"),
    (3, "the driver is not loaded"),
    (4, "there is no such disk or file"),
    (5, "the disk or the image is in use"),
    (6, "permission denied"),
    (
        7,
        "the image cannot be used, or it does not belong to the backing file",
    ),
];

impl Error {
    /// The exit status of the command; see [`EXIT_STATUSES`].
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::System { .. } => 1,
            Self::Usage(_) => 2,
            Self::NoDriver => 3,
            Self::NotThere(_) => 4,
            Self::Busy(_) => 5,
            Self::Permission(_) => 6,
            Self::Image(_) => 7,
        }
    }

    /// What the system said, which was asked for `what`.
    pub fn system(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let (what, source) = (what.into(), source.into());
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission(what),
            io::ErrorKind::NotFound => Self::NotThere(format!("{what}: there is no such file")),
            // The driver denies writing a backing file.
            io::ErrorKind::ResourceBusy | io::ErrorKind::ExecutableFileBusy => {
                Self::Busy(format!("{what}: in use"))
            }
            _ => Self::System { what, source },
        }
    }

    /// What the system said about a file.
    pub fn of(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::system(path.display().to_string(), source)
    }
}
