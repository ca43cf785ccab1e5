// SPDX-License-Identifier: GPL-2.0

//! The task that runs.

use kernel::{
    fmt,
    sim, //
};

/// The name and the number of the current task, for a log line.
pub struct CurrentName(sim::Task);

impl CurrentName {
    /// Looks at the current task.
    pub fn get() -> Self {
        Self(sim::current())
    }
}

impl fmt::Display for CurrentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.name(), self.0.pid())
    }
}
