// SPDX-License-Identifier: GPL-2.0

//! How connections come into the places of others.
//!
//! All of it holds the lock of the device's setup.

use crate::{
    links::{
        io::new_link,
        link::{
            Link,
            Place, //
        },
        reserves::with_reserves,
        threads::Threads,
        traffic::QUEUE_DEPTH, //
    },
    logic::io::link::Connection,
    session::{
        device::Device,
        life::DISCONNECT_TIME,
        setup::{
            Session,
            Setup,
            MAX_LINKS, //
        },
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};
use rb::{
    block::gen_disk::DiskRef,
    net::Socket, //
};

/// How long connections that are replaced have for what they have begun, all that a command names.
const LEAVE_TIME: Delta = Delta::from_millis(5000);

/// How often that is looked at.
const LEAVE_TICK: Delta = Delta::from_millis(10);

/// Puts new connections in the place of those that were lost; the rest of the sockets is dropped.
///
/// All memory of the system may be waiting for this, so it may use the reserves, for little. Whatever
/// the result, [`came_back`] is next.
pub(crate) fn reconnect(device: &Arc<Device>, setup: &mut Setup, sockets: KVec<Socket>) -> Result {
    let session = setup.session.as_mut().ok_or(EINVAL)?;
    for socket in sockets {
        let Some((index, _)) = device.traffic.io.lock().first_lost() else {
            break;
        };
        let place = session.places.get(usize::from(index)).ok_or(EINVAL)?;
        let link = with_reserves(|| Link::new(place, socket))?;

        take_place(device, place, link);
        pr_info!("nbd{}: connection {} is back\n", device.index(), index);
    }
    run_queues(device);
    Ok(())
}

/// Lets those try again that wait for a connection.
fn run_queues(device: &Device) {
    if let Some(queue) = device.traffic.queue.as_ref() {
        queue.run_hw_queues();
    }
}

/// Looks after what had to wait for a connection, if there is one now: partitions are looked for. The
/// device has `served` requests before, or would have later, or not.
pub(crate) fn came_back(device: &Device, disk: &DiskRef, served: bool) {
    run_queues(device);
    let io = device.traffic.io.lock();
    let (serves, live) = (io.serves(), io.live());
    drop(io);
    if live == 0 {
        return;
    }
    // When requests had failed, a search for partitions had, too.
    let begins = serves && !served && device.has_partitions();
    if begins {
        disk.need_partition_scan();
    }
    if device.scan_if_due(disk) || begins {
        // The connection may be lost again, and the task that brings another one wait for the setup.
        with_reserves(|| disk.notify_change());
    }
}

/// Returns whether connections can take the places with these indices, one after the other: each is in
/// the place of another one, or one more.
pub(crate) fn can_take(setup: &Setup, indices: impl Iterator<Item = u32>) -> bool {
    let most = if setup.flags.can_multi_conn() {
        MAX_LINKS
    } else {
        1
    };
    let mut places = setup
        .session
        .as_ref()
        .map_or(0, |session| session.places.len());
    for index in indices {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index > places || index >= most {
            return false;
        }
        places = places.max(index + 1);
    }
    true
}

/// Puts a connection in the place of another one, which has time to end what it has begun; what it does
/// not end is sent again. Or adds one, if there is no such place yet. [`came_back`] is next.
///
/// The time counts `since` then, for all that are put one after the other: others wait for the setup.
pub(crate) fn put(
    device: &Arc<Device>,
    setup: &mut Setup,
    index: u32,
    socket: Socket,
    since: Instant<Monotonic>,
) -> Result {
    let session = setup.session.as_mut().ok_or(EINVAL)?;
    let Some(place) = session.places.get(usize::try_from(index)?) else {
        return add(device, session, socket);
    };
    let link = with_reserves(|| Link::new(place, socket))?;

    let index = u16::try_from(index)?;
    let leaving = device.traffic.io.lock().leave(index);
    if let Some(old) = leaving {
        // Without a word otherwise: what it has not sent yet must not go out behind what is sent again.
        let is_done = || device.traffic.io.lock().is_done(&old);
        if wait_for(device, since, LEAVE_TIME, is_done) {
            device.traffic.io.lock().want_disconnect_of(&old);
            let is_told = || device.traffic.io.lock().is_told(&old);
            wait_for(device, since, LEAVE_TIME + DISCONNECT_TIME, is_told);
        }
        device.traffic.let_go(&old);
    }
    take_place(device, place, link);
    pr_info!(
        "nbd{}: connection {} is another one\n",
        device.index(),
        index
    );
    Ok(())
}

/// Adds a connection to a session.
fn add(device: &Arc<Device>, session: &mut Session, socket: Socket) -> Result {
    let index = session.places.len();
    let place = Place::new(index)?;
    let state = new_link(Link::new(&place, socket)?, QUEUE_DEPTH as usize)?;
    let room = KVec::with_capacity(index + 1, GFP_KERNEL)?;
    session.places.reserve(1, GFP_KERNEL)?;
    session
        .threads
        .push(Threads::start(&device.traffic, &place)?, GFP_KERNEL)?;
    session.places.push(place.clone(), GFP_KERNEL)?;
    device.traffic.io.lock().add(room, state);
    place.wake();
    pr_info!("nbd{}: connection {} was added\n", device.index(), index);
    Ok(())
}

/// Waits until something is so, but not for longer than a time since another one; returns whether it is.
fn wait_for(
    device: &Device,
    since: Instant<Monotonic>,
    time: Delta,
    mut condition: impl FnMut() -> bool,
) -> bool {
    loop {
        if device
            .traffic
            .changed
            .wait_event_idle_timeout(Some(LEAVE_TICK), &mut condition)
        {
            return true;
        }
        if since.elapsed() >= time {
            return false;
        }
    }
}

/// Puts a connection in the place of one that is lost.
fn take_place(device: &Device, place: &Place, link: Arc<Link>) {
    // The task that has lost it may not be done with it yet, and the threads may not have left it.
    // This waits for both.
    let old = device.traffic.io.lock().link_at(link.index());
    if let Some((old, _, _)) = old {
        device.traffic.abandon(&old);
    }
    device.traffic.changed.wait_event(|| place.is_empty());
    link.stats().replacements.fetch_add(1, Relaxed);
    // Dropped when the lock is no longer held.
    let _dropped = device.traffic.io.lock().replace(link);
    place.wake();
}
