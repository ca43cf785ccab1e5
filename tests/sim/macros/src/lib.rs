// SPDX-License-Identifier: GPL-2.0

//! The procedural macros of the `kernel` crate that drivers and tests use.

mod format;
mod kunit;
mod vtable;

use proc_macro::TokenStream;

/// As in the kernel: formats with the traits of `kernel::fmt`.
#[proc_macro]
pub fn fmt(input: TokenStream) -> TokenStream {
    format::expand(input.into()).into()
}

/// As in the kernel: tells which methods of a trait an implementation has.
#[proc_macro_attribute]
pub fn vtable(_attr: TokenStream, input: TokenStream) -> TokenStream {
    vtable::expand(syn::parse_macro_input!(input as syn::Item)).into()
}

/// Makes the tests of a KUnit suite tests of the host, each in a simulation.
#[proc_macro_attribute]
pub fn kunit_tests(_attr: TokenStream, input: TokenStream) -> TokenStream {
    kunit::expand(syn::parse_macro_input!(input as syn::ItemMod)).into()
}
