// SPDX-License-Identifier: GPL-2.0

//! Lines for people. Whoever reads them may himself wait for the device: so a line that cannot be
//! written at once is left out.

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// Where lines are put together.
pub struct Log(String);

impl Log {
    /// With room for a line.
    pub fn new() -> Self {
        Self(String::with_capacity(1024))
    }

    /// Says something.
    pub fn say(&mut self, what: fmt::Arguments<'_>) {
        self.0.clear();
        let _ = writeln!(self.0, "rblk-nbd: {what}");
        let error = io::stderr();
        let mut fds = [PollFd::new(&error, PollFlags::OUT)];
        let at_once = poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
        if at_once {
            let _ = error.lock().write_all(self.0.as_bytes());
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}
