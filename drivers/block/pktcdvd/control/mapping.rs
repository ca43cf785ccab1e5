// SPDX-License-Identifier: GPL-2.0

//! A mapped device: all that it has registered, in the order in which it is taken down.

use crate::{
    disk::{
        attributes,
        device::Device,
        info::Info,
        keeper::Keeper,
        operations::Disk,
        users::Closer, //
    },
    logic::{
        frames::{
            FRAME_SIZE,
            PACKET_MAX_SECTORS, //
        },
        options::AddOptions,
        zone::Geometry, //
    },
    lower::{
        plain,
        session::Session, //
    }, //
};
use core::num::NonZero;
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
            DiskOptions,
            DiskToken,
            GenDisk, //
        },
        limits::{
            Feature,
            QueueLimits, //
        },
        mq::{
            self,
            TagSet,
            TagSetOptions, //
        },
        SECTOR_SIZE, //
    },
    debugfs,
    device::{
        class::Class,
        class_device::ClassDevice, //
    },
    kthread::Thread,
    module_ref::ModuleRef, //
};

/// How many writes may wait: more than the congestion marks admit by default, and as many as
/// blk-mq can have.
const QUEUE_DEPTH: u32 = 10240;

/// The most sectors that one discard covers: so many the thread looks through without a pause.
const MAX_DISCARD_SECTORS: u32 = 1 << 20;

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
    _keeper: Option<Thread<Keeper>>,
    _closer: Option<Thread<Closer>>,
    disk: Arc<GenDisk<Disk>>,
    thread: Thread<Device>,
    _module: ModuleRef,
}

impl Mapping {
    /// Maps the lower device that `options` names to the packet device `dev`.
    ///
    /// Fails as [`plain::open`], and with [`ENOMEM`]. May sleep, and wait for hardware.
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
        let looks = if device.optical {
            check_optical(options)?;
            Looks::empty()
        } else {
            let session = plain::open(options, &device.bell)?;
            let looks = Looks::of(&session);
            device.enter(session)?;
            looks
        };
        let thread = Thread::spawn(&name, NICE, device.clone())?;
        let disk = Arc::new(add_disk(disks, &device, &looks)?, GFP_KERNEL)?;
        let (keeper, closer) = if device.optical {
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

fn add_disk(disks: &DiskToken, device: &Arc<Device>, looks: &Looks) -> Result<GenDisk<Disk>> {
    let tags = TagSetOptions {
        nr_hw_queues: 1,
        // Reads have a hardware queue of their own, so that writers that are held back do not hold
        // them up.
        nr_read_queues: 1,
        queue_depth: QUEUE_DEPTH,
        flags: mq::Flag::NoDefaultScheduler.into(),
    };
    let tag_set = Arc::pin_init(TagSet::<Disk>::new(&tags, ())?, GFP_KERNEL)?;

    let options = DiskOptions {
        capacity_sectors: looks.capacity_sectors,
        read_only: looks.read_only,
        no_partitions: true,
        removable: device.optical,
        opens_another: device.optical,
        device_number: Some((device.dev, NonZero::<u32>::MIN)),
    };
    let disk = options.build_mq::<Disk>(
        disks,
        fmt!("pktcdvd{}", device.index()),
        &looks.limits,
        tag_set,
        device.clone(),
    )?;

    // The driver relies on this limit: it could not assign a request that crosses packets to one.
    if disk.limits().chunk_sectors != looks.limits.chunk_sectors {
        return Err(EINVAL);
    }
    // Before the disk is added: requests come as soon as it is.
    device.rq_queue.populate(disk.queue().ok_or(EINVAL)?);
    disk.add_disk(attributes::DISK)
}

/// Rejects options whose values the medium determines.
fn check_optical(options: &AddOptions) -> Result {
    if options.packet_size.is_some() || options.offset != 0 {
        pr_err!("packet_size and offset are not for optical drives\n");
        return Err(EINVAL);
    }
    Ok(())
}

/// The properties of the disk that users see.
struct Looks {
    capacity_sectors: u64,
    read_only: bool,
    limits: QueueLimits,
}

impl Looks {
    /// Before the first session with an optical drive, nothing is known of its medium.
    fn empty() -> Self {
        Self {
            capacity_sectors: 0,
            read_only: false,
            limits: QueueLimits {
                logical_block_size: FRAME_SIZE,
                physical_block_size: FRAME_SIZE,
                max_hw_sectors: PACKET_MAX_SECTORS,
                features: Feature::WriteCache | Feature::Rotational,
                ..QueueLimits::default()
            },
        }
    }

    fn of(session: &Session) -> Self {
        Self {
            capacity_sectors: session.geometry.capacity_sectors(),
            read_only: session.read_only,
            limits: limits(session),
        }
    }
}

/// Returns the limits of a disk in a session.
pub(crate) fn limits(session: &Session) -> QueueLimits {
    let lower = session.lower.limits();
    // A disc that is only read is not cut into packets.
    let cut = session.optical.is_none() || !session.read_only;
    let packet = if cut {
        session.geometry.packet_sectors()
    } else {
        PACKET_MAX_SECTORS
    };
    let mut features = Feature::WriteCache.into();
    if lower.rotational {
        features |= Feature::Rotational;
    }

    QueueLimits {
        logical_block_size: FRAME_SIZE.max(lower.logical_block_size),
        physical_block_size: lower.physical_block_size.max(FRAME_SIZE),
        io_min: packet * SECTOR_SIZE,
        io_opt: packet * SECTOR_SIZE,
        // The default is less than a large packet.
        max_hw_sectors: PACKET_MAX_SECTORS,
        chunk_sectors: if cut {
            session.geometry.chunk_sectors()
        } else {
            0
        },
        // Forwarded reads use the memory of their submitters.
        dma_alignment: lower.dma_alignment.max(SECTOR_SIZE - 1),
        max_discard_sectors: if session.read_only {
            0
        } else {
            MAX_DISCARD_SECTORS
        },
        discard_granularity: packet * SECTOR_SIZE,
        discard_alignment: session.geometry.start_in_packet() * SECTOR_SIZE,
        features,
        ..QueueLimits::default()
    }
}

/// Returns whether packets consist of whole logical blocks of a lower device.
pub(crate) fn fits_blocks(geometry: &Geometry, logical_block_size: u32) -> bool {
    let block = FRAME_SIZE.max(logical_block_size) / SECTOR_SIZE;
    geometry.chunk_sectors().checked_rem(block) == Some(0)
}
