// SPDX-License-Identifier: GPL-2.0

//! How a session begins and ends: it is there from when a device is connected until it is
//! disconnected.
//!
//! All that changes a session holds the lock of the device's setup.

use crate::{
    links::{
        io::new_link,
        link::{
            Link,
            Place, //
        },
        threads::Threads,
        traffic::QUEUE_DEPTH, //
    },
    logic::flags::ServerFlags,
    session::{
        device::Device,
        files::{
            Backend,
            Pid, //
        },
        info::Files,
        limits,
        setup::{
            Session,
            Setup, //
        },
    },
};
use kernel::{
    current,
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
    block::gen_disk::{
        DiskDevice,
        DiskRef,
        GenDisk,
        Operations, //
    },
    module_ref::ModuleRef,
    net::Socket, //
};

/// How long a server is given to take the last message.
pub(super) const DISCONNECT_TIME: Delta = Delta::from_millis(1000);

/// Begins a session with the sockets of `setup`; returns its number.
///
/// Fails with `EBUSY` if there is one, and `EINVAL` if there is no socket, more than the server
/// allows, or if its blocks are too large. Then all is as it was, but the sockets are gone.
pub(crate) fn begin<T: Operations<Data = Arc<Device>>>(
    device: &Arc<Device>,
    disk: &GenDisk<T>,
    setup: &mut Setup,
    netlink: bool,
) -> Result<u64> {
    if setup.session.is_some() {
        return Err(EBUSY);
    }
    let sockets = core::mem::take(&mut setup.sockets);
    // The task that has added them is done with that.
    setup.owner = None;
    can_begin(device, setup, sockets.len())?;
    connect(device, disk, setup, sockets, netlink).inspect_err(|_| {
        drop_links(device);
    })?;
    show(device, disk, setup).inspect_err(|_| {
        end(device, disk, setup, false);
    })?;
    setup.session_id().ok_or(EINVAL)
}

/// Returns whether a session with so many connections can begin; if not, fails as [`begin`].
pub(crate) fn can_begin(device: &Device, setup: &Setup, links: usize) -> Result {
    if setup.session.is_some() {
        return Err(EBUSY);
    }
    if links == 0 || setup.size.block > device.max_request() {
        return Err(EINVAL);
    }
    if links > 1 && !setup.flags.can_multi_conn() {
        pr_err!(
            "nbd{}: the server does not allow more than one connection\n",
            device.index()
        );
        return Err(EINVAL);
    }
    Ok(())
}

/// Starts the threads, and makes the session's files.
fn connect<T: Operations<Data = Arc<Device>>>(
    device: &Arc<Device>,
    disk: &GenDisk<T>,
    setup: &mut Setup,
    sockets: KVec<Socket>,
    netlink: bool,
) -> Result {
    let module = ModuleRef::get()?;
    let mut places = KVec::with_capacity(sockets.len(), GFP_KERNEL)?;
    let mut links = KVec::with_capacity(sockets.len(), GFP_KERNEL)?;
    for (index, socket) in sockets.into_iter().enumerate() {
        let place = Place::new(index)?;
        links.push(
            new_link(Link::new(&place, socket)?, QUEUE_DEPTH as usize)?,
            GFP_KERNEL,
        )?;
        places.push(place, GFP_KERNEL)?;
    }
    let id = device
        .traffic
        .io
        .lock()
        .begin(links, setup.dead_timeout_ms());

    device.traffic.pid.store(current!().pid(), Relaxed);
    let pid = disk.add_file::<DiskDevice<Device>, Pid>()?;
    let backend = if netlink {
        Some(disk.add_file::<DiskDevice<Device>, Backend>()?)
    } else {
        None
    };
    let files = Files::new(&device.traffic);
    let mut threads = KVec::with_capacity(places.len(), GFP_KERNEL)?;
    start_threads(device, &places, &mut threads).inspect_err(|_| {
        // Or the threads that have started would not end.
        end_links(device);
    })?;
    setup.session = Some(Session {
        id,
        netlink,
        threads,
        places,
        _pid: pid,
        _backend: backend,
        _files: files,
        _module: module,
    });
    Ok(())
}

fn start_threads(device: &Device, places: &[Arc<Place>], threads: &mut KVec<Threads>) -> Result {
    for place in places {
        threads.push(Threads::start(&device.traffic, place)?, GFP_KERNEL)?;
    }
    Ok(())
}

/// Lets I/O begin, and gives the disk its size.
fn show(device: &Arc<Device>, disk: &DiskRef, setup: &mut Setup) -> Result {
    setup.shown = true;
    device.traffic.set_flags(setup.flags);
    device.traffic.set_timeout(setup.timeout);
    limits::begin(device, disk, setup)?;
    disk.set_read_only(setup.flags.read_only());

    device.traffic.io.lock().run();
    limits::show_size(device, disk, setup);
    Ok(())
}

/// Asks for the end of the session, and tells the servers; `ioctl`s that wait for it return when the
/// servers have closed the connections.
pub(crate) fn ask_for_end(device: &Device) {
    device.traffic.io.lock().want_disconnect();
}

/// Ends the session, if there is one: nothing of it is left when this returns.
///
/// I/O that has not ended fails. With `tell`, the servers are told, if they take it in time. The disk
/// keeps its size until [`forget`].
pub(crate) fn end(device: &Arc<Device>, disk: &DiskRef, setup: &mut Setup, tell: bool) {
    let Some(session) = setup.session.take() else {
        return;
    };
    device.traffic.io.lock().stop();
    if tell {
        ask_for_end(device);
        wait_until_told(device);
    }
    // What has not ended now will not. The threads end, since their sockets are shut down, and no
    // others can come: this has the setup.
    end_links(device);
    drop(session);
    drop_links(device);
    disk.set_read_only(false);
    pr_debug!("nbd{}: disconnected\n", device.index());
}

/// Waits until all servers have been told, but not for long.
pub(crate) fn wait_until_told(device: &Device) {
    let since = Instant::<Monotonic>::now();
    loop {
        let left = DISCONNECT_TIME - since.elapsed();
        let done = || !device.traffic.io.lock().disconnect_pending();
        if left <= Delta::ZERO
            || device
                .traffic
                .changed
                .wait_event_idle_timeout(Some(left), done)
        {
            return;
        }
    }
}

fn end_links(device: &Arc<Device>) {
    device.traffic.io.lock().stop();
    device.traffic.lose_all("disconnected");
}

/// Forgets the connections, whose threads have ended, or were never started.
fn drop_links(device: &Arc<Device>) {
    end_links(device);
    device.traffic.reclaim_requests(None);
    let links = device.traffic.io.lock().end();
    drop(links);
    device.traffic.pid.store(0, Relaxed);
    device.traffic.set_flags(ServerFlags::default());
    device.traffic.set_timeout(0);
    device.traffic.changed.wake_up_all();
}

/// Forgets all that the device was told, when there is no session, and takes the size from the disk.
pub(crate) fn forget(device: &Device, disk: &DiskRef, setup: &mut Setup) {
    let shown = setup.shown;
    *setup = Setup::new();
    *device.backend.lock() = None;
    disk.invalidate();
    // With `max_part=0`, those that somebody has asked for.
    if device.has_partitions() || disk.has_partitions() {
        disk.need_partition_scan();
    }
    if shown {
        disk.notify_change();
    }
}
