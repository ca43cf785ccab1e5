// SPDX-License-Identifier: GPL-2.0

//! The current task.

/// Returns the task that runs.
#[macro_export]
macro_rules! current {
    () => {
        $crate::sim::current()
    };
}
