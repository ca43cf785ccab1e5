// SPDX-License-Identifier: GPL-2.0

//! An optical drive: the emulated one, and its driver in the kernel (sr) around it, in virtual
//! time.
//!
//! Commands wait in a queue, and the drive takes any of them when it is done with one. As sr, this
//! refuses all I/O between a unit attention and the next open, which looks for another medium.

mod device;
mod outcome;
mod sr;
mod state;

pub use device::Drive;
