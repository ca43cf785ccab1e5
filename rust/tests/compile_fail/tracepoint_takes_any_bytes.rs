// SPDX-License-Identifier: GPL-2.0

//! A tracepoint takes bytes for something that is no packed structure.
//!
//! error: E0277 Packed<4>

fn is_argument<Raw, T: rb::tracepoint::Argument<Raw>>(_: T) {}

fn bytes(bytes: &mut [u8; 4]) {
    is_argument::<*mut u32, _>(bytes);
}
