// SPDX-License-Identifier: GPL-2.0

//! A mapped device: all that it has registered, in the order in which it is taken down.

use crate::{
    disk::{
        attributes,
        closer::Closer,
        device::Device,
        info::Info,
        keeper::Keeper,
        looks::Looks,
        operations::{
            self,
            Disk, //
        },
    },
    logic::options::AddOptions,
    lower::session::Session, //
};
use kernel::{
    error::code::*,
    prelude::*,
    str::CString,
    sync::Arc, //
};
use rb::{
    block::{
        bdev::Glance,
        dev_t::DevT,
        gen_disk::{
            DiskToken,
            GenDisk, //
        },
    },
    debugfs,
    device::{
        class::Class,
        class_device::ClassDevice, //
    },
    kthread::Thread,
    module_ref::ModuleRef, //
};

/// The nice value of the thread, as in the C driver.
const NICE: i8 = -20;

/// A mapped device.
///
/// Fields are dropped in this order: the files that users see; the helper threads, which use the
/// disk; the disk, which waits until the thread has ended all requests; the thread; the reference
/// to the module.
pub(crate) struct Mapping {
    _info: debugfs::File<Info>,
    _class_device: ClassDevice<Device>,
    _keeper: Option<Thread<Keeper<Disk>>>,
    _closer: Option<Thread<Closer>>,
    disk: Arc<GenDisk<Disk>>,
    thread: Thread<Device>,
    _module: ModuleRef,
}

impl Mapping {
    /// Maps the lower device that `options` names to the packet device `dev`.
    ///
    /// Fails as [`Session::open`], and with [`ENOMEM`]. May sleep, and wait for hardware.
    pub(crate) fn new(
        dev: DevT,
        options: &AddOptions,
        buffers: u32,
        class: &Arc<Class>,
        debugfs: &debugfs::Dir,
        disks: &DiskToken,
    ) -> Result<Self> {
        let module = ModuleRef::get()?;
        let lower_dev = DevT::new(options.device.major, options.device.minor)?;
        let lower = Glance::open(lower_dev)?;
        let name = CString::try_from_fmt(fmt!("pktcdvd{}", dev.minor()))?;
        let device = Device::new(dev, lower_dev, &lower, buffers)?;
        let looks = if device.hub.optical {
            check_optical(options)?;
            Looks::empty()
        } else {
            let session = Session::open(options, &device.hub.bell)?;
            let looks = Looks::of(&session);
            device.enter(session)?;
            looks
        };
        let thread = Thread::spawn(&name, NICE, device.clone())?;
        let disk = Arc::new(operations::add(disks, &device, &looks)?, GFP_KERNEL)?;
        let (keeper, closer) = if device.hub.optical {
            let keeper = Arc::new(Keeper::new(device.clone(), disk.clone()), GFP_KERNEL)?;
            let closer = Arc::new(Closer::new(device.clone()), GFP_KERNEL)?;
            (
                Some(Thread::spawn(&helper(dev, "loss")?, 0, keeper)?),
                Some(Thread::spawn(&helper(dev, "end")?, 0, closer)?),
            )
        } else {
            (None, None)
        };
        disk.add_link(c"packet", c"mapped_to", lower.kobject())?;

        let class_device = ClassDevice::new(
            class,
            fmt!("pktcdvd{}", dev.minor()),
            None,
            device.clone(),
            attributes::CLASS_DEVICE,
        )?;
        class_device.add_link(c"mapped_to", lower.kobject())?;
        let info = debugfs.subdir(&name).file::<Info>(c"info", device);

        Ok(Self {
            _info: info,
            _class_device: class_device,
            _keeper: keeper,
            _closer: closer,
            disk,
            thread,
            _module: module,
        })
    }

    /// Returns the device.
    pub(crate) fn device(&self) -> &Arc<Device> {
        self.thread.data()
    }

    /// Returns the device number of the packet device.
    pub(crate) fn dev(&self) -> DevT {
        self.disk.dev()
    }

    /// Returns the device number of the lower device.
    pub(crate) fn lower_dev(&self) -> DevT {
        self.device().lower_dev
    }
}

/// Returns the name of a helper thread: `pktcdvdN/WHAT`.
fn helper(dev: DevT, what: &str) -> Result<CString> {
    CString::try_from_fmt(fmt!("pktcdvd{}/{what}", dev.minor()))
}

/// Rejects options whose values the medium determines.
fn check_optical(options: &AddOptions) -> Result {
    if options.packet_size.is_some() || options.offset != 0 {
        pr_err!("packet_size and offset are not for optical drives\n");
        return Err(EINVAL);
    }
    Ok(())
}
