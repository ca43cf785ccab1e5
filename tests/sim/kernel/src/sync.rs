// SPDX-License-Identifier: GPL-2.0

//! Locks, atomics, and shared data.

mod arc;
pub mod atomic;
pub mod lock;
mod once;
pub mod rcu;

pub use arc::{
    Arc,
    ArcBorrow,
    Submit, //
};
pub use lock::{
    Mutex,
    SpinLock, //
};
pub use once::SetOnce;

/// What tells locks apart: where they are made.
#[derive(Debug)]
pub struct LockClassKey(pub &'static str);

/// As in the kernel: the class of the locks that are made here.
#[macro_export]
macro_rules! static_lock_class {
    () => {
        core::pin::Pin::static_ref(
            const { &$crate::sync::LockClassKey(concat!(file!(), ":", line!())) },
        )
    };
}

/// As in the kernel: makes a mutex.
#[macro_export]
macro_rules! new_mutex {
    ($value:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::Mutex::new($value, concat!($($name, " ",)? file!(), ":", line!()))
    };
}

/// As in the kernel: makes a spinlock.
#[macro_export]
macro_rules! new_spinlock {
    ($value:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::SpinLock::new($value, concat!($($name, " ",)? file!(), ":", line!()))
    };
}
