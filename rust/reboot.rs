// SPDX-License-Identifier: GPL-2.0

//! Hearing that the system is turned off, or started anew.
//!
//! C header: [`include/linux/reboot.h`](srctree/include/linux/reboot.h)

use crate::bindings;
use kernel::{
    container_of,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// What has something to do before the system is turned off.
pub trait Shutdown: Send + Sync + 'static {
    /// The system is about to be turned off, halted or started anew, and nothing has been stopped
    /// yet: all that is needed still works.
    ///
    /// The system waits for it. Process context; may sleep.
    fn shutdown(&self);
}

/// Has a [`Shutdown`] told, until this is dropped.
///
/// # Invariants
///
/// `block` is registered, with a callback for `T`.
#[pin_data(PinnedDrop)]
pub struct Notifier<T: Shutdown> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    target: Arc<T>,
}

// SAFETY: Any thread may unregister it.
unsafe impl<T: Shutdown> Send for Notifier<T> {}

// SAFETY: All that a `&Notifier` allows is to call the target, which is `Sync`.
unsafe impl<T: Shutdown> Sync for Notifier<T> {}

impl<T: Shutdown> Notifier<T> {
    /// Returns an initializer that registers it. May sleep.
    pub fn new(target: Arc<T>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            target,
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
                to_result(unsafe { bindings::register_reboot_notifier(block) })
            }),
        }? Error)
    }

    /// # Safety
    ///
    /// Only what turns the system off may call this, for the block of a notifier.
    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        _action: c_ulong,
        _data: *mut c_void,
    ) -> c_int {
        // SAFETY: By the safety requirements of this function, the block is part of one of us, which
        // waits for this call before it goes.
        let this = unsafe { &*container_of!(Opaque::cast_from(block), Self, block) };

        this.target.shutdown();
        bindings::NOTIFY_OK as c_int
    }
}

#[pinned_drop]
impl<T: Shutdown> PinnedDrop for Notifier<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, the block is registered. It cannot fail.
        unsafe { bindings::unregister_reboot_notifier(self.block.get()) };
    }
}
