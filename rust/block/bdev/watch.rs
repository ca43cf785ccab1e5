// SPDX-License-Identifier: GPL-2.0

//! Holders of block devices, which are told when a device goes.

use crate::bindings;
use core::ptr;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Is told about a device that it has claimed.
pub trait Watcher: Send + Sync + 'static {
    /// The device has been removed from the system; all I/O to it fails from now on, or soon.
    ///
    /// Process context; may sleep, but must neither wait for I/O nor open or close the device. Nor may
    /// it take a lock that somebody holds who opens the device, or drops its
    /// [`BdevFile`](super::BdevFile): these wait for this call.
    fn device_gone(&self);
}

/// The holder of the devices that this module shares with itself; only its address matters.
static SHARED: u8 = 0;

/// The holder of a claimed block device.
pub(super) struct Claim {
    watcher: Option<Arc<dyn Watcher>>,
    shared: bool,
}

impl Claim {
    /// Creates a holder.
    pub(super) fn new(watcher: Option<Arc<dyn Watcher>>) -> Result<Arc<Self>> {
        let claim = Self {
            watcher,
            shared: false,
        };
        Ok(Arc::new(claim, GFP_KERNEL)?)
    }

    /// Creates a holder that is the same as all others that this makes.
    pub(super) fn new_shared() -> Result<Arc<Self>> {
        let claim = Self {
            watcher: None,
            shared: true,
        };
        Ok(Arc::new(claim, GFP_KERNEL)?)
    }

    /// Returns the address that identifies this holder.
    pub(super) fn holder(self: &Arc<Self>) -> *mut c_void {
        if self.shared {
            return (&raw const SHARED).cast_mut().cast();
        }
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// Returns whether somebody is told.
    pub(super) fn is_watched(&self) -> bool {
        self.watcher.is_some()
    }

    /// Returns the operations that go with [`Claim::holder`].
    pub(super) fn ops(&self) -> *const bindings::blk_holder_ops {
        if self.watcher.is_some() {
            &Self::OPS
        } else {
            ptr::null()
        }
    }

    const OPS: bindings::blk_holder_ops = bindings::blk_holder_ops {
        mark_dead: Some(Self::mark_dead),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// Only the block layer may call this, for a block device that a claim holds, and with the lock
    /// of the holder, which this gives back.
    unsafe extern "C" fn mark_dead(bdev: *mut bindings::block_device, _surprise: bool) {
        // SAFETY: The holder does not change while its lock is held, and is a `Claim`, since the
        // operations are ours. The borrow ends before the lock is given back.
        unsafe {
            let claim = (*bdev).bd_holder.cast::<Self>();
            if let Some(watcher) = &(*claim).watcher {
                watcher.device_gone();
            }
            bindings::mutex_unlock(&raw mut (*bdev).bd_holder_lock);
        }
    }
}
