// SPDX-License-Identifier: GPL-2.0

//! What the thread of a device has to bring about, and whether users know what has become of the
//! medium.

use super::users::Duty;

/// What the thread of a device has to bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// I/O is served.
    Running,
    /// Nobody has the device open. The cache of the drive is to be flushed, and the session goes on
    /// for this time, in nanoseconds.
    Lingering(u64),
    /// The system is about to sleep. What was written is to be on the medium before that.
    Pausing,
    /// The session is to end. If the system is about to sleep, the session ends first.
    Ending,
}

/// What is next for a device for which nothing is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The thread waits for more to come.
    Wait,
    /// The drive puts on the medium what it has cached.
    Sync,
    /// The thread rests until the system has slept.
    Rest,
    /// The session ends.
    End,
}

impl Life {
    /// What is to be brought about with this duty, if the system is about to sleep or not.
    pub fn new(duty: Duty, pausing: bool) -> Self {
        match duty {
            Duty::End => Self::Ending,
            _ if pausing => Self::Pausing,
            Duty::Linger(left) => Self::Lingering(left),
            Duty::Serve => Self::Running,
        }
    }

    /// Whether the device is to come to rest, so that no write waits for others to its packet.
    pub fn is_in_a_hurry(self) -> bool {
        self != Self::Running
    }

    /// For how long the session goes on, in nanoseconds, if that is known.
    pub fn left(self) -> Option<u64> {
        match self {
            Self::Lingering(left) => Some(left),
            _ => None,
        }
    }

    /// What is next when nothing is left to do. The drive `owes_sync` if it may have something cached
    /// that it can put on the medium.
    ///
    /// A session that ends has its last attempt at that when it does.
    pub fn at_rest(self, owes_sync: bool) -> Step {
        match self {
            Self::Running => Step::Wait,
            Self::Ending => Step::End,
            Self::Lingering(_) | Self::Pausing if owes_sync => Step::Sync,
            Self::Lingering(_) => Step::Wait,
            Self::Pausing => Step::Rest,
        }
    }
}

/// Whether the users of a disk were told that its medium is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loss {
    /// There was nothing to tell.
    #[default]
    None,
    /// They were told.
    Told,
}

impl Loss {
    /// Takes whether the medium is `lost`. Returns whether users are to be told now.
    pub fn is_news(&mut self, lost: bool) -> bool {
        let news = lost && *self == Self::None;

        if news {
            *self = Self::Told;
        }
        news
    }
}
