// SPDX-License-Identifier: GPL-2.0

//! The command that changes a connected device.

use crate::{
    control::{
        message::{
            backend,
            descriptors,
            max_request,
            named,
            sockets,
            Descriptor,
            Options,
            SOCKETS, //
        },
        registry::Registry,
    },
    links::reserves::with_reserves,
    logic::size::Size,
    session::{
        device::Device,
        limits,
        reconnect,
        setup::Setup, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::Instant, //
};
use rb::{
    block::gen_disk::DiskRef,
    net::{
        genl::Info,
        Socket, //
    },
};

/// What a command changes.
struct Change<'a> {
    options: Options,
    backend: Option<&'a [u8]>,
    max_request: Option<u32>,
    fds: KVec<Descriptor>,
}

impl<'a> Change<'a> {
    fn of(info: &'a Info<'_>) -> Result<Self> {
        // All memory may be waiting for what this brings.
        let list = info.attr(SOCKETS);
        let fds = with_reserves(|| list.map(|list| descriptors(&list)).transpose());
        Ok(Self {
            options: Options::of(info)?,
            backend: backend(info)?,
            max_request: max_request(info)?,
            fds: fds?.unwrap_or_default(),
        })
    }

    /// Looks whether a device can be changed so; returns the size that it is to have.
    fn check(&self, device: &Device, setup: &Setup) -> Result<Size> {
        if !setup.is_netlink() {
            pr_err!("nbd{}: not connected over netlink\n", device.index());
            return Err(EINVAL);
        }
        if device.traffic.io.lock().end_requested() {
            pr_err!("nbd{}: disconnected\n", device.index());
            return Err(EINVAL);
        }
        // A session that was begun without a name may be with any server, so with another one than the
        // sender names.
        let same = device.backend.lock().as_deref() == self.backend;
        if !same {
            pr_err!("nbd{}: that is another server\n", device.index());
            return Err(EINVAL);
        }
        if self
            .max_request
            .is_some_and(|bytes| bytes != device.max_request())
        {
            pr_err!(
                "nbd{}: how large requests are can only be changed while it is not connected\n",
                device.index()
            );
            return Err(EBUSY);
        }
        if !reconnect::can_take(setup, self.places()) {
            return Err(EINVAL);
        }
        self.options.size(device.max_block(), setup.size)
    }

    /// Which places sockets are to take, where that was said.
    fn places(&self) -> impl Iterator<Item = u32> + '_ {
        self.fds.iter().filter_map(|fd| fd.place)
    }

    /// Takes the sockets for which a place was said, or those for which none was.
    fn sockets(&self, device: &Device, with_place: bool) -> Result<KVec<Socket>> {
        let fds = self.fds.iter();
        let fds = fds.filter(|fd| fd.place.is_some() == with_place);
        with_reserves(|| sockets(device, fds))
    }

    /// Puts the new connections into their places, and sets all but the size.
    fn bring(&self, device: &Arc<Device>, disk: &DiskRef, setup: &mut Setup) -> Result {
        let for_lost = self.sockets(device, false)?;
        let for_places = self.sockets(device, true)?;

        self.options.apply(device, setup);
        device.traffic.set_timeout(setup.timeout);
        let dead_timeout = setup.dead_timeout_ms();
        device.traffic.io.lock().set_dead_timeout(dead_timeout);
        let served = device.traffic.io.lock().serves();
        let brought = reconnect::reconnect(device, setup, for_lost).and_then(|()| {
            let since = Instant::now();
            let mut placed = self.places().zip(for_places);
            placed
                .try_for_each(|(place, socket)| reconnect::put(device, setup, place, socket, since))
        });
        // For those that have come before an error, too.
        reconnect::came_back(device, disk, served);
        brought
    }
}

/// Changes a connected device: new connections for lost ones first, since the rest may wait for I/O.
pub(super) fn reconfigure(registry: &Arc<Registry>, info: &Info<'_>) -> Result {
    let unit = named(registry, info)?;
    let change = Change::of(info)?;
    let device = &unit.device;
    let disk = unit.disk.lock();
    let disk = disk.as_ref().ok_or(EINVAL)?;
    let mut setup = device.setup.lock();

    let size = change.check(device, &setup)?;
    change.bring(device, disk, &mut setup)?;
    if size != setup.size {
        limits::resize(device, disk, &mut setup, size).inspect_err(|_| {
            pr_err!(
                "nbd{}: the blocks stay as they are, but all else was changed\n",
                device.index()
            );
        })?;
    }
    Ok(())
}
