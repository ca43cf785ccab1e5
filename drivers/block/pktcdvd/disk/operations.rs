// SPDX-License-Identifier: GPL-2.0

//! The disk that users see. It queues requests for the thread of the device.

use crate::{
    disk::{
        attributes,
        device::Device,
        ioctl,
        looks::Looks,
        opening, //
    },
    engine::{
        forward,
        hub::Hub,
        pieces::{
            PacketRequest,
            RequestData, //
        },
        queue::Queue, //
    },
    logic::{
        contents::Transfer,
        pieces::Claim, //
    }, //
};
use core::num::NonZero;
use kernel::{
    error::code::*,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        ArcBorrow, //
    },
};
use rb::block::{
    bio::Command,
    error::{
        BlkError,
        BlkResult, //
    },
    gen_disk::{
        self,
        DiskOptions,
        DiskRef,
        DiskToken,
        GenDisk,
        Ioctl,
        Opening, //
    },
    mq::{
        self,
        Forwarded,
        IdleRequest,
        Rejected,
        TagSet,
        TagSetOptions, //
    }, //
};

/// How many writes may wait: more than the congestion marks admit by default, and as many as
/// blk-mq can have.
const QUEUE_DEPTH: u32 = 10240;

/// The disk of a [`Device`], with its callbacks.
pub(crate) struct Disk;

#[vtable]
impl gen_disk::Operations for Disk {
    type Data = Arc<Device>;

    fn open(device: ArcBorrow<'_, Device>, disk: &DiskRef, how: Opening) -> Result {
        opening::open(&device, disk, how)
    }

    fn release(device: ArcBorrow<'_, Device>, disk: &DiskRef) {
        opening::release(&device, disk);
    }

    fn ioctl(disk: &GenDisk<Self>, call: &Ioctl) -> Result<i32> {
        ioctl::ioctl(&disk.data(), disk, call)
    }

    fn devnode(device: ArcBorrow<'_, Device>) -> Result<CString> {
        CString::try_from_fmt(fmt!("pktcdvd/pktcdvd{}", device.hub.index()))
    }
}

#[vtable]
impl mq::Operations for Disk {
    type RequestData = RequestData;
    type SetData = ();

    fn new_request_data(_set: &()) -> impl PinInit<RequestData, Error> {
        RequestData::new()
    }

    fn queue_rq<'a>(
        device: ArcBorrow<'_, Device>,
        rq: IdleRequest<'a, RequestData>,
        is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        match rq.command() {
            Command::Write => file_write(&device.hub, rq)?,
            Command::Read => file(&device.hub, rq, Queue::push_read)?,
            Command::Flush | Command::Discard => file(&device.hub, rq, Queue::push_other)?,
            _ => return Err(rq.reject(BlkError::NOTSUPP)),
        }
        if is_last {
            device.hub.bell.ring();
        }
        Ok(())
    }

    fn commit_rqs(device: ArcBorrow<'_, Device>) {
        device.hub.bell.ring();
    }

    fn forwarded(
        device: ArcBorrow<'_, Device>,
        rq: &PacketRequest,
        result: BlkResult,
    ) -> Forwarded {
        match rq.command() {
            Command::Read => return forward::read_done(&device.hub, rq, result),
            Command::Flush => forward::flush_done(&device.hub, result),
            _ => {}
        }
        Forwarded::End(result)
    }
}

/// Adds the disk of a device.
pub(crate) fn add(disks: &DiskToken, device: &Arc<Device>, looks: &Looks) -> Result<GenDisk<Disk>> {
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
        removable: device.hub.optical,
        opens_another: device.hub.optical,
        throttles_writes: true,
        device_number: Some((device.hub.dev, NonZero::<u32>::MIN)),
    };
    let disk = options.build_mq::<Disk>(
        disks,
        fmt!("pktcdvd{}", device.hub.index()),
        &looks.limits,
        tag_set,
        device.clone(),
    )?;

    // The driver relies on this limit: it could not assign a request that crosses packets to one.
    if disk.limits().chunk_sectors != looks.limits.chunk_sectors {
        return Err(EINVAL);
    }
    // Before the disk is added: requests come as soon as it is.
    device.hub.rq_queue.populate(disk.queue().ok_or(EINVAL)?);
    disk.add_disk(attributes::DISK)
}

/// Queues a request that is no write. Fails without a session: nobody would carry it out.
fn file<'a>(
    hub: &Hub,
    rq: IdleRequest<'a, RequestData>,
    push: impl FnOnce(&mut Queue, PacketRequest),
) -> core::result::Result<(), Rejected<'a>> {
    let mut queue = hub.queue.lock();
    if queue.session().is_none() {
        drop(queue);
        return Err(rq.reject(BlkError::IOERR));
    }
    push(&mut queue, rq.start());
    Ok(())
}

/// Queues a write, unless writers are held back now.
fn file_write<'a>(
    hub: &Hub,
    rq: IdleRequest<'a, RequestData>,
) -> core::result::Result<(), Rejected<'a>> {
    let mut queue = hub.queue.lock();
    let session = queue.session().filter(|session| !session.read_only);
    let geometry = session.map(|session| session.geometry);
    let Some((geometry, zone)) = geometry.and_then(|g| Some((g, g.zone_of(rq.sector())?))) else {
        drop(queue);
        return Err(rq.reject(BlkError::IOERR));
    };
    let congested = queue.gate().is_congested();
    if !queue.admit() {
        if !congested {
            hub.trace_congestion(&queue, true);
        }
        // Writes are queued here, so one of them will complete, and then blk-mq tries again.
        return Err(rq.reject(BlkError::DEV_RESOURCE));
    }
    if congested {
        hub.trace_congestion(&queue, false);
    }
    let rq = rq.start();
    let frames = geometry.span(rq.sector(), rq.sectors());
    let claim = Claim::new(
        frames.map_or(0, |frames| frames.count()),
        geometry.packet_frames(),
        rq.is_urgent(),
    );
    queue.push_write(zone.sector(), rq, claim, hub.now());
    hub.stats.note_queue(queue.size());
    drop(queue);

    if congested {
        // blk-mq has tried again before the thread has let it: the other writers may go on, too.
        hub.resume_writers();
    }
    Ok(())
}
