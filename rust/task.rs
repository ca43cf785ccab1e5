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

/// Who asks for something, for a log line: `comm/pid` of the current task.
///
/// # Examples
///
/// ```
/// # use rb::task::Asker;
/// pr_warn!("refused what {} asked for\n", Asker::current());
/// ```
pub struct Asker {
    comm: [u8; COMM_LEN],
    pid: i32,
}

impl Asker {
    /// Looks at the current task. Any context of a task.
    pub fn current() -> Self {
        let mut comm = [0; COMM_LEN];
        // SAFETY: There is room for a whole name.
        unsafe { bindings::get_current_comm(comm.as_mut_ptr().cast()) };
        Self {
            comm,
            pid: current!().pid(),
        }
    }
}

impl Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.comm.split(|byte| *byte == 0).next().unwrap_or(&[]);
        f.write_fmt(fmt!("{}/{}", BStr::from_bytes(name), self.pid))
    }
}
