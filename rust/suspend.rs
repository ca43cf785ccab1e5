// SPDX-License-Identifier: GPL-2.0

//! Notifications of suspend and resume.
//!
//! C header: [`include/linux/suspend.h`](srctree/include/linux/suspend.h)

use crate::bindings;
use kernel::{
    container_of,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// What has something to do before the system sleeps.
pub trait Sleeper: Send + Sync + 'static {
    /// The system is about to sleep, and nothing has been stopped yet: all that is needed still works.
    ///
    /// The system waits for it, but may stay awake after all. Process context; may sleep.
    fn prepare(&self);
}

/// Has a [`Sleeper`] told, until this is dropped.
///
/// # Invariants
///
/// `block` is registered, with a callback for `T`.
#[pin_data(PinnedDrop)]
pub struct Notifier<T: Sleeper> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    sleeper: Arc<T>,
}

// SAFETY: Any thread may unregister it.
unsafe impl<T: Sleeper> Send for Notifier<T> {}

// SAFETY: All that a `&Notifier` allows is to call the sleeper, which is `Sync`.
unsafe impl<T: Sleeper> Sync for Notifier<T> {}

impl<T: Sleeper> Notifier<T> {
    /// Returns an initializer that registers it. May sleep.
    pub fn new(sleeper: Arc<T>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            sleeper,
            // INVARIANT: It is registered here. Last: it may be called from then on.
            block <- Opaque::try_ffi_init(|block: *mut bindings::notifier_block| {
                // SAFETY: `block` is valid for writes.
                unsafe {
                    block.write(bindings::notifier_block {
                        notifier_call: Some(Self::call),
                        ..pin_init::zeroed()
                    })
                };
                // SAFETY: `block` is pinned and filled in; it stays until it is unregistered.
                to_result(unsafe { bindings::register_pm_notifier(block) })
            }),
        }? Error)
    }

    /// # Safety
    ///
    /// Only the power management core may call this, for the block of a notifier.
    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        action: c_ulong,
        _data: *mut c_void,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function, the block is part of one of us, which
        // waits for this call before it goes.
        let this = unsafe { &*container_of!(Opaque::cast_from(block), Self, block) };

        // CAST: Small numbers.
        match action as u32 {
            bindings::PM_SUSPEND_PREPARE | bindings::PM_HIBERNATION_PREPARE => {
                this.sleeper.prepare();
            }
            _ => {}
        }
        bindings::NOTIFY_OK as c_int
    }
}

#[pinned_drop]
impl<T: Sleeper> PinnedDrop for Notifier<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, the block is registered. It cannot fail.
        unsafe { bindings::unregister_pm_notifier(self.block.get()) };
    }
}
