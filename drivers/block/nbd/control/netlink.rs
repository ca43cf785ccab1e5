// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `nbd`: its commands, their rights, and the short commands themselves.

use crate::{
    control::{
        connect::connect,
        message::{
            backend,
            index,
            named,
            BACKEND_IDENTIFIER,
            BLOCK_SIZE_BYTES,
            CLIENT_FLAGS,
            CONNECT,
            DEAD_CONN_TIMEOUT,
            DEVICE_CONNECTED,
            DEVICE_INDEX,
            DEVICE_ITEM,
            DEVICE_LIST,
            DEVICE_ROOM,
            DISCONNECT,
            INDEX,
            LINK_DEAD,
            MAX_REQUEST_BYTES,
            RECONFIGURE,
            SERVER_FLAGS,
            SIZE_BYTES,
            SOCKETS,
            STATUS,
            TIMEOUT, //
        },
        reconfigure::reconfigure,
        registry::Registry, //
    },
    links::shared::Control,
    session::life, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
};
use rb::net::genl::{
    Command,
    Family,
    Info,
    Policy,
    Registration, //
};

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

impl Control for Registration<Netlink> {
    fn announce_lost_link(&self, index: u32) {
        // Nobody may be listening.
        let _ = self.multicast(0, LINK_DEAD, |message| message.put_u32(INDEX, index));
    }

    fn remove_later(&self, index: u32) {
        self.0.remove_later(index);
    }
}

/// Disconnects a device, if it is connected to the server that is named, or none is.
fn disconnect(registry: &Arc<Registry>, info: &Info<'_>) -> Result {
    let unit = named(registry, info)?;
    let disk = unit.disk.lock();
    let disk = disk.as_ref().ok_or(EINVAL)?;
    let mut setup = unit.device.setup.lock();
    if setup.session.is_none() {
        return Ok(());
    }
    let identifier = backend(info)?;
    if identifier.is_some() && unit.device.backend.lock().as_deref() != identifier {
        return Err(EINVAL);
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

/// Reports which devices are connected.
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
                let connected = unit.device.traffic.pid.load(Relaxed) != 0;
                list.nest(DEVICE_ITEM, |item| {
                    item.put_u32(DEVICE_INDEX, index)?;
                    item.put_u8(DEVICE_CONNECTED, u8::from(connected))
                })
            })
        })
    })
}
