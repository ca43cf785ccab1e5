// SPDX-License-Identifier: GPL-2.0

//! A tracepoint takes fewer bytes than the structure has that C gets.
//!
//! error: E0277 Packed<27>

fn is_argument<Raw, T: rb::tracepoint::Argument<Raw>>(_: T) {}

fn bytes(bytes: &mut [u8; 27]) {
    is_argument::<*mut rb::bindings::nbd_request, _>(bytes);
}
