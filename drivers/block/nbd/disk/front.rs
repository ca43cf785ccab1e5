// SPDX-License-Identifier: GPL-2.0

//! The disk that users see.

use crate::{
    disk::{
        elevator::NoElevator,
        ioctl,
        openers, //
    },
    logic::io::{
        NoLink,
        Taken, //
    },
    session::device::Device, //
};
use kernel::{
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
};
use rb::block::{
    error::BlkError,
    gen_disk::{
        self,
        DiskRef,
        GenDisk,
        Ioctl,
        Opening, //
    },
    mq::{
        self,
        IdleRequest,
        Rejected,
        Timeout, //
    },
};

/// The front of a [`Device`].
pub(crate) struct Disk;

#[vtable]
impl gen_disk::Operations for Disk {
    type Data = Arc<Device>;

    fn open(device: ArcBorrow<'_, Device>, disk: &DiskRef, _how: Opening) -> Result {
        openers::opened(&device, disk)
    }

    fn release(device: ArcBorrow<'_, Device>, disk: &DiskRef) {
        openers::released(&Arc::from(device), disk);
    }

    fn ioctl(disk: &GenDisk<Self>, call: &Ioctl) -> Result<i32> {
        ioctl::ioctl(&Arc::from(disk.data()), disk, call)
    }
}

#[vtable]
impl mq::Operations for Disk {
    type RequestData = ();
    type SetData = Arc<NoElevator>;

    fn new_request_data(elevator: &Arc<NoElevator>) -> impl PinInit<(), Error> {
        elevator.allow_request()
    }

    fn queue_rq<'a>(
        device: ArcBorrow<'_, Device>,
        rq: IdleRequest<'a, ()>,
        is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        let mut io = device.traffic.io.lock();
        // It counts only if there is a session: without one nothing is served, and that is no lack of
        // support.
        let at_once = device.traffic.ends_at_once(rq.command());
        let taken = io.take(rq, is_last, at_once.is_none(), IdleRequest::start);
        drop(io);
        match taken {
            Taken::Queued => Ok(()),
            // blk-mq tries again in a few milliseconds.
            Taken::No(rq, NoLink::Wait) => Err(rq.reject(BlkError::RESOURCE)),
            Taken::No(rq, NoLink::Never) => Err(rq.reject(BlkError::IOERR)),
            Taken::Back(rq) => {
                rq.end(at_once.unwrap_or(Err(BlkError::IOERR)));
                Ok(())
            }
        }
    }

    fn commit_rqs(device: ArcBorrow<'_, Device>) {
        device.traffic.io.lock().wake_senders();
    }

    // There is one hardware queue.
    fn timeout(device: ArcBorrow<'_, Device>, _queue: u32, tag: u32) -> Timeout {
        device.traffic.timed_out(tag)
    }
}
