// SPDX-License-Identifier: GPL-2.0

//! Requests, whatever the driver.

use crate::block::{
    bio::{
        Bio,
        Command,
        Flags, //
    },
    error::{
        BlkError,
        BlkResult, //
    },
    gen_disk::Core,
};
use kernel::sim;
use std::sync::{
    Arc as Shared,
    Mutex, //
};

/// Where the submitter finds the result.
pub(super) struct Done {
    result: Mutex<Option<BlkResult>>,
    submitter: sim::Task,
}

impl Done {
    pub(super) fn new() -> Shared<Self> {
        Shared::new(Self {
            result: Mutex::new(None),
            submitter: sim::current(),
        })
    }

    /// Sets the result, and wakes the submitter.
    pub(super) fn set(&self, result: BlkResult) {
        let mut place = self
            .result
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        assert!(place.is_none(), "a request ends twice");
        *place = Some(result);
        drop(place);
        sim::wake(self.submitter);
    }

    /// Waits for the result.
    pub(super) fn wait(&self) -> BlkResult {
        loop {
            let result = *self
                .result
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(result) = result {
                return result;
            }
            if !sim::is_running() {
                return Err(BlkError::IOERR);
            }
            sim::wait("the end of a request");
        }
    }
}

/// What a request is, whatever the driver.
pub(crate) struct Raw {
    pub(super) command: Command,
    pub(super) flags: Flags,
    pub(super) sector: u64,
    pub(super) bytes: u32,
    pub(super) bios: Vec<Bio>,
    pub(super) queue: u32,
    pub(super) tag: u32,
    pub(super) core: Shared<Core>,
    pub(super) done: Shared<Done>,
}
