// SPDX-License-Identifier: GPL-2.0

//! The command that connects a device.

use crate::{
    control::{
        message::{
            backend,
            descriptors,
            index,
            max_request,
            server_flags,
            sockets,
            Descriptor,
            Options,
            CONNECT,
            INDEX,
            MAX_REQUEST_BYTES,
            SOCKETS, //
        },
        registry::{
            Registry,
            Unit, //
        },
    },
    disk::front::Disk,
    logic::{
        flags::ServerFlags,
        size::Size, //
    },
    session::{
        device::Device,
        life,
        limits,
        setup::Setup, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
};
use rb::{
    block::{
        gen_disk::GenDisk,
        limits::QueueLimits, //
    },
    net::genl::Info, //
};

/// What a command wants to be connected.
struct Wish<'a> {
    /// The number of the device, if not just any.
    asked: Option<u32>,
    options: Options,
    flags: ServerFlags,
    backend: Option<&'a [u8]>,
    max_request: Option<u32>,
    fds: KVec<Descriptor>,
}

impl<'a> Wish<'a> {
    fn of(info: &'a Info<'_>) -> Result<Self> {
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
        let wish = Self {
            asked: index(info)?,
            options,
            flags: server_flags(info)?,
            backend: backend(info)?,
            max_request: max_request(info)?,
            fds: descriptors(&list)?,
        };
        if wish.fds.iter().any(|fd| fd.place.is_some()) {
            return Err(EINVAL);
        }
        Ok(wish)
    }

    /// Begins a session, of which nothing is left if that fails.
    fn begin(&self, device: &Arc<Device>, disk: &GenDisk<Disk>, setup: &mut Setup) -> Result {
        let identifier = self.backend.map(copy).transpose()?;
        let before = device.max_request();
        if let Some(bytes) = self.max_request.filter(|bytes| *bytes != before) {
            limits::set_max_request(device, disk, setup, bytes)?;
        }
        let destroy = device.destroy.load(Relaxed);
        self.try_begin(device, disk, setup, identifier)
            .or_else(|err| {
                life::forget(device, disk, setup);
                device.destroy.store(destroy, Relaxed);
                if device.max_request() != before {
                    limits::set_max_request(device, disk, setup, before)?;
                }
                Err(err)
            })
    }

    fn try_begin(
        &self,
        device: &Arc<Device>,
        disk: &GenDisk<Disk>,
        setup: &mut Setup,
        identifier: Option<KVec<u8>>,
    ) -> Result {
        let size = self.options.size(device.max_block(), Size::default())?;
        *setup = Setup::new();
        setup.size = size;
        setup.flags = self.flags;
        self.options.apply(device, setup);
        *device.backend.lock() = identifier;
        life::can_begin(device, setup, self.fds.len())?;
        setup.sockets = sockets(device, self.fds.iter())?;
        life::begin(device, disk, setup, true)?;
        Ok(())
    }

    /// Says which device is connected.
    fn reply(&self, info: &Info<'_>, device: &Device) {
        let told = info.reply(CONNECT, |reply| {
            reply.put_u32(INDEX, device.index())?;
            match self.max_request {
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
    }
}

/// Connects a device.
pub(super) fn connect(registry: &Arc<Registry>, info: &Info<'_>) -> Result {
    let wish = Wish::of(info)?;
    loop {
        let unit = match wish.asked {
            Some(index) => registry.find_or_add(index)?,
            None => registry.find_free(is_free)?,
        };
        let device = &unit.device;
        let disk = unit.disk.lock();
        let Some(disk) = disk.as_ref() else {
            // It is going away.
            if wish.asked.is_none() {
                continue;
            }
            return Err(EINVAL);
        };
        let mut setup = device.setup.lock();
        if setup.is_busy() {
            if wish.asked.is_some() {
                pr_err!("nbd{}: already in use\n", device.index());
                return Err(EBUSY);
            }
            // Somebody was faster: look for another one.
            continue;
        }
        wish.begin(device, disk, &mut setup)?;
        drop(setup);
        wish.reply(info, device);
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
        // A task that holds it now is setting the device up, or down; do not wait for that.
        && unit.device.setup.try_lock().is_some_and(|setup| !setup.is_busy())
}
