// SPDX-License-Identifier: GPL-2.0

//! The two fronts of a disk, and what they have in common.

use super::Disk;
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc,
        ArcBorrow, //
    }, //
};
use rb::block::{
    bio::Bio,
    bio_disk,
    error::BlkResult,
    gen_disk::{
        self,
        DiskRef,
        DiskView,
        Opening, //
    },
    mq::{
        self,
        IdleRequest,
        Rejected, //
    }, //
};

#[vtable]
impl gen_disk::Operations for Disk {
    type Data = Arc<Self>;

    fn open(this: ArcBorrow<'_, Self>, _disk: &DiskRef, _how: Opening) -> Result {
        if this.removed.load(Relaxed) {
            return Err(ENXIO);
        }
        Ok(())
    }
}

impl bio_disk::Operations for Disk {
    // The bio is done when this returns, in the context of its submitter. It need not be split,
    // since the disk has no limit that a bio can exceed.
    #[inline]
    fn submit_bio(this: ArcBorrow<'_, Self>, disk: &DiskView, bio: &Bio) -> BlkResult {
        this.serve(
            disk.capacity_sectors(),
            bio.command(),
            bio.flags(),
            bio.sector(),
            bio.bytes(),
            core::iter::once(bio),
        )
    }
}

#[vtable]
impl mq::Operations for Disk {
    type RequestData = ();
    type SetData = ();

    fn new_request_data(_set: &()) -> impl PinInit<(), Error> {
        Ok(())
    }

    // The tag set is blocking, so this may sleep for memory.
    fn queue_rq<'a>(
        this: ArcBorrow<'_, Self>,
        rq: IdleRequest<'a, ()>,
        _is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>> {
        let rq = rq.start();
        let result = this.serve(
            rq.disk_capacity_sectors(),
            rq.command(),
            rq.flags(),
            rq.sector(),
            rq.bytes(),
            rq.bios(),
        );
        rq.end(result);
        Ok(())
    }
}
