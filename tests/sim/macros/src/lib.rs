// SPDX-License-Identifier: GPL-2.0

//! The procedural macros of the `kernel` crate that drivers and tests use.

mod format;
mod init;
mod kunit;
mod pin_data;
mod vtable;

use proc_macro::TokenStream;
use quote::quote;

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

/// As in the kernel: makes a structure one that can be pinned, with `project()`.
#[proc_macro_attribute]
pub fn pin_data(attr: TokenStream, input: TokenStream) -> TokenStream {
    pin_data::expand(
        attr.into(),
        syn::parse_macro_input!(input as syn::ItemStruct),
    )
    .into()
}

/// Makes the tests of a KUnit suite tests of the host, each in a simulation.
#[proc_macro_attribute]
pub fn kunit_tests(_attr: TokenStream, input: TokenStream) -> TokenStream {
    kunit::expand(syn::parse_macro_input!(input as syn::ItemMod)).into()
}

/// As in the kernel: makes an initializer that cannot fail, or with the error that is named.
#[proc_macro]
pub fn pin_init(input: TokenStream) -> TokenStream {
    let structure = syn::parse_macro_input!(input as init::Structure);
    let (never, make) = (
        quote!(::core::convert::Infallible),
        quote!(::kernel::init::make),
    );
    init::expand(structure, never, make).into()
}

/// As in the kernel: makes an initializer that can fail, by default with the kernel's error.
#[proc_macro]
pub fn try_pin_init(input: TokenStream) -> TokenStream {
    let structure = syn::parse_macro_input!(input as init::Structure);
    let (error, make) = (quote!(::kernel::error::Error), quote!(::kernel::init::make));
    init::expand(structure, error, make).into()
}
