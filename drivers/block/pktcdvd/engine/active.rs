// SPDX-License-Identifier: GPL-2.0

//! A device in a session.

use crate::{
    engine::hub::Hub,
    logic::life::Life,
    lower::session::Session, //
};
use core::ops::Deref;
use kernel::time::Delta;

/// A device and its session, as I/O needs them.
#[derive(Clone, Copy)]
pub(crate) struct Active<'a> {
    hub: &'a Hub,
    /// The session.
    pub(crate) session: &'a Session,
    /// What the thread has to bring about. It is read once, so that all decisions agree.
    pub(crate) life: Life,
}

impl<'a> Active<'a> {
    /// Puts a device and its session together.
    pub(crate) fn new(hub: &'a Hub, session: &'a Session, life: Life) -> Self {
        Self { hub, session, life }
    }

    /// Lets go of the writes that were held long enough, or of all if the device is to come to rest.
    /// Returns for how long the others are held still.
    pub(crate) fn release_writes(&self) -> Option<Delta> {
        let wait = u64::try_from(self.wait().as_nanos()).unwrap_or(0);
        let tags = self.rq_queue.as_ref().map_or(u32::MAX, |q| q.async_depth());
        let now = self.now();
        let mut queue = self.queue.lock();

        queue.release(now, wait, self.life.is_in_a_hurry(), tags as usize);
        let left = queue.held_for(now, wait)?;
        Some(Delta::from_nanos(i64::try_from(left).unwrap_or(i64::MAX)))
    }
}

impl Deref for Active<'_> {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        self.hub
    }
}
