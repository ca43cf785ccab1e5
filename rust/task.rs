// SPDX-License-Identifier: GPL-2.0

//! The task that runs.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use crate::bindings;
use kernel::{
    current,
    fmt::{
        self,
        Display, //
    },
    prelude::*,
    str::BStr, //
};

/// The length of a command name, with the NUL at its end.
const COMM_LEN: usize = bindings::TASK_COMM_LEN as usize;

/// The name and the number of the current task, for a log line: `comm/pid`.
///
/// # Examples
///
/// ```
/// # use rb::task::CurrentName;
/// pr_warn!("refused what {} asked for\n", CurrentName::get());
/// ```
pub struct CurrentName {
    comm: [u8; COMM_LEN],
    pid: i32,
}

impl CurrentName {
    /// Looks at the current task. Any context of a task.
    pub fn get() -> Self {
        let mut comm = [0; COMM_LEN];
        // SAFETY: There is room for a whole name.
        unsafe { bindings::get_current_comm(comm.as_mut_ptr().cast()) };
        Self {
            comm,
            pid: current!().pid(),
        }
    }
}

impl Display for CurrentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.comm.split(|byte| *byte == 0).next().unwrap_or(&[]);
        f.write_fmt(fmt!("{}/{}", BStr::from_bytes(name), self.pid))
    }
}
