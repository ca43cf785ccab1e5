// SPDX-License-Identifier: GPL-2.0

//! A tracepoint is declared with other types than C declares it with.
//!
//! error: E0308 expected `i32`, found `u64`

rb::tracepoints! {
    fn rust_sample_loaded(magic: u64);
}
