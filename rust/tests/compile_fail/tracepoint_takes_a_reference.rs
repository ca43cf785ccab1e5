// SPDX-License-Identifier: GPL-2.0

//! A tracepoint takes what C could follow.
//!
//! error: E0277 Argument

rb::tracepoints! {
    fn rust_sample_loaded(magic: &i32);
}
