// SPDX-License-Identifier: GPL-2.0

//! The disk that users see. It queues requests for the thread of the device.

use crate::{
    disk::{
        device::Device,
        ioctl, //
    },
    engine::{
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
use kernel::{
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
        DiskRef,
        GenDisk,
        Ioctl,
        Opening, //
    },
    mq::{
        self,
        Forwarded,
        IdleRequest,
        Rejected, //
    }, //
};

/// The disk of a [`Device`], with its callbacks.
pub(crate) struct Disk;

#[vtable]
impl gen_disk::Operations for Disk {
    type Data = Arc<Device>;

    fn open(device: ArcBorrow<'_, Device>, disk: &DiskRef, how: Opening) -> Result {
        device.open(disk, how)
    }

    fn release(device: ArcBorrow<'_, Device>, disk: &DiskRef) {
        device.release(disk);
    }

    fn ioctl(disk: &GenDisk<Self>, call: &Ioctl) -> Result<i32> {
        ioctl::ioctl(disk, call)
    }

    fn devnode(device: ArcBorrow<'_, Device>) -> Result<CString> {
        CString::try_from_fmt(fmt!("pktcdvd/pktcdvd{}", device.index()))
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
            Command::Write => file_write(&device, rq)?,
            Command::Read => file(&device, rq, Queue::push_read)?,
            Command::Flush | Command::Discard => file(&device, rq, Queue::push_other)?,
            _ => return Err(rq.reject(BlkError::NOTSUPP)),
        }
        if is_last {
            device.bell.ring();
        }
        Ok(())
    }

    fn commit_rqs(device: ArcBorrow<'_, Device>) {
        device.bell.ring();
    }

    fn forwarded(
        device: ArcBorrow<'_, Device>,
        rq: &PacketRequest,
        result: BlkResult,
    ) -> Forwarded {
        match rq.command() {
            Command::Read => return device.read_done(rq, result),
            Command::Flush => device.flush_done(result),
            _ => {}
        }
        Forwarded::End(result)
    }
}

/// Queues a request that is no write. Fails without a session: nobody would carry it out.
fn file<'a>(
    device: &Device,
    rq: IdleRequest<'a, RequestData>,
    push: impl FnOnce(&mut Queue, PacketRequest),
) -> core::result::Result<(), Rejected<'a>> {
    let mut queue = device.queue.lock();
    if queue.session().is_none() {
        drop(queue);
        return Err(rq.reject(BlkError::IOERR));
    }
    push(&mut queue, rq.start());
    Ok(())
}

/// Queues a write, unless writers are held back now.
fn file_write<'a>(
    device: &Device,
    rq: IdleRequest<'a, RequestData>,
) -> core::result::Result<(), Rejected<'a>> {
    let mut queue = device.queue.lock();
    let session = queue.session().filter(|session| !session.read_only);
    let geometry = session.map(|session| session.geometry);
    let Some((geometry, zone)) = geometry.and_then(|g| Some((g, g.zone_of(rq.sector())?))) else {
        drop(queue);
        return Err(rq.reject(BlkError::IOERR));
    };
    let congested = queue.gate().is_congested();
    if !queue.admit() {
        if !congested {
            device.trace_congestion(&queue, true);
        }
        // Writes are queued here, so one of them will complete, and then blk-mq tries again.
        return Err(rq.reject(BlkError::DEV_RESOURCE));
    }
    if congested {
        device.trace_congestion(&queue, false);
    }
    let rq = rq.start();
    let frames = geometry.span(rq.sector(), rq.sectors());
    let claim = Claim::new(
        frames.map_or(0, |frames| frames.count()),
        geometry.packet_frames(),
        rq.is_urgent(),
    );
    queue.push_write(zone.sector(), rq, claim, device.now());
    device.stats.note_queue(queue.size());
    drop(queue);

    if congested {
        // blk-mq has tried again before the thread has let it: the other writers may go on, too.
        device.resume_writers();
    }
    Ok(())
}
