// SPDX-License-Identifier: GPL-2.0

use crate::{
    bindings,
    new_wait_queue,
    wait::WaitQueue, //
};
use core::{
    any::Any,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable, //
};

/// What belongs to a disk besides its data: the tag set, and whether it is in the system.
///
/// Openers, and what is called for them, may outlive the device in sysfs. Whoever touches that
/// device holds a [`Present`] meanwhile, for which the removal of the disk waits.
///
/// # Invariants
///
/// `disk` is valid until `count` is [`Presence::LEFT`]; from then on, it stays at that, but for
/// those who look.
#[pin_data]
pub(super) struct Presence {
    disk: NonNull<bindings::gendisk>,
    /// How many [`Present`] there are, times [`Presence::ONE`]; and whether more are refused.
    count: Atomic<usize>,
    #[pin]
    idle: WaitQueue,
    /// The tag set of a disk with a blk-mq front. Dropped after the disk.
    tag_set: Option<Arc<dyn Any + Send + Sync>>,
}

// SAFETY: A disk has no thread affinity.
unsafe impl Send for Presence {}

// SAFETY: All fields that change are synchronized by themselves.
unsafe impl Sync for Presence {}

impl Presence {
    const LEFT: usize = 1;
    const ONE: usize = 2;

    /// Gives a new disk its presence. Fails with [`ENOMEM`].
    ///
    /// # Safety
    ///
    /// `disk` must be valid, allocated with `tag_set` if any, and used by nobody else. Once this
    /// has succeeded, the caller must call [`Presence::leave`] before the disk is removed or, if it
    /// was never added, freed; and then [`Presence::take`].
    pub(super) unsafe fn init(
        disk: NonNull<bindings::gendisk>,
        tag_set: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Result {
        let presence = Arc::pin_init(
            // INVARIANT: By the safety requirements of this function.
            pin_init!(Self {
                disk,
                count: Atomic::new(0),
                idle <- new_wait_queue!("rb::gen_disk::Presence::idle"),
                tag_set,
            }),
            GFP_KERNEL,
        )?;

        // SAFETY: By the safety requirements of this function; the field is for the driver.
        unsafe { (*Self::device(disk)).driver_data = presence.into_foreign() };
        Ok(())
    }

    /// Returns the presence of a disk.
    ///
    /// # Safety
    ///
    /// `disk` must be valid for `'a`, must have a presence, and keep it.
    pub(super) unsafe fn of<'a>(disk: NonNull<bindings::gendisk>) -> ArcBorrow<'a, Self> {
        // SAFETY: By the safety requirements of this function, this is what `init` has stored.
        unsafe { Arc::borrow((*Self::device(disk)).driver_data) }
    }

    /// Takes the presence from a disk that is to be freed.
    ///
    /// # Safety
    ///
    /// `disk` must be valid, and have a presence, which nobody asks for any more.
    pub(super) unsafe fn take(disk: NonNull<bindings::gendisk>) -> Arc<Self> {
        // SAFETY: By the safety requirements of this function, this is what `init` has stored.
        unsafe { Arc::from_foreign((*Self::device(disk)).driver_data) }
    }

    fn device(disk: NonNull<bindings::gendisk>) -> *mut bindings::device {
        // SAFETY: Callers pass a valid disk, whose device is part of its first partition.
        unsafe { &raw mut (*(*disk.as_ptr()).part0).bd_device }
    }

    /// Returns the tag set of a disk with a blk-mq front.
    pub(super) fn tag_set(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.tag_set.clone()
    }

    /// Keeps the disk in the system, if it is there, until the result is dropped.
    pub(super) fn enter(&self) -> Option<Present<'_>> {
        let before = self.count.fetch_add(Self::ONE, Acquire);
        let present = Present(self);

        // SAFETY: By the type invariant, the disk is valid, since we have entered in time. It is
        // live from the moment on when adding it cannot fail any more.
        let in_time =
            before & Self::LEFT == 0 && unsafe { bindings::disk_live(self.disk.as_ptr()) };
        in_time.then_some(present)
    }

    /// Lets nobody enter any more, and waits for those who have. Called once.
    pub(super) fn leave(&self) {
        self.count.fetch_add(Self::LEFT, Acquire);
        self.idle
            .wait_event(|| self.count.load(Acquire) == Self::LEFT);
    }
}

/// A disk that is in the system: its device is in sysfs, and is not removed.
///
/// The removal of the disk waits for this to be dropped.
pub(super) struct Present<'a>(&'a Presence);

impl Present<'_> {
    /// Returns the disk, which is valid.
    pub(super) fn disk(&self) -> *mut bindings::gendisk {
        self.0.disk.as_ptr()
    }

    /// Returns the device of the disk, which is valid and registered.
    pub(super) fn device(&self) -> *mut bindings::device {
        Presence::device(self.0.disk)
    }

    /// Returns the object of the disk in sysfs, which is valid and has a directory.
    pub(super) fn kobject(&self) -> *mut bindings::kobject {
        // SAFETY: The device is valid.
        unsafe { &raw mut (*self.device()).kobj }
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        let before = self.0.count.fetch_sub(Presence::ONE, Release);
        if before == Presence::ONE + Presence::LEFT {
            self.0.idle.wake_up_all();
        }
    }
}
