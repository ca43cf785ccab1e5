// SPDX-License-Identifier: GPL-2.0

//! Whether requests are served.
//!
//! ```text
//!         run              the last connection is lost
//!   Off -------> On -----------------------------------> Waiting
//!                ^ |                                        |
//!                | | without a dead connection timeout      | none has come in time
//!                | +----------------> Failing <-------------+
//!                |                       |                  |
//!                +-----------------------+------------------+ another connection comes
//!
//!   All of them --- the end is asked for ---> Ending
//! ```

/// A reading of the clock.
pub trait Moment {
    /// Returns how long ago it was taken, in whole milliseconds.
    fn elapsed_ms(&self) -> u64;
}

/// What becomes of a request for which there is no connection, or none yet.
#[derive(Debug)]
pub enum Service<M> {
    /// It fails: there is no session, or one that has not run yet.
    Off,
    /// A connection takes it.
    On,
    /// It waits for a connection: the last one was lost then.
    Waiting(M),
    /// It fails, until there is a connection again.
    Failing,
    /// It fails: somebody has asked for the end of the session. What connections have is still
    /// carried out.
    Ending,
}

impl<M: Moment> Service<M> {
    /// Serves requests if a connection is `alive`, unless the end was asked for.
    pub fn run(&mut self, alive: bool) {
        *self = match self {
            Self::Ending => return,
            _ if alive => Self::On,
            _ => Self::Failing,
        };
    }

    /// Notes that the last connection was lost `now`. Requests wait for another one if they `may`.
    pub fn lose_last(&mut self, now: M, may: bool) {
        if matches!(self, Self::On) {
            *self = if may {
                Self::Waiting(now)
            } else {
                Self::Failing
            };
        }
    }

    /// Serves nothing any more, whatever comes.
    pub fn stop(&mut self) {
        *self = Self::Ending;
    }

    /// Returns whether requests go to a connection, or wait for one.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::On | Self::Waiting(_))
    }

    /// Returns whether somebody has asked for the end.
    pub fn is_ending(&self) -> bool {
        matches!(self, Self::Ending)
    }

    /// Returns whether a request that no connection takes may wait, `dead_timeout` milliseconds after
    /// the last one was lost, or longer if one `is_due`, as another one is about to come.
    pub fn may_wait(&self, dead_timeout: u64, is_due: bool) -> bool {
        match self {
            Self::On => is_due || dead_timeout > 0,
            Self::Waiting(since) => is_due || since.elapsed_ms() < dead_timeout,
            Self::Off | Self::Failing | Self::Ending => false,
        }
    }
}
