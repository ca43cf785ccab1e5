// SPDX-License-Identifier: GPL-2.0

//! Brings the bitmap into the image, so that it never says more than what is there.

use super::image::Image;
use crate::logic::{
    flush::{
        Flush,
        Step,
        Sticky,
        BLOCK, //
    },
    transfer::Failure, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta, //
    }, //
};
use rb::{
    block::{
        lower::Lower,
        lower_io::{
            IoBuffer,
            LowerIo, //
        },
    },
    errno,
    mm, //
};

/// Blocks of the bitmap that are written at a time; each is of 16 MiB of the disk.
const BLOCKS: usize = 32;

/// How long to wait when something below is short of memory.
pub(super) const PAUSE: Delta = Delta::from_millis(10);

/// How often that is done for one I/O, before it fails: for minutes.
pub(super) const MAX_PAUSES: u32 = 18_000;

/// What one flush after the other is done with.
struct Tools {
    job: Flush<KVec<u64>, Error>,
    staging: IoBuffer,
    io: Pin<KBox<LowerIo>>,
    sticky: Sticky<Error>,
}

/// Does flushes, one at a time.
#[pin_data]
pub(crate) struct Flusher {
    /// Locked while a flush is done, which waits for I/O to the image, and for nothing else.
    #[pin]
    tools: Mutex<Tools>,
    /// The number of the error since which no flush has succeeded, or 0: for who may not wait.
    errno: Atomic<i32>,
}

impl Flusher {
    /// Returns an initializer for a flusher of an image. It fails with [`EINVAL`] if the bitmap does not
    /// begin at a block, and with [`ENOMEM`]; may sleep.
    pub(crate) fn new(image: &Image) -> Result<impl PinInit<Self, Error>> {
        let unit = match (image.cow.bdev(), image.cow.is_direct()) {
            (Some(bdev), _) => u64::from(bdev.limits().logical_block_size),
            (None, true) => 512,
            (None, false) => 1,
        };
        let blocks = KVec::from_elem(0, BLOCKS, GFP_KERNEL)?;
        let tools = Tools {
            job: Flush::new(blocks, &image.layout, unit).ok_or(EINVAL)?,
            staging: IoBuffer::new(BLOCKS * BLOCK)?,
            io: KBox::pin_init(LowerIo::new(1), GFP_KERNEL)?,
            sticky: Sticky::new(),
        };
        Ok(try_pin_init!(Self {
            tools <- new_mutex!(tools),
            errno: Atomic::new(0),
        }? Error))
    }

    /// Makes durable all writes that have completed before, with their bits; `for_flush` if a flush of
    /// the disk asks for it. Sleeps.
    pub(crate) fn flush(&self, image: &Image, for_flush: bool) -> Result {
        if image.read_only {
            return Ok(());
        }
        // Memory may wait for a flush of this disk, which waits for the lock.
        mm::with_noio(|| {
            let mut tools = self.tools.lock();
            let result = tools.run(image);
            let told = tools.sticky.ended(result, for_flush);
            let errno = tools.sticky.error().map_or(0, Error::to_errno);
            self.errno.store(errno, Relaxed);
            told
        })
    }

    /// Returns the number of the error since which no flush has succeeded, negative as in C, or 0.
    pub(crate) fn errno(&self) -> i32 {
        self.errno.load(Relaxed)
    }
}

impl Tools {
    /// Does all that a flush consists of.
    fn run(&mut self, image: &Image) -> Result {
        if let Some(err) = self.sticky.lost() {
            return Err(err);
        }
        self.job.begin();
        loop {
            match self.job.step() {
                Step::Idle => return Ok(()),
                Step::Capture => {
                    self.job
                        .capture(&image.dirty, &image.bits, &mut self.staging);
                }
                Step::Sync => {
                    let result = patiently(|| image.cow.sync());
                    if let (Err(err), false) = (result, image.cow.is_direct()) {
                        self.sticky.lose(err);
                    }
                    self.job.done(&image.dirty, result);
                }
                Step::Write => {
                    let result = self.write(&image.cow);
                    self.job.done(&image.dirty, result);
                }
                Step::Tell(result) => {
                    self.job.end();
                    return result;
                }
            }
        }
    }

    /// Writes the copies of blocks.
    fn write(&self, cow: &Lower) -> Result {
        for write in self.job.writes() {
            let mut range = write.range();
            let mut pos = write.offset;
            while !range.is_empty() {
                let bytes = patiently(|| self.io.write(cow, pos, &self.staging, range.clone()))?;
                if bytes == 0 {
                    return Err(EIO);
                }
                range.start += bytes;
                pos += bytes as u64;
            }
        }
        Ok(())
    }
}

/// Does something again as long as it fails for want of memory.
fn patiently<T>(mut act: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..MAX_PAUSES {
        match act() {
            Err(err) if failure(err) == Failure::Passing => fsleep(PAUSE),
            result => return result,
        }
    }
    Err(ENOMEM)
}

/// Returns what kind of failure an error is.
pub(super) fn failure(err: Error) -> Failure {
    match (err, -err.to_errno()) {
        (ENOMEM | EAGAIN | EINTR | ERESTARTSYS, _) => Failure::Passing,
        (ENOSPC | EFBIG, _) | (_, errno::EDQUOT) => Failure::NoSpace,
        (_, errno::EOPNOTSUPP) => Failure::Unsupported,
        _ => Failure::Io,
    }
}
