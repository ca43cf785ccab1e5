// SPDX-License-Identifier: GPL-2.0

//! Messages: they go to the log of the run.

#![allow(
    clippy::crate_in_macro_def,
    reason = "each driver has a prefix of its own"
)]

/// Adds a message to the log.
#[doc(hidden)]
pub fn print(level: &str, prefix: &[u8], text: core::fmt::Arguments<'_>) {
    let prefix = prefix.strip_suffix(b"\0").unwrap_or(prefix);
    crate::sim::log(format!("{level} {}: {text}", prefix.escape_ascii()));
}

/// As in the kernel: prints a message.
#[macro_export]
macro_rules! pr_crit {
    ($($text:tt)+) => {
        $crate::print::print("crit", crate::__LOG_PREFIX, $crate::prelude::fmt!($($text)+))
    };
}

/// As in the kernel: prints a message.
#[macro_export]
macro_rules! pr_err {
    ($($text:tt)+) => {
        $crate::print::print("err", crate::__LOG_PREFIX, $crate::prelude::fmt!($($text)+))
    };
}

/// As in the kernel: prints a message.
#[macro_export]
macro_rules! pr_warn {
    ($($text:tt)+) => {
        $crate::print::print("warn", crate::__LOG_PREFIX, $crate::prelude::fmt!($($text)+))
    };
}

/// As in the kernel: prints a message.
#[macro_export]
macro_rules! pr_notice {
    ($($text:tt)+) => {
        $crate::print::print("notice", crate::__LOG_PREFIX, $crate::prelude::fmt!($($text)+))
    };
}

/// As in the kernel: prints a message.
#[macro_export]
macro_rules! pr_info {
    ($($text:tt)+) => {
        $crate::print::print("info", crate::__LOG_PREFIX, $crate::prelude::fmt!($($text)+))
    };
}

/// As in the kernel: prints a message.
#[macro_export]
macro_rules! pr_debug {
    ($($text:tt)+) => {
        $crate::print::print("debug", crate::__LOG_PREFIX, $crate::prelude::fmt!($($text)+))
    };
}
