// SPDX-License-Identifier: GPL-2.0

//! What the files use of `kernel::prelude`, where what is pinned is as any other value.

pub use crate::pin_init;
/// Takes `#[pin]` off the fields.
pub use pin_project::pin_project as pin_data;

use crate::sync::Arc;

/// An error of the kernel.
#[derive(Debug)]
pub struct Error;

/// The kernel's results.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

/// What becomes a value in its place.
pub trait PinInit<T> {
    /// Makes the value.
    fn make(self) -> T;
}

impl<T> PinInit<T> for T {
    fn make(self) -> T {
        self
    }
}

/// Flags of an allocation.
pub struct Flags;

/// An allocation that may sleep.
pub const GFP_KERNEL: Flags = Flags;

/// What can be allocated with a value that is made in its place.
pub trait InPlaceInit<T>: Sized {
    /// Allocates it.
    ///
    /// # Errors
    ///
    /// None here.
    fn pin_init(init: impl PinInit<T>, flags: Flags) -> Result<Self>;
}

impl<T> InPlaceInit<T> for Arc<T> {
    fn pin_init(init: impl PinInit<T>, _: Flags) -> Result<Self> {
        Ok(Self::new(init.make()))
    }
}

/// Makes a structure of values, and of what becomes values in their places.
#[macro_export]
macro_rules! pin_init {
    (@ { $($done:tt)* }) => {
        Self { $($done)* }
    };
    (@ { $($done:tt)* } $field:ident <- $init:expr, $($rest:tt)*) => {
        $crate::pin_init!(@ {
            $($done)* $field: $crate::prelude::PinInit::make($init),
        } $($rest)*)
    };
    (@ { $($done:tt)* } $field:ident: $value:expr, $($rest:tt)*) => {
        $crate::pin_init!(@ { $($done)* $field: $value, } $($rest)*)
    };
    (Self { $($fields:tt)* }) => {
        $crate::pin_init!(@ {} $($fields)*)
    };
}
