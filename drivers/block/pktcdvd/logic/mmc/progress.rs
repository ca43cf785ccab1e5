// SPDX-License-Identifier: GPL-2.0

//! Waiting for a drive that was told to do something long, and seeing how far it has come.

use super::{
    cdb::{
        self,
        Command, //
    },
    sense::{
        Failure,
        Fault,
        Sense, //
    },
};
use core::fmt;

/// How long the drive is left alone first, in milliseconds; then twice as long each time.
const FIRST_MS: u32 = 100;

/// How long it is left alone at most, in milliseconds.
const MAX_MS: u32 = 1600;

/// How far something has come, of 65536, as drives count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress(pub u16);

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", u32::from(self.0) * 100 / 65536)
    }
}

/// What to do next about a drive that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send the command after so many milliseconds.
    Send(Command, u32),
    /// The drive is ready.
    Ready,
    /// The drive has failed, or is not ready after all that time.
    Failed(Failure),
}

/// A wait for a drive: TEST UNIT READY again and again, and REQUEST SENSE to see how far it is.
///
/// The drive may be busy, not ready yet, or formatting: all that is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    limit_ms: u32,
    waited_ms: u32,
    next_ms: u32,
    retries: u32,
    /// What the drive has said last, while it is asked for more.
    says: Option<Failure>,
    progress: Option<Progress>,
}

impl Wait {
    /// A wait of `limit_ms` milliseconds at most.
    pub const fn new(limit_ms: u32) -> Self {
        Self {
            limit_ms,
            waited_ms: 0,
            next_ms: FIRST_MS,
            retries: 0,
            says: None,
            progress: None,
        }
    }

    /// How far the drive has come, if it tells.
    pub const fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// Returns the first thing to do.
    pub fn begin(&mut self) -> Next {
        self.look(FIRST_MS)
    }

    /// Takes what came of the command; `reply` is what the drive has sent.
    pub fn reply(&mut self, outcome: Result<usize, Failure>, reply: &[u8]) -> Next {
        let Some(busy) = self.says.take() else {
            return self.looked(outcome);
        };
        // Old drives tell here, and not when they are asked whether they are ready.
        if let Ok(sense) = Sense::parse(reply) {
            self.see(&sense);
        }
        match self.pause() {
            Some(after_ms) => Next::Send(cdb::test_unit_ready(), after_ms),
            None => Next::Failed(busy),
        }
    }

    /// For how long to leave the drive alone once more, in milliseconds, if that is not too long.
    pub fn pause(&mut self) -> Option<u32> {
        let after_ms = self.next_ms;
        let waited_ms = self.waited_ms.saturating_add(after_ms);

        if waited_ms > self.limit_ms {
            return None;
        }
        self.waited_ms = waited_ms;
        self.next_ms = after_ms.saturating_mul(2).min(MAX_MS);
        Some(after_ms)
    }

    fn look(&mut self, after_ms: u32) -> Next {
        self.waited_ms = self.waited_ms.saturating_add(after_ms);
        Next::Send(cdb::test_unit_ready(), after_ms)
    }

    fn looked(&mut self, outcome: Result<usize, Failure>) -> Next {
        let failure = match outcome {
            Ok(_) => return Next::Ready,
            Err(failure) if failure.is_success() => return Next::Ready,
            Err(failure) => failure,
        };

        match failure {
            Failure::Sense(sense) if sense.is_becoming_ready() => {
                self.see(&sense);
                self.says = Some(failure);
                Next::Send(cdb::request_sense(), 0)
            }
            _ if self.is_worth_asking_again(failure) => {
                self.retries = self.retries.saturating_add(1);
                self.look(0)
            }
            _ => Next::Failed(failure),
        }
    }

    /// What has to do with the medium, or the drive's memory, is for others to look at.
    fn is_worth_asking_again(&self, failure: Failure) -> bool {
        let fault = failure.fault();

        !fault.lost_parameters()
            && fault != Fault::Busy
            && failure.retry_after_ms(self.retries).is_some()
    }

    fn see(&mut self, sense: &Sense) {
        self.progress = sense.progress.map(Progress).or(self.progress);
    }
}

/// What a drive is busy with for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Nothing.
    None,
    /// Going on with a format that was stopped.
    Restarting(Option<Progress>),
    /// Closing the medium.
    Closing(Option<Progress>),
}

impl Activity {
    const UNKNOWN: u32 = 1 << 16;
    const RESTARTING: u32 = 1 << 24;
    const CLOSING: u32 = 2 << 24;

    /// Puts it into a number, to be stored as one.
    pub const fn to_bits(self) -> u32 {
        let (activity, progress) = match self {
            Self::None => return 0,
            Self::Restarting(progress) => (Self::RESTARTING, progress),
            Self::Closing(progress) => (Self::CLOSING, progress),
        };
        let far = match progress {
            Some(Progress(far)) => far as u32,
            None => Self::UNKNOWN,
        };

        activity | far
    }

    /// Takes it from such a number.
    pub const fn from_bits(bits: u32) -> Self {
        let progress = match bits & Self::UNKNOWN {
            0 => Some(Progress(bits as u16)),
            _ => None,
        };

        match bits & (Self::RESTARTING | Self::CLOSING) {
            Self::RESTARTING => Self::Restarting(progress),
            Self::CLOSING => Self::Closing(progress),
            _ => Self::None,
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, progress) = match self {
            Self::None => return f.write_str("nothing"),
            Self::Restarting(progress) => ("goes on formatting", progress),
            Self::Closing(progress) => ("closes the medium", progress),
        };

        f.write_str(what)?;
        match progress {
            Some(progress) => write!(f, ", {progress}"),
            None => Ok(()),
        }
    }
}
