// SPDX-License-Identifier: GPL-2.0

//! `#[vtable]`.

use proc_macro2::TokenStream;
use quote::{
    format_ident,
    quote,
    ToTokens, //
};
use syn::{
    parse_quote,
    Attribute,
    Ident,
    ImplItem,
    Item,
    TraitItem, //
};

/// Adds constants `HAS_...` for all methods.
pub(crate) fn expand(item: Item) -> TokenStream {
    match item {
        Item::Trait(mut item) => {
            let flags = item.items.iter().filter_map(|inner| match inner {
                TraitItem::Fn(method) => Some((method.sig.ident.clone(), cfgs(&method.attrs))),
                _ => None,
            });
            let added: Vec<TraitItem> = flags
                .map(|(name, cfgs)| {
                    let flag = flag(&name);
                    parse_quote!(#(#cfgs)* #[doc(hidden)] const #flag: bool = false;)
                })
                .collect();
            item.items.extend(added);
            item.items.push(parse_quote!(
                #[doc(hidden)]
                const USE_VTABLE_ATTR: ();
            ));
            item.into_token_stream()
        }
        Item::Impl(mut item) => {
            let flags = item.items.iter().filter_map(|inner| match inner {
                ImplItem::Fn(method) => Some((method.sig.ident.clone(), cfgs(&method.attrs))),
                _ => None,
            });
            let added: Vec<ImplItem> = flags
                .map(|(name, cfgs)| {
                    let flag = flag(&name);
                    parse_quote!(#(#cfgs)* const #flag: bool = true;)
                })
                .collect();
            item.items.extend(added);
            item.items.push(parse_quote!(
                const USE_VTABLE_ATTR: () = ();
            ));
            item.into_token_stream()
        }
        _ => quote!(compile_error!(
            "`#[vtable]` is for traits and their implementations"
        )),
    }
}

fn flag(method: &Ident) -> Ident {
    format_ident!("HAS_{}", method.to_string().to_uppercase())
}

fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
    attributes.iter().filter(is_cfg).cloned().collect()
}
