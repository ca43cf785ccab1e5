// SPDX-License-Identifier: GPL-2.0

//! What drivers have in scope.

pub use crate::{
    alloc::{
        flags::*,
        AllocError,
        KBox,
        KVVec,
        KVec, //
    },
    build_error,
    c_str,
    error::{
        code::*,
        Error,
        Result, //
    },
    ffi::*,
    init::InPlaceInit,
    pr_crit,
    pr_debug,
    pr_err,
    pr_info,
    pr_notice,
    pr_warn,
    str::CStrExt,
    try_init, //
};
pub use core::pin::Pin;
pub use pinned_init::{
    pinned_drop,
    Init,
    PinInit, //
};
pub use rblk_sim_macros::{
    fmt,
    kunit_tests,
    pin_data,
    pin_init,
    try_pin_init,
    vtable, //
};
