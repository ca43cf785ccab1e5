// SPDX-License-Identifier: GPL-2.0

//! What a disk is, whatever its driver.

use super::queue::Queue;
use crate::{
    block::{
        dev_t::DevT,
        limits::QueueLimits, //
    },
    new_wait_queue,
    sim::files::Entry,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sim,
    str::CString,
    sync::Mutex, //
};
use std::sync::Mutex as Plain;

/// What changes about a disk.
pub(crate) struct State {
    pub(crate) dev: DevT,
    pub(crate) limits: QueueLimits,
    pub(crate) capacity: u64,
    pub(crate) openers: u32,
    pub(crate) read_only: bool,
    /// It was added, and is not being removed.
    pub(crate) live: bool,
    pub(crate) needs_scan: bool,
    /// How many are there that removal waits for, and whether no more may come.
    present: usize,
    left: bool,
    pub(crate) media: u64,
    pub(crate) events: u64,
}

/// A disk.
#[pin_data]
pub(crate) struct Core {
    pub(crate) name: CString,
    state: Plain<State>,
    #[pin]
    pub(crate) open_mutex: Mutex<()>,
    #[pin]
    pub(crate) limits_lock: Mutex<()>,
    #[pin]
    pub(crate) queue: Queue,
    #[pin]
    idle: WaitQueue,
    files: Plain<Vec<Entry>>,
    pub(crate) no_partitions: bool,
    pub(crate) removable: bool,
}

/// How the parts that do not change are given.
pub(crate) struct Fixed {
    pub(crate) name: CString,
    pub(crate) dev: DevT,
    pub(crate) limits: QueueLimits,
    pub(crate) capacity: u64,
    pub(crate) read_only: bool,
    pub(crate) no_partitions: bool,
    pub(crate) removable: bool,
    pub(crate) opens_another: bool,
}

impl Core {
    pub(crate) fn new(fixed: Fixed) -> impl PinInit<Self> {
        let state = State {
            dev: fixed.dev,
            limits: fixed.limits,
            capacity: fixed.capacity,
            openers: 0,
            read_only: fixed.read_only,
            live: false,
            needs_scan: false,
            present: 0,
            left: false,
            media: 0,
            events: 0,
        };
        let class = if fixed.opens_another {
            "the open mutex of a disk that opens another"
        } else {
            "the open mutex"
        };
        pin_init!(Self {
            name: fixed.name,
            state: Plain::new(state),
            open_mutex <- Mutex::new((), class),
            limits_lock <- Mutex::new((), "the lock of the limits"),
            queue <- Queue::new(),
            idle <- new_wait_queue!("those who use a disk"),
            files: Plain::default(),
            no_partitions: fixed.no_partitions,
            removable: fixed.removable,
        })
    }

    pub(crate) fn get<R>(&self, f: impl FnOnce(&State) -> R) -> R {
        sim::point();
        f(&self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub(crate) fn set<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        sim::point();
        f(&mut self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Returns the number, at once.
    pub(crate) fn peek_dev(&self) -> DevT {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .dev
    }

    /// Keeps the disk in the system, if it is there, until [`Core::exit`].
    pub(crate) fn enter(&self) -> bool {
        self.set(|state| {
            let in_time = state.live && !state.left;
            state.present += usize::from(in_time);
            in_time
        })
    }

    pub(crate) fn exit(&self) {
        if self.set(|state| {
            state.present -= 1;
            state.present == 0
        }) {
            self.idle.wake_up_all();
        }
    }

    /// Lets nobody enter any more, and waits for those who have.
    pub(crate) fn leave(&self) {
        self.set(|state| state.left = true);
        self.idle
            .wait_event(|| self.get(|state| state.present == 0));
    }

    pub(crate) fn add_file(&self, file: Entry) {
        let mut files = self
            .files
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        files.push(file);
    }

    /// Removes the files, and waits for those who use them.
    pub(crate) fn take_files(&self) {
        let files = {
            let mut files = self
                .files
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            ::core::mem::take(&mut *files)
        };
        drop(files);
    }
}
