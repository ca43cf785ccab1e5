// SPDX-License-Identifier: GPL-2.0

//! `#[kunit_tests]`.

use proc_macro2::TokenStream;
use quote::{
    quote,
    ToTokens, //
};
use syn::{
    Item,
    ItemFn,
    ItemMod, //
};

/// Runs each test of the module in a simulation.
pub(crate) fn expand(mut module: ItemMod) -> TokenStream {
    if let Some((_, items)) = &mut module.content {
        for item in items {
            if let Item::Fn(test) = item {
                if test.attrs.iter().any(|a| a.path().is_ident("test")) {
                    *item = Item::Verbatim(wrap(test.clone()));
                }
            }
        }
    }
    let module = module.to_token_stream();
    quote!(#[cfg(test)] #module)
}

/// Makes a test of the host of one of KUnit.
fn wrap(mut test: ItemFn) -> TokenStream {
    let name = test.sig.ident.clone();
    let (tests, others): (Vec<_>, Vec<_>) = test
        .attrs
        .drain(..)
        .partition(|a| a.path().is_ident("test"));
    test.attrs = others;

    quote! {
        #(#tests)*
        fn #name() {
            #test
            ::kernel::kunit::run(stringify!(#name), || ::kernel::kunit::Outcome::check(#name()));
        }
    }
}
