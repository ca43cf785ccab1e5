// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `nbd`.
//!
//! Source: `include/uapi/linux/nbd-netlink.h`.

use crate::{
    control::registry::{
        Registry,
        Unit, //
    },
    logic::{
        flags::ServerFlags,
        size::Size, //
    },
    session::{
        device::Device,
        life,
        setup::{
            Setup, //
            MAX_LINKS,
        },
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
    time::Instant, //
};
use rb::{
    block::limits::QueueLimits,
    net::{
        genl::{
            Attr,
            Command,
            Family,
            Info,
            Policy,
            Registration, //
        },
        Socket, //
    },
};

const CONNECT: u8 = 1;
const DISCONNECT: u8 = 2;
const RECONFIGURE: u8 = 3;
const LINK_DEAD: u8 = 4;
const STATUS: u8 = 5;

const INDEX: u16 = 1;
const SIZE_BYTES: u16 = 2;
const BLOCK_SIZE_BYTES: u16 = 3;
const TIMEOUT: u16 = 4;
const SERVER_FLAGS: u16 = 5;
const CLIENT_FLAGS: u16 = 6;
const SOCKETS: u16 = 7;
const DEAD_CONN_TIMEOUT: u16 = 8;
const DEVICE_LIST: u16 = 9;
const BACKEND_IDENTIFIER: u16 = 10;

/// Attributes that the kernel's own driver does not have, from a number on that it is far from.
const MAX_REQUEST_BYTES: u16 = 64;

/// In `SOCKETS`: one connection; in it: its descriptor.
const SOCK_ITEM: u16 = 1;
const SOCK_FD: u16 = 1;

/// In an item, of ours: the number of the connection whose place this one takes, or of one more.
const SOCK_PLACE: u16 = 64;

/// In `DEVICE_LIST`: one device; in it: its number, and whether it is connected.
const DEVICE_ITEM: u16 = 1;
const DEVICE_INDEX: u16 = 1;
const DEVICE_CONNECTED: u16 = 2;

/// Bytes that one device takes in a list, and more than the rest of the message.
const DEVICE_ROOM: usize = 64;

const DESTROY_ON_DISCONNECT: u64 = 1 << 0;
const DISCONNECT_ON_CLOSE: u64 = 1 << 1;

/// A command for those who may administer the system.
const fn admin(number: u8) -> Command {
    Command {
        number,
        admin: true,
    }
}

/// The family, with the devices that it commands.
pub(crate) struct Netlink(pub(crate) Arc<Registry>);

impl Family for Netlink {
    const NAME: &'static CStr = c"nbd";
    const VERSION: u8 = 1;
    const MAX_ATTR: u16 = MAX_REQUEST_BYTES;
    const POLICY: &'static [(u16, Policy)] = &[
        (INDEX, Policy::U32),
        (SIZE_BYTES, Policy::U64),
        (BLOCK_SIZE_BYTES, Policy::U64),
        (TIMEOUT, Policy::U64),
        (SERVER_FLAGS, Policy::U64),
        (CLIENT_FLAGS, Policy::U64),
        (SOCKETS, Policy::Nested),
        (DEAD_CONN_TIMEOUT, Policy::U64),
        (DEVICE_LIST, Policy::Nested),
        (BACKEND_IDENTIFIER, Policy::String),
        (MAX_REQUEST_BYTES, Policy::U32),
    ];
    const COMMANDS: &'static [Command] = &[
        admin(CONNECT),
        admin(DISCONNECT),
        admin(RECONFIGURE),
        Command {
            number: STATUS,
            admin: false,
        },
    ];
    const GROUPS: &'static [&'static CStr] = &[c"nbd_mc_group"];

    fn command(&self, cmd: u8, info: &Info<'_>) -> Result {
        match cmd {
            CONNECT => connect(&self.0, info),
            DISCONNECT => disconnect(&self.0, info),
            RECONFIGURE => reconfigure(&self.0, info),
            STATUS => status(&self.0, info),
            _ => Err(EINVAL),
        }
    }
}

/// Tells who listens that a device has lost a connection.
pub(crate) fn announce_lost_link(family: &Registration<Netlink>, index: u32) -> Result {
    family.multicast(0, LINK_DEAD, |message| message.put_u32(INDEX, index))
}

/// Returns a number that a command may have.
fn number(info: &Info<'_>, attr: u16) -> Result<Option<u64>> {
    info.attr(attr).map(|attr| attr.u64()).transpose()
}

/// Returns a number of seconds that a command may have.
fn seconds(info: &Info<'_>, attr: u16) -> Result<Option<u32>> {
    match number(info, attr)? {
        // Longer than anybody waits.
        Some(seconds) => Ok(Some(u32::try_from(seconds).unwrap_or(u32::MAX / 1000))),
        None => Ok(None),
    }
}

fn index(info: &Info<'_>) -> Result<Option<u32>> {
    info.attr(INDEX).map(|attr| attr.u32()).transpose()
}

/// A socket that a command brings.
struct Descriptor {
    /// What the sender knows it by.
    fd: u32,
    /// Which place it is to take, if not just any.
    place: Option<u32>,
}

/// Returns the descriptors of the sender that a command has brought.
fn descriptors(list: &Attr<'_>) -> Result<KVec<Descriptor>> {
    let mut fds = KVec::new();
    for item in list.nested() {
        if item.kind() != SOCK_ITEM {
            return Err(EINVAL);
        }
        let place = item.nested().find(|field| field.kind() == SOCK_PLACE);
        let place = place.map(|field| field.u32()).transpose()?;
        for field in item.nested() {
            if field.kind() != SOCK_FD {
                continue;
            }
            if fds.len() >= MAX_LINKS {
                pr_err!("more than {} connections are not supported\n", MAX_LINKS);
                return Err(EINVAL);
            }
            let fd = field.u32()?;
            fds.push(Descriptor { fd, place }, GFP_KERNEL)?;
        }
    }
    Ok(fds)
}

/// Takes the sockets that descriptors stand for. That changes them, so it comes when all else is fine.
fn sockets<'a>(device: &Device, fds: impl Iterator<Item = &'a Descriptor>) -> Result<KVec<Socket>> {
    let mut sockets = KVec::new();
    for Descriptor { fd, .. } in fds {
        sockets.push(device.take_socket(*fd)?, GFP_KERNEL)?;
    }
    Ok(sockets)
}

/// Returns the identifier of a server that a command may have, as the bytes that it is.
fn backend<'a>(info: &'a Info<'_>) -> Result<Option<&'a [u8]>> {
    let attr = info.attr(BACKEND_IDENTIFIER);
    attr.map(|attr| attr.str()).transpose()
}

/// Returns how many bytes a request is to have at most, if a command says so.
fn max_request(info: &Info<'_>) -> Result<Option<u32>> {
    match info.attr(MAX_REQUEST_BYTES) {
        Some(attr) => Ok(Some(life::request_limit(attr.u32()?.into())?)),
        None => Ok(None),
    }
}

/// What is said about a device besides its sockets.
struct Options {
    size: Option<u64>,
    block: Option<u64>,
    timeout: Option<u32>,
    dead_timeout: Option<u32>,
    client_flags: Option<u64>,
}

impl Options {
    fn of(info: &Info<'_>) -> Result<Self> {
        Ok(Self {
            size: number(info, SIZE_BYTES)?,
            block: number(info, BLOCK_SIZE_BYTES)?,
            timeout: seconds(info, TIMEOUT)?,
            dead_timeout: seconds(info, DEAD_CONN_TIMEOUT)?,
            client_flags: number(info, CLIENT_FLAGS)?,
        })
    }

    /// Returns the size that is to be, which was `old`.
    fn size(&self, max_block: u32, old: Size) -> Result<Size> {
        let bytes = self.size.unwrap_or(old.bytes);
        let block = self.block.unwrap_or(u64::from(old.block));
        Size::new(bytes, block, max_block).ok_or(EINVAL)
    }

    fn apply(&self, device: &Device, setup: &mut Setup) {
        setup.timeout = self.timeout.unwrap_or(setup.timeout);
        setup.dead_timeout = self.dead_timeout.unwrap_or(setup.dead_timeout);
        if let Some(flags) = self.client_flags {
            setup.disconnect_on_close = flags & DISCONNECT_ON_CLOSE != 0;
            let destroy = flags & DESTROY_ON_DISCONNECT != 0;
            device.destroy.store(destroy, Relaxed);
        }
    }
}

/// Connects a device.
fn connect(registry: &Arc<Registry>, info: &Info<'_>) -> Result {
    let list = info.attr(SOCKETS).ok_or_else(|| {
        pr_err!("a connection needs sockets\n");
        EINVAL
    })?;
    let options = Options::of(info)?;
    if options.size.is_none() {
        pr_err!("a connection needs a size\n");
        return Err(EINVAL);
    }
    // Before a device is made for it.
    options.size(QueueLimits::MAX_BLOCK_SIZE, Size::default())?;
    let backend = backend(info)?;
    let flags = number(info, SERVER_FLAGS)?.unwrap_or(0);
    let asked = index(info)?;
    let max_request = max_request(info)?;
    let fds = descriptors(&list)?;
    if fds.iter().any(|fd| fd.place.is_some()) {
        return Err(EINVAL);
    }

    loop {
        let unit = match asked {
            Some(index) => registry.find_or_add(index)?,
            None => registry.find_free(is_free)?,
        };
        let disk = unit.disk.lock();
        let Some(disk) = disk.as_ref() else {
            // It is going away.
            if asked.is_none() {
                continue;
            }
            return Err(EINVAL);
        };
        let mut setup = unit.device.setup.lock();
        if setup.is_busy() {
            if asked.is_some() {
                pr_err!("nbd{}: already in use\n", unit.device.index());
                return Err(EBUSY);
            }
            // Somebody was faster: look for another one.
            continue;
        }
        let device = &unit.device;
        let identifier = backend.map(copy).transpose()?;
        let before = device.max_request();
        if let Some(bytes) = max_request.filter(|bytes| *bytes != before) {
            life::set_max_request(device, disk, &setup, bytes)?;
        }
        let destroy = device.destroy.load(Relaxed);
        let begun = options
            .size(device.max_block(), Size::default())
            .and_then(|size| {
                *setup = Setup::new();
                setup.size = size;
                // The upper half is not for us.
                setup.flags = ServerFlags::from_raw(flags as u32);
                options.apply(device, &mut setup);
                *device.backend.lock() = identifier;
                life::can_begin(device, &setup, fds.len())?;
                setup.sockets = sockets(device, fds.iter())?;
                life::begin(device, disk, &mut setup, true)
            });
        if let Err(err) = begun {
            life::forget(device, disk, &mut setup);
            device.destroy.store(destroy, Relaxed);
            if device.max_request() != before {
                life::set_max_request(device, disk, &setup, before)?;
            }
            return Err(err);
        }
        drop(setup);
        let told = info.reply(CONNECT, |reply| {
            reply.put_u32(INDEX, device.index())?;
            match max_request {
                Some(bytes) => reply.put_u32(MAX_REQUEST_BYTES, bytes),
                None => Ok(()),
            }
        });
        if told.is_err() {
            // It is connected, all the same, and that is what the result says.
            pr_warn!(
                "nbd{}: no memory to say that it is connected\n",
                device.index()
            );
        }
        return Ok(());
    }
}

fn copy(bytes: &[u8]) -> Result<KVec<u8>> {
    let mut copy = KVec::with_capacity(bytes.len(), GFP_KERNEL)?;
    copy.extend_from_slice(bytes, GFP_KERNEL)?;
    Ok(copy)
}

fn is_free(unit: &Unit) -> bool {
    unit.disk.try_lock().is_some_and(|disk| disk.is_some())
        && !unit.device.destroy.load(Relaxed)
        // Whoever holds it now is setting the device up, or down; do not wait for that.
        && unit.device.setup.try_lock().is_some_and(|setup| !setup.is_busy())
}

/// Returns the device that a command names.
fn named(registry: &Registry, info: &Info<'_>) -> Result<Arc<Unit>> {
    let index = index(info)?.ok_or(EINVAL)?;
    registry.find(index).ok_or(EINVAL)
}

/// Disconnects a device; one that is not connected stays so.
fn disconnect(registry: &Arc<Registry>, info: &Info<'_>) -> Result {
    let unit = named(registry, info)?;
    let disk = unit.disk.lock();
    let disk = disk.as_ref().ok_or(EINVAL)?;
    let mut setup = unit.device.setup.lock();
    if setup.session.is_none() {
        return Ok(());
    }
    life::end(&unit.device, disk, &mut setup, true);
    if disk.openers() == 0 {
        life::forget(&unit.device, disk, &mut setup);
        drop(setup);
    } else {
        setup.reset();
        drop(setup);
        // Without the lock: file systems come to an end here.
        disk.force_media_change();
    }
    if unit.device.destroy.load(Relaxed) {
        registry.remove_later(unit.device.index());
    }
    Ok(())
}

/// Changes a connected device: new connections for lost ones first, since the rest may wait for IO.
fn reconfigure(registry: &Arc<Registry>, info: &Info<'_>) -> Result {
    let unit = named(registry, info)?;
    let options = Options::of(info)?;
    let backend = backend(info)?;
    let max_request = max_request(info)?;
    let device = &unit.device;
    // All memory may be waiting for what this brings.
    let list = info.attr(SOCKETS);
    let fds = device.with_reserves(|| list.map(|list| descriptors(&list)).transpose());
    let fds = fds?.unwrap_or_default();

    let disk = unit.disk.lock();
    let disk = disk.as_ref().ok_or(EINVAL)?;
    let mut setup = device.setup.lock();
    if !setup.is_netlink() {
        pr_err!("nbd{}: not connected over netlink\n", device.index());
        return Err(EINVAL);
    }
    if device.io.lock().end_requested() {
        pr_err!("nbd{}: disconnected\n", device.index());
        return Err(EINVAL);
    }
    let known = device.backend.lock();
    let same = known.is_none() || known.as_deref() == backend;
    drop(known);
    if !same {
        pr_err!("nbd{}: that is another server\n", device.index());
        return Err(EINVAL);
    }
    if max_request.is_some_and(|bytes| bytes != device.max_request()) {
        pr_err!(
            "nbd{}: how large requests are can only be changed while it is not connected\n",
            device.index()
        );
        return Err(EBUSY);
    }
    let size = options.size(device.max_block(), setup.size)?;
    if !life::can_take(&setup, fds.iter().filter_map(|fd| fd.place)) {
        return Err(EINVAL);
    }
    let of = |with_place: bool| {
        let fds = fds.iter().filter(|fd| fd.place.is_some() == with_place);
        device.with_reserves(|| sockets(device, fds))
    };
    let (for_lost, for_places) = (of(false)?, of(true)?);

    options.apply(device, &mut setup);
    device.set_timeout(setup.timeout);
    let dead_timeout = setup.dead_timeout_ms();
    device.io.lock().set_dead_timeout(dead_timeout);
    let served = device.io.lock().serves();
    let places = fds.iter().filter_map(|fd| fd.place);
    let brought = life::reconnect(device, &mut setup, for_lost).and_then(|()| {
        let since = Instant::now();
        places
            .zip(for_places)
            .try_for_each(|(place, socket)| life::put(device, &mut setup, place, socket, since))
    });
    // For those that have come before an error, too.
    life::came_back(device, disk, served);
    brought?;
    if size != setup.size {
        life::resize(device, disk, &mut setup, size).inspect_err(|_| {
            pr_err!(
                "nbd{}: the blocks stay as they are, but all else was changed\n",
                device.index()
            );
        })?;
    }
    Ok(())
}

/// Tells which devices are connected.
fn status(registry: &Registry, info: &Info<'_>) -> Result {
    let asked = index(info)?;
    let mut devices = 0usize;
    registry.for_each(|_| {
        devices += 1;
        Ok(())
    })?;
    // There may be more by now; then the caller is told to ask again.
    let room = devices.saturating_add(1).saturating_mul(DEVICE_ROOM);
    info.reply_with_room(room, STATUS, |reply| {
        reply.nest(DEVICE_LIST, |list| {
            registry.for_each(|unit| {
                let index = unit.device.index();
                if asked.is_some_and(|asked| asked != index) {
                    return Ok(());
                }
                let connected = unit.device.pid.load(Relaxed) != 0;
                list.nest(DEVICE_ITEM, |item| {
                    item.put_u32(DEVICE_INDEX, index)?;
                    item.put_u8(DEVICE_CONNECTED, u8::from(connected))
                })
            })
        })
    })
}
