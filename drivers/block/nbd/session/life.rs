// SPDX-License-Identifier: GPL-2.0

//! A session: from when a device is connected until it is disconnected.
//!
//! All that changes a session holds the lock of the device's setup.

use crate::{
    disk::{
        attributes::{
            Backend,
            Pid, //
        },
        front::Disk, //
    },
    links::{
        io::new_link,
        link::{
            Link,
            Place,
            Threads, //
        },
    },
    logic::{
        flags::ServerFlags,
        io::link::Connection,
        size::{
            self,
            Size, //
        },
    },
    session::{
        device::Device,
        info::Files,
        setup::{
            Setup, //
            MAX_LINKS,
        },
    },
};
use kernel::{
    current,
    page::PAGE_SIZE,
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
    block::{
        gen_disk::{
            AttributeFile,
            DiskDevice,
            DiskRef,
            GenDisk, //
        },
        limits::{
            Feature,
            Features,
            QueueLimits, //
        },
        SECTOR_SHIFT,
        SECTOR_SIZE, //
    },
    module_ref::ModuleRef,
    net::Socket,
};

/// How long a server is given to take the last message.
const DISCONNECT_TIME: Delta = Delta::from_millis(1000);

/// How long connections that are replaced have for what they have begun, all that a command names.
const LEAVE_TIME: Delta = Delta::from_millis(5000);

/// How often that is looked at.
const LEAVE_TICK: Delta = Delta::from_millis(10);

/// How long a change of the block size waits for requests in flight.
const RESIZE_TIME: Delta = Delta::from_millis(2000);

/// A session. Fields are dropped in order.
pub(crate) struct Session {
    id: u64,
    netlink: bool,
    /// The threads of each place.
    threads: KVec<Threads>,
    places: KVec<Arc<Place>>,
    _pid: AttributeFile,
    _backend: Option<AttributeFile>,
    _files: Files,
    _module: ModuleRef,
}

impl Session {
    /// Returns its number, which no other session of the device has had.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns whether it was begun over netlink.
    pub(crate) fn is_netlink(&self) -> bool {
        self.netlink
    }
}

/// Begins a session with the sockets of `setup`; returns its number.
///
/// Fails with `EBUSY` if there is one, and `EINVAL` if there is no socket, more than the server
/// allows, or if its blocks are too large. Then all is as it was, but the sockets are gone.
pub(crate) fn begin(
    device: &Arc<Device>,
    disk: &GenDisk<Disk>,
    setup: &mut Setup,
    netlink: bool,
) -> Result<u64> {
    if setup.session.is_some() {
        return Err(EBUSY);
    }
    let sockets = core::mem::take(&mut setup.sockets);
    // Whoever has added them has done so.
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
fn connect(
    device: &Arc<Device>,
    disk: &GenDisk<Disk>,
    setup: &mut Setup,
    sockets: KVec<Socket>,
    netlink: bool,
) -> Result {
    let module = ModuleRef::get()?;
    let mut places = KVec::with_capacity(sockets.len(), GFP_KERNEL)?;
    let mut links = KVec::with_capacity(sockets.len(), GFP_KERNEL)?;
    for (index, socket) in sockets.into_iter().enumerate() {
        let place = Place::new(device, index)?;
        links.push(new_link(Link::new(&place, socket)?, depth())?, GFP_KERNEL)?;
        places.push(place, GFP_KERNEL)?;
    }
    let id = device.io.lock().begin(links, setup.dead_timeout_ms());

    device.pid.store(current!().pid(), Relaxed);
    let pid = disk.add_file::<DiskDevice<Device>, Pid>()?;
    let backend = if netlink {
        Some(disk.add_file::<DiskDevice<Device>, Backend>()?)
    } else {
        None
    };
    let files = Files::new(device);
    let mut threads = KVec::with_capacity(places.len(), GFP_KERNEL)?;
    start_threads(&places, &mut threads).inspect_err(|_| {
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

fn start_threads(places: &[Arc<Place>], threads: &mut KVec<Threads>) -> Result {
    for place in places {
        threads.push(Threads::start(place)?, GFP_KERNEL)?;
    }
    Ok(())
}

fn depth() -> usize {
    crate::session::device::QUEUE_DEPTH as usize
}

/// Lets IO begin, and gives the disk its size.
fn show(device: &Arc<Device>, disk: &DiskRef, setup: &mut Setup) -> Result {
    setup.shown = true;
    device.set_flags(setup.flags);
    device.set_timeout(setup.timeout);
    set_limits(
        device,
        disk,
        &limits(setup.size, setup.flags, device.max_request()),
        None,
    )?;
    disk.set_read_only(setup.flags.read_only());

    device.io.lock().run();
    show_size(device, disk, setup);
    Ok(())
}

/// Gives the disk its size, and tells user space.
fn show_size(device: &Device, disk: &DiskRef, setup: &Setup) {
    device.set_size(setup.size);
    if device.registry.minors.max_part() != 0 {
        disk.need_partition_scan();
    }
    if !disk.set_capacity_and_notify(setup.size.sectors()) {
        disk.notify_change();
    }
}

/// Changes the size, now if there is a session, or else when one begins.
///
/// Fails with `EINVAL` if the blocks are too large, and with `EBUSY` if they would change, and requests
/// in flight do not end soon.
pub(crate) fn resize(device: &Device, disk: &DiskRef, setup: &mut Setup, size: Size) -> Result {
    if setup.session.is_some() && size.block != setup.size.block {
        if size.block > device.max_request() {
            return Err(EINVAL);
        }
        // A server that does not answer must not keep those waiting who could end it.
        let limits = limits(size, device.flags(), device.max_request());
        set_limits(device, disk, &limits, Some(RESIZE_TIME))?;
    }
    setup.size = size;
    if setup.session.is_some() {
        // A connection may be lost now, and who brings another one wait for the setup.
        device.with_reserves(|| show_size(device, disk, setup));
    }
    Ok(())
}

/// Sets the limits of the queue, within a time if one is given, and looks whether they hold: on the
/// size of requests rests how much memory they take.
///
/// Fails with `EBUSY` if requests in flight do not end in time, and with `ENOTSUPP` if a request may be
/// larger than it should.
fn set_limits(
    device: &Device,
    disk: &DiskRef,
    limits: &QueueLimits,
    within: Option<Delta>,
) -> Result {
    match within {
        Some(time) => disk.update_limits_within(limits, time)?,
        None => disk.update_limits(limits)?,
    }
    let real = disk.limits().max_hw_sectors;
    if real != limits.max_hw_sectors {
        pr_err!(
            "nbd{}: a request may have {} sectors, not {}\n",
            device.index(),
            real,
            limits.max_hw_sectors
        );
        return Err(ENOTSUPP);
    }
    Ok(())
}

/// Returns how many bytes a request has at most, if somebody wants `bytes`; zero stands for a page.
///
/// Fails with `EINVAL` if that is no multiple of a page, or more than the protocol allows.
pub(crate) fn request_limit(bytes: u64) -> Result<u32> {
    let bytes = u32::try_from(bytes).map_err(|_| EINVAL)?;
    size::request_limit(bytes, PAGE_SIZE as u32).ok_or(EINVAL)
}

/// Changes how many bytes a request has at most. The caller has the lock of `setup`, and has looked
/// that nobody uses the device.
///
/// Fails as [`set_limits`]; then nothing has changed.
pub(crate) fn set_max_request(
    device: &Device,
    disk: &DiskRef,
    _setup: &Setup,
    bytes: u32,
) -> Result {
    set_limits(device, disk, &idle_limits(bytes), None).inspect_err(|_| {
        let _ = disk.update_limits(&idle_limits(device.max_request()));
    })?;
    device.set_max_request(bytes);
    Ok(())
}

/// All limits of a session, whatever was before.
fn limits(size: Size, flags: ServerFlags, max_request: u32) -> QueueLimits {
    // What the length of a message can say, in whole blocks.
    let most = !(size.block - 1) >> SECTOR_SHIFT;
    let if_supported = |supported: bool| if supported { most } else { 0 };
    let mut features = Features::default();

    if flags.rotational() {
        features |= Feature::Rotational;
    }
    if flags.can_flush() {
        features |= Feature::WriteCache;
    }
    if flags.can_fua() {
        features |= Feature::ForcedUnitAccess;
    }
    QueueLimits {
        logical_block_size: size.block,
        physical_block_size: size.block,
        max_hw_sectors: size.whole_blocks(max_request) / SECTOR_SIZE,
        io_opt: size::preferred_io(max_request),
        // Data goes to the socket as it lies in memory, in however many pieces.
        max_segments: u16::MAX,
        max_segment_size: u32::MAX,
        max_discard_sectors: if_supported(flags.can_trim()),
        discard_granularity: if flags.can_trim() { size.block } else { 0 },
        max_write_zeroes_sectors: if_supported(flags.can_write_zeroes()),
        features,
        ..QueueLimits::default()
    }
}

/// The limits of a disk that is not connected.
pub(crate) fn idle_limits(max_request: u32) -> QueueLimits {
    let size = Size {
        bytes: 0,
        block: SECTOR_SIZE,
    };
    limits(size, ServerFlags::default(), max_request)
}

/// Puts new connections in the place of those that were lost; the rest of the sockets is dropped.
///
/// All memory of the system may be waiting for this, so it may use the reserves, for little. Whatever
/// the result, [`came_back`] is next.
pub(crate) fn reconnect(device: &Arc<Device>, setup: &mut Setup, sockets: KVec<Socket>) -> Result {
    let session = setup.session.as_mut().ok_or(EINVAL)?;
    for socket in sockets {
        let Some((index, _)) = device.io.lock().first_lost() else {
            break;
        };
        let place = session.places.get(usize::from(index)).ok_or(EINVAL)?;
        let link = device.with_reserves(|| Link::new(place, socket))?;

        take_place(device, place, link);
        pr_info!("nbd{}: connection {} is back\n", device.index(), index);
    }
    run_queues(device);
    Ok(())
}

/// Lets those try again that wait for a connection.
fn run_queues(device: &Device) {
    if let Some(queue) = device.queue.as_ref() {
        queue.run_hw_queues();
    }
}

/// Looks after what had to wait for a connection, if there is one now: partitions are looked for. The
/// device has `served` requests before, or would have later, or not.
pub(crate) fn came_back(device: &Device, disk: &DiskRef, served: bool) {
    run_queues(device);
    let io = device.io.lock();
    let (serves, live) = (io.serves(), io.live());
    drop(io);
    if live == 0 {
        return;
    }
    // When requests had failed, a search for partitions had, too.
    let begins = serves && !served && device.registry.minors.max_part() != 0;
    if begins {
        disk.need_partition_scan();
    }
    if device.scan_if_due(disk) || begins {
        // The connection may be lost again, and who brings another one wait for the setup.
        device.with_reserves(|| disk.notify_change());
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
    let link = device.with_reserves(|| Link::new(place, socket))?;

    let index = u16::try_from(index)?;
    let leaving = device.io.lock().leave(index);
    if let Some(old) = leaving {
        // Without a word otherwise: what it has not sent yet must not go out behind what is sent again.
        let is_done = || device.io.lock().is_done(&old);
        if wait_for(device, since, LEAVE_TIME, is_done) {
            device.io.lock().want_disconnect_of(&old);
            let is_told = || device.io.lock().is_told(&old);
            wait_for(device, since, LEAVE_TIME + DISCONNECT_TIME, is_told);
        }
        device.let_go(&old);
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
    let place = Place::new(device, index)?;
    let state = new_link(Link::new(&place, socket)?, depth())?;
    let room = KVec::with_capacity(index + 1, GFP_KERNEL)?;
    session.places.reserve(1, GFP_KERNEL)?;
    session.threads.push(Threads::start(&place)?, GFP_KERNEL)?;
    session.places.push(place.clone(), GFP_KERNEL)?;
    device.io.lock().add(room, state);
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
    // Who has lost it may not be done with it yet, nor the threads have left it.
    let old = device.io.lock().link_at(link.index());
    if let Some((old, _, _)) = old {
        device.abandon(&old);
    }
    device.changed.wait_event(|| place.is_empty());
    link.stats().replacements.fetch_add(1, Relaxed);
    // Dropped when the lock is no longer held.
    let _dropped = device.io.lock().replace(link);
    place.wake();
}

/// Asks for the end of the session, and tells the servers; `ioctl`s that wait for it return when the
/// servers have closed the connections.
pub(crate) fn ask_for_end(device: &Device) {
    device.io.lock().want_disconnect();
}

/// Ends the session, if there is one: nothing of it is left when this returns.
///
/// IO that has not ended fails. With `tell`, the servers are told, if they take it in time. The disk
/// keeps its size until [`forget`].
pub(crate) fn end(device: &Arc<Device>, disk: &DiskRef, setup: &mut Setup, tell: bool) {
    let Some(session) = setup.session.take() else {
        return;
    };
    device.io.lock().stop();
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
        let done = || !device.io.lock().disconnect_pending();
        if left <= Delta::ZERO || device.changed.wait_event_idle_timeout(Some(left), done) {
            return;
        }
    }
}

fn end_links(device: &Arc<Device>) {
    device.io.lock().stop();
    device.lose_all("disconnected");
}

/// Forgets the connections, whose threads have ended, or were never started.
fn drop_links(device: &Arc<Device>) {
    end_links(device);
    device.reclaim_requests(None);
    let links = device.io.lock().end();
    drop(links);
    device.pid.store(0, Relaxed);
    device.set_flags(ServerFlags::default());
    device.set_timeout(0);
    device.changed.wake_up_all();
}

/// Forgets all that the device was told, when there is no session, and takes the size from the disk.
pub(crate) fn forget(device: &Device, disk: &DiskRef, setup: &mut Setup) {
    let shown = setup.shown;
    *setup = Setup::new();
    *device.backend.lock() = None;
    disk.invalidate();
    // With `max_part=0`, those that somebody has asked for.
    if device.registry.minors.max_part() != 0 || disk.has_partitions() {
        disk.need_partition_scan();
    }
    if shown {
        disk.notify_change();
    }
}
