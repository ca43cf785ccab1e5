// SPDX-License-Identifier: GPL-2.0

//! A lock for what interrupt handlers use, too.
//!
//! [`kernel::sync::SpinLock`] leaves interrupts on, so that no completion may take it.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use crate::bindings;
use core::cell::UnsafeCell;
use kernel::{
    prelude::*,
    sync::LockClassKey,
    types::Opaque, //
};

/// Data that is locked with interrupts off.
///
/// # Examples
///
/// ```
/// # fn example(sum: &rb::irq_lock::IrqLock<u64>) {
/// // In any context.
/// let before = sum.with(|sum| core::mem::replace(sum, 0));
/// # let _ = before;
/// # }
/// ```
///
/// # Invariants
///
/// `lock` is an initialized `spinlock_t`. `data` is used only by whoever holds it.
#[pin_data]
pub struct IrqLock<T> {
    #[pin]
    lock: Opaque<bindings::spinlock_t>,
    data: UnsafeCell<T>,
}

// SAFETY: It moves its data along, and has no thread affinity itself.
unsafe impl<T: Send> Send for IrqLock<T> {}

// SAFETY: By the type invariant, one thread at a time uses the data.
unsafe impl<T: Send> Sync for IrqLock<T> {}

/// Creates an [`IrqLock`] initializer with a lock class of its own.
#[macro_export]
macro_rules! new_irq_lock {
    ($data:expr, $name:literal) => {
        $crate::irq_lock::IrqLock::new($data, kernel::c_str!($name), kernel::static_lock_class!())
    };
}
pub use new_irq_lock;

impl<T> IrqLock<T> {
    /// Returns an initializer for a lock that nobody holds.
    pub fn new(
        data: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: `__spin_lock_init()` initializes the lock.
            lock <- Opaque::ffi_init(|lock| {
                // SAFETY: `lock` is valid for writes, name and key are static.
                unsafe { bindings::__spin_lock_init(lock, name.as_char_ptr(), key.as_ptr()) }
            }),
            data: UnsafeCell::new(data),
        })
    }

    /// Runs `f` with the lock held and interrupts off: it must be short, must not sleep, and must not come
    /// here again. Any context but a non-maskable interrupt.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: By the type invariant, the lock is initialized.
        let flags = unsafe { bindings::irq_lock(self.lock.get()) };
        // SAFETY: By the type invariant, the data is ours as we hold the lock; a second call in `f` would
        // wait for ever in the line above.
        let result = f(unsafe { &mut *self.data.get() });
        // SAFETY: We hold the lock, and have it from the call above.
        unsafe { bindings::irq_unlock(self.lock.get(), flags) };
        result
    }
}
