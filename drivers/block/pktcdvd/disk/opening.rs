// SPDX-License-Identifier: GPL-2.0

//! Opening and closing a device, with which sessions begin and end.
//!
//! The block layer calls open and release of one disk one at a time, under the disk's `open_mutex`.

use crate::{
    disk::{
        device::Device,
        looks, //
    },
    logic::users::{
        After,
        Opener, //
    },
    lower::session::Session, //
};
use kernel::{
    error::code::*,
    prelude::*,
    time::{
        Delta,
        Instant, //
    }, //
};
use rb::block::{
    bdev::Glance,
    gen_disk::{
        DiskRef,
        Opening, //
    },
    optical::no_medium, //
};

/// How long an open waits for the former session to end, and the last close for the drive. The
/// session goes on ending in the background then.
const PATIENCE: Delta = Delta::from_secs(30);

/// Opens the device. The first open begins a session with an optical drive. On other devices, a
/// first open for writing brings the number of packet buffers to what was set.
///
/// If a session is ending, waits for that up to [`PATIENCE`].
pub(crate) fn open(device: &Device, disk: &DiskRef, how: Opening) -> Result {
    end_unless_same(device);
    let opened = match device.users.begin_open(Instant::now() + PATIENCE)? {
        Opener::First => open_first(device, disk, how),
        Opener::Another => open_again(device, disk, how.write),
        Opener::Heir => open_again(device, disk, how.write).inspect(|()| show(device, disk)),
    };

    device.users.end_open(opened, how.write)
}

/// Ends a lingering session, if something has happened to the drive: the next session examines
/// the medium.
fn end_unless_same(device: &Device) {
    // A drive that is being closed would not answer before that is done.
    if !device.users.lingers() {
        return;
    }
    // The drive reports changes when it is opened.
    drop(Glance::open(device.lower_dev));
    let is_other = |session: &Session| session.is_suspect() || session.is_lost();
    if device.hub.session_is(is_other) {
        let _ = device.users.hurry();
    }
}

fn open_first(device: &Device, disk: &DiskRef, how: Opening) -> Result {
    if device.hub.optical {
        // A session opens the drive in the way that has it shut its tray. Programs that look at
        // all devices, such as udev and udisks, open them for reading or with `O_NONBLOCK`. For
        // these a tray stays open that was opened for a person.
        let looks = how.nonblock || !how.write;
        if looks && Glance::open(device.lower_dev)?.has_open_tray() {
            return Err(no_medium());
        }
        let session = Session::open_drive(
            device.lower_dev,
            device.hub.index(),
            how.write,
            &device.hub.bell,
            &device.activity,
        )?;
        return begin_session(device, disk, session);
    }
    if how.write {
        check_writable(device)?;
        device.resize_buffers();
    }
    Ok(())
}

fn open_again(device: &Device, disk: &DiskRef, write: bool) -> Result {
    let session = device.hub.session();
    let Some(session) = session.filter(|session| session.optical.is_some()) else {
        return if write {
            check_writable(device)
        } else {
            Ok(())
        };
    };
    if session.is_lost() {
        return Err(no_medium());
    }
    session.lock_door_again();
    if write {
        session.prepare_write(device.hub.index())?;
        disk.set_capacity(session.sectors());
    }
    Ok(())
}

/// Begins a session, and gives the disk the limits and the size of the medium.
fn begin_session(device: &Device, disk: &DiskRef, session: Session) -> Result {
    let limits = looks::limits(&session);

    if let Err(err) = disk.update_limits(&limits) {
        session.finish_for_opener(device.hub.index());
        return Err(err);
    }
    device.enter(session)?;
    show(device, disk);
    Ok(())
}

/// Gives the disk the size of the medium, and makes it read-only if the medium is.
fn show(device: &Device, disk: &DiskRef) {
    if let Some(session) = device.hub.session() {
        disk.set_read_only(session.read_only);
        disk.set_capacity(session.sectors());
    }
}

fn check_writable(device: &Device) -> Result {
    let queue = device.hub.queue.lock();
    if queue.session().is_none_or(|session| session.read_only) {
        return Err(EROFS);
    }
    Ok(())
}

/// Closes the device. After the last close the session with an optical drive ends, or lingers.
///
/// The last close waits up to [`PATIENCE`] until all data is on the medium; if the session does
/// not linger, also until the drive is closed.
pub(crate) fn release(device: &Device, disk: &DiskRef) {
    let Device { hub, users, .. } = device;
    let lingers = || {
        !users.linger().is_zero()
            && users.had_writer()
            && hub.session_is(|session| session.lingers() && !session.is_lost())
    };
    let after = if !hub.optical {
        After::Stay
    } else if lingers() {
        After::Linger(hub.now())
    } else {
        After::End
    };
    if !users.close(after) || !hub.optical {
        return;
    }

    disk.set_capacity(0);
    let until = Instant::now() + PATIENCE;
    let done = if after == After::End {
        hub.bell.ring();
        users.await_idle(until, false)
    } else {
        let ticket = hub.syncs.want();
        hub.syncs.wait(ticket, until)
    };
    if !done {
        pr_warn!("pktcdvd{}: the drive is still busy\n", hub.index());
    }
}
