// SPDX-License-Identifier: GPL-2.0

//! Numbers of ioctls.

#![allow(non_snake_case, reason = "these are the names of C")]

const fn number(direction: u32, kind: u32, nr: u32, size: usize) -> u32 {
    direction << 30 | (size as u32) << 16 | kind << 8 | nr
}

/// An ioctl without data.
pub const fn _IO(kind: u32, nr: u32) -> u32 {
    number(0, kind, nr, 0)
}

/// An ioctl that writes and reads a `T`.
pub const fn _IOWR<T>(kind: u32, nr: u32) -> u32 {
    number(3, kind, nr, size_of::<T>())
}
