// SPDX-License-Identifier: GPL-2.0

//! Memory: boxes and vectors whose allocations can fail.

mod kbox;
mod kvec;

pub use kbox::KBox;
pub use kvec::{
    KVVec,
    KVec,
    PushError,
    RemoveError, //
};

use crate::{
    error::{
        code::ENOMEM,
        Error, //
    },
    sim::faults::{
        self,
        Allocation, //
    }, //
};

/// There was no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocError;

impl From<core::convert::Infallible> for AllocError {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<AllocError> for Error {
    fn from(_: AllocError) -> Self {
        ENOMEM
    }
}

/// How an allocation goes about finding memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(Allocation);

impl core::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, _quiet: Self) -> Self {
        self
    }
}

/// The flags that there are.
pub mod flags {
    use super::{
        Allocation,
        Flags, //
    };

    /// May sleep and wait for I/O.
    pub const GFP_KERNEL: Flags = Flags(Allocation::Kernel);
    /// Never sleeps.
    pub const GFP_ATOMIC: Flags = Flags(Allocation::NoWait);
    /// Never sleeps.
    pub const GFP_NOWAIT: Flags = Flags(Allocation::NoWait);
    /// Fails without a message; for use with others.
    pub const __GFP_NOWARN: Flags = Flags(Allocation::Kernel);
}

/// Accounts for an allocation.
pub fn charge(flags: Flags) -> Result<(), AllocError> {
    if faults::allocate(flags.0) {
        Ok(())
    } else {
        Err(AllocError)
    }
}
