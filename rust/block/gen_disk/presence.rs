// SPDX-License-Identifier: GPL-2.0

use super::disks::CountedDisk;
use crate::{
    bindings,
    new_wait_queue,
    sysfs::{
        self,
        KobjectRef, //
    },
    wait::WaitQueue, //
};
use core::{
    any::Any,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    error::to_result,
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
/// device holds a [`Present`] meanwhile, for which the removal of the disk waits. Only this module
/// gets at the device: what calls a C function that reaches it is a method of [`Present`].
///
/// # Invariants
///
/// `disk` is valid until `count` is [`Presence::LEFT`]. Afterwards only [`Presence::enter`] changes
/// `count`, and undoes its change.
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
        counted: CountedDisk,
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
        let own = Own {
            presence,
            _counted: counted,
        };
        let own = KBox::new(own, GFP_KERNEL)?;

        // SAFETY: By the safety requirements of this function; the field is for the driver.
        unsafe { (*Self::device(disk)).driver_data = own.into_foreign() };
        Ok(())
    }

    /// Returns the presence of a disk.
    ///
    /// # Safety
    ///
    /// `disk` must be valid for `'a`, must have a presence, and keep it.
    pub(super) unsafe fn of<'a>(disk: NonNull<bindings::gendisk>) -> ArcBorrow<'a, Self> {
        // SAFETY: By the safety requirements of this function, this is what `init` has stored.
        let own = unsafe { KBox::<Own>::borrow((*Self::device(disk)).driver_data) };
        own.presence.as_arc_borrow()
    }

    /// Takes the presence from a disk that is to be freed, and what it is counted by.
    ///
    /// # Safety
    ///
    /// `disk` must be valid, and have a presence, which nobody asks for any more.
    pub(super) unsafe fn take(disk: NonNull<bindings::gendisk>) -> KBox<Own> {
        // SAFETY: By the safety requirements of this function, this is what `init` has stored.
        unsafe { KBox::from_foreign((*Self::device(disk)).driver_data) }
    }

    /// Returns the device of a disk.
    ///
    /// # Safety
    ///
    /// `disk` must be valid.
    unsafe fn device(disk: NonNull<bindings::gendisk>) -> *mut bindings::device {
        // SAFETY: By the safety requirements of this function: a disk has a block device for the whole
        // of it from its allocation until it is freed, and the device is part of that.
        unsafe { &raw mut (*(*disk.as_ptr()).part0).bd_device }
    }

    /// Returns the tag set of a disk with a blk-mq front.
    pub(super) fn tag_set(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.tag_set.clone()
    }

    /// Keeps the disk in the system, if it is there, until the result is dropped.
    pub(super) fn enter(&self) -> Option<Present<'_>> {
        let before = self.count.fetch_add(Self::ONE, Acquire);
        // Dropped again if it is too late.
        let present = Present(self);

        // SAFETY: By the type invariant, the disk is valid, since we have entered in time. It is
        // live from the moment on when adding it cannot fail any more.
        let in_time =
            before & Self::LEFT == 0 && unsafe { bindings::disk_live(self.disk.as_ptr()) };
        // INVARIANT: The disk is in the system, and its removal waits for `count`.
        in_time.then_some(present)
    }

    /// Lets nobody enter any more, and waits for those who have. Called once.
    pub(super) fn leave(&self) {
        self.count.fetch_add(Self::LEFT, Acquire);
        self.idle
            .wait_event(|| self.count.load(Acquire) == Self::LEFT);
    }
}

/// What belongs to a disk besides its data. Fields are dropped in order.
pub(super) struct Own {
    presence: Arc<Presence>,
    _counted: CountedDisk,
}

/// A disk that is in the system: its device is in sysfs, and is not removed.
///
/// The removal of the disk waits for this to be dropped.
///
/// # Invariants
///
/// The disk is valid, and its device is registered, has a directory, and is not removed.
pub(super) struct Present<'a>(&'a Presence);

impl Present<'_> {
    /// Returns the disk, which is valid.
    fn disk(&self) -> *mut bindings::gendisk {
        self.0.disk.as_ptr()
    }

    /// Returns the object of the disk in sysfs, which is valid and has a directory.
    fn kobject(&self) -> *mut bindings::kobject {
        // SAFETY: By the type invariant, disk and device are valid. No reference to the device is made,
        // since the driver core uses it meanwhile.
        unsafe { &raw mut (*Presence::device(self.0.disk)).kobj }
    }

    /// Makes the disk refuse writes, or take them again; a change sends a uevent.
    pub(super) fn set_read_only(&self, read_only: bool) {
        // SAFETY: By the type invariant, the disk is valid, and its device is registered.
        unsafe { bindings::set_disk_ro(self.disk(), read_only) };
    }

    /// Changes the capacity; returns whether a uevent was sent.
    pub(super) fn set_capacity_and_notify(&self, sectors: u64) -> bool {
        // SAFETY: By the type invariant, the disk is valid, and its device is registered.
        unsafe { bindings::set_capacity_and_notify(self.disk(), sectors) }
    }

    /// Sends the uevent `change`.
    pub(super) fn notify_change(&self) {
        // SAFETY: By the type invariant, the object has a directory. What this returns is only
        // about those who listen.
        unsafe {
            bindings::kobject_uevent(self.kobject(), bindings::kobject_action_KOBJ_CHANGE);
        }
    }

    /// Declares that the medium is another one. The disk's open mutex must not be held.
    pub(super) fn force_media_change(&self) {
        // SAFETY: By the type invariant, the disk is valid, and its device is registered.
        unsafe { bindings::disk_force_media_change(self.disk()) };
    }

    /// Makes a link in a group of the disk; see [`sysfs::create_link`].
    pub(super) fn create_link(&self, group: &CStr, name: &CStr, target: KobjectRef<'_>) -> Result {
        // SAFETY: By the type invariant, the object is valid, and stays in sysfs.
        unsafe { sysfs::create_link(self.kobject(), Some(group), name, target) }
    }

    /// Adds a file to the directory of the disk.
    ///
    /// # Safety
    ///
    /// `attr` must be constant, and its callbacks for devices that the disk is one of.
    pub(super) unsafe fn create_file(&self, attr: *const bindings::attribute) -> Result {
        // SAFETY: By the type invariant, the object has a directory. By the requirements of this
        // function, the attribute may be called for it; removal waits for running attributes.
        to_result(unsafe { bindings::sysfs_create_file_ns(self.kobject(), attr, ptr::null()) })
    }

    /// Removes a file that [`Present::create_file`] has added.
    ///
    /// # Safety
    ///
    /// `attr` must have been added, and not removed.
    pub(super) unsafe fn remove_file(&self, attr: *const bindings::attribute) {
        // SAFETY: By the type invariant, the object has a directory, and by the requirements of
        // this function, the file is there.
        unsafe { bindings::sysfs_remove_file_ns(self.kobject(), attr, ptr::null()) };
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
