// SPDX-License-Identifier: GPL-2.0

//! Why a connection could not be replaced.

use crate::negotiate::Refusal;
use rustix::io::Errno;
use std::fmt;
use std::io;

/// Why a connection could not be replaced.
pub enum Why {
    /// A server does not serve, or is not there.
    Refused(Refusal),
    /// The export is not what the device counts on.
    Changed(&'static str),
    /// The driver says so.
    Driver(io::Error),
}

/// Kinds of reasons: each is told once until the connection is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nobody is there.
    Unreachable,
    /// The server says no.
    Refused,
    /// The export is another.
    Changed,
    /// The driver says no.
    Driver,
}

impl Why {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Refused(Refusal::Io(_)) => Kind::Unreachable,
            Self::Refused(_) => Kind::Refused,
            Self::Changed(_) => Kind::Changed,
            Self::Driver(_) => Kind::Driver,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Changed(what) => write!(f, "{what}, and is not used"),
            Self::Driver(err) => {
                f.write_str("the driver does not take it: ")?;
                match Errno::from_io_error(err) {
                    Some(errno) => write!(f, "{errno}"),
                    None => write!(f, "{}", err.kind()),
                }
            }
        }
    }
}
