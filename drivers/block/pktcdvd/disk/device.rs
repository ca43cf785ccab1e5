// SPDX-License-Identifier: GPL-2.0

//! One mapping of a packet device to a lower device.
//!
//! # Locks
//!
//! In this order, outermost first:
//!
//! 1. That of `users`, a mutex: the openers of the disk. Held for a moment by open, release and removal.
//! 2. `packets`, a mutex: held by the thread while it works; see [`Packets`].
//! 3. `hub.queue`, a spinlock: what waits for the thread; see [`Queue`](crate::engine::queue::Queue).
//!
//! Completions take none of them: they set atomics and ring the bell.
//!
//! # Forward progress
//!
//! A table in Documentation/design.rst lists what a write needs on its way, and where that comes
//! from.

use crate::{
    disk::users::Users,
    engine::{
        hub::Hub,
        packets::{
            Packets,
            Store, //
        },
    },
    lower::{
        activity::Activity,
        departure::{
            Departure,
            GivesNotice, //
        },
        session::Session,
        turns::Turns, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use rb::block::{
    bdev::Glance,
    dev_t::DevT, //
};

/// A packet device.
#[pin_data]
pub(crate) struct Device {
    /// Device number of the lower device.
    pub(crate) lower_dev: DevT,
    /// Name of the lower device.
    pub(crate) lower_name: CString,
    /// What the drive is busy with for long.
    pub(crate) activity: Arc<Activity>,
    /// The openers of the disk.
    #[pin]
    pub(crate) users: Users,
    /// What the thread works on.
    #[pin]
    pub(crate) packets: Mutex<Packets>,
    /// How many packet buffers the device gets at the next open at which nobody else has it open.
    buffers: Atomic<u32>,
    /// What waits for the thread, and what it has in common with others.
    #[pin]
    pub(crate) hub: Hub,
    notice: GivesNotice,
}

impl Device {
    /// Creates a device, without a disk or a thread. May sleep.
    pub(crate) fn new(
        dev: DevT,
        lower_dev: DevT,
        lower: &Glance,
        buffers: u32,
    ) -> Result<Arc<Self>> {
        let turns = Turns::new()?;
        Arc::pin_init(
            try_pin_init!(Self {
                lower_dev,
                lower_name: CString::try_from_fmt(fmt!("{}", lower.name()))?,
                activity: Arc::new(Activity::new(), GFP_KERNEL)?,
                hub <- Hub::new(dev, lower.is_optical(), turns.clone()),
                users <- Users::new(hub.bell.clone(), turns),
                packets <- new_mutex!(Packets::new(), "pktcdvd::Device::packets"),
                buffers: Atomic::new(buffers),
                notice: GivesNotice(Departure::new()?),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Begins a session. May sleep.
    ///
    /// Fails with [`ENOMEM`].
    pub(crate) fn enter(&self, session: Session) -> Result {
        let buffers = if session.read_only && self.hub.optical {
            0
        } else {
            self.buffers()
        };
        let store = Store::new(&session.geometry, &self.hub.bell, buffers)
            .inspect_err(|_| session.finish_for_opener(self.hub.index()))?;
        let session = Arc::new(session, GFP_KERNEL)?;

        self.packets.lock().enter(session.clone(), store);
        let before = self.hub.queue.lock().set_session(Some(session));
        drop(before);
        Ok(())
    }

    /// Ends a session in which nothing is left to do. Called by the thread.
    pub(crate) fn end_session(&self, session: Arc<Session>) {
        let before = self.hub.queue.lock().set_session(None);
        drop(before);
        self.users.session_ended(session);
    }

    /// Returns the notice of when the device has closed its lower device.
    pub(crate) fn departure(&self) -> Arc<Departure> {
        self.notice.0.clone()
    }

    /// Returns how many packet buffers the device is to have.
    pub(crate) fn buffers(&self) -> u32 {
        self.buffers.load(Relaxed)
    }

    /// Sets how many packet buffers the device gets at the next open at which nobody else has it
    /// open.
    pub(crate) fn set_buffers(&self, buffers: u32) {
        self.buffers.store(buffers, Relaxed);
    }

    /// Changes the number of packet buffers. If there is not enough memory, the old ones stay.
    pub(crate) fn resize_buffers(&self) {
        let wanted = self.buffers();
        let Some(geometry) = self.hub.geometry() else {
            return;
        };
        if self.packets.lock().len() == wanted as usize {
            return;
        }

        // Allocated without the lock, since reclaim may write to this very device.
        let Ok(list) = Packets::allocate(&geometry, &self.hub.bell, wanted) else {
            let index = self.hub.index();
            return pr_warn!("pktcdvd{index}: no memory for {wanted} packet buffers\n");
        };
        let unused = self.packets.lock().replace(list);
        drop(unused);
    }
}
