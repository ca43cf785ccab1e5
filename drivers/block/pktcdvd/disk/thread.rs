// SPDX-License-Identifier: GPL-2.0

//! The thread of a device.
//!
//! That of an optical drive's device is freezable. When user space is frozen, the thread is told to
//! freeze. It goes on serving I/O first: other kernel threads that wait for I/O cannot freeze before
//! it is done. Packets do not wait for more writes then. When nothing is left to do, the thread has
//! the cache of the drive flushed, and freezes. If the drive takes too long, the system stays awake.
//! After the sleep the medium is examined, since the drive had no power.

use crate::{
    disk::device::Device,
    engine::packets::Progress, //
};
use kernel::time::Delta;
use rb::{
    kthread,
    mm, //
};

/// Longest time for which the thread waits before it looks again whether the system is still about
/// to sleep. If it is not, nobody wakes the thread.
const PAUSED_WAIT: Delta = Delta::from_millis(100);

impl kthread::Run for Device {
    fn run(&self) {
        // This thread allocates only from pools with a reserve. If the lower device allocates when
        // I/O is submitted to it, it must not wait for writes to this very device.
        mm::with_noio(|| serve(self));
    }
}

/// Does the work of a device, until the thread is to stop.
fn serve(device: &Device) {
    let Device { hub, packets, .. } = device;

    if hub.optical {
        kthread::set_freezable();
    }
    while !kthread::should_stop() {
        // Once: the end of a wait is chosen by what the work was chosen by.
        let pausing = kthread::should_freeze();
        let duty = device.users.duty(hub.now(), || hub.is_lost());
        let progress = packets.lock().work(hub, pausing, duty);
        match progress {
            Progress::More => mm::cond_resched(),
            // For IO: no packet waits for more writes now.
            Progress::Wait(_) if pausing => {
                hub.bell.wait(Some(PAUSED_WAIT));
            }
            Progress::Wait(timeout) => {
                hub.bell.wait_or_freeze(timeout);
            }
            Progress::Rest => rest(device),
            Progress::Sync(session) => {
                let ticket = hub.syncs.last();
                let result = hub.sync(&session);
                packets.lock().synced(hub, result);
                hub.syncs.note_tried(ticket);
            }
            Progress::Recover(session) => {
                if session.recover(hub.index()) {
                    packets.lock().cache_lost(hub);
                }
            }
            Progress::Ended(session) => device.end_session(session),
        }
    }
}

/// Freezes until the system has slept, when nothing is left to do.
fn rest(device: &Device) {
    if kthread::freeze() {
        // The medium may be another one now.
        device.hub.session_is(|session| {
            session.io_failed();
            true
        });
    }
}
