// SPDX-License-Identifier: GPL-2.0

//! A lock for what interrupt handlers use, too.

use kernel::{
    prelude::*,
    sync::{
        lock::{
            Lock,
            SpinningIrqsOff, //
        },
        LockClassKey, //
    }, //
};

/// Data that is locked with interrupts off.
pub struct IrqLock<T>(Lock<T, SpinningIrqsOff>);

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
        _name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        Self(Lock::new(data, key.get_ref().0))
    }

    /// Runs `f` with the lock held and interrupts off.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.lock())
    }
}
