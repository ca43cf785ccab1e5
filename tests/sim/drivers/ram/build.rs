// SPDX-License-Identifier: GPL-2.0

//! The driver has its KUnit tests.

fn main() {
    println!("cargo::rustc-cfg=CONFIG_KUNIT=\"y\"");
    println!("cargo::rerun-if-changed=build.rs");
}
