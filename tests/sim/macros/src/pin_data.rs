// SPDX-License-Identifier: GPL-2.0

//! `pin_data`, with what the kernel's has and that of the crate `pinned-init` has not: the fields of a
//! structure that is pinned.

use proc_macro2::TokenStream;
use quote::{
    format_ident,
    quote, //
};
use syn::{
    Field,
    Fields,
    ItemStruct, //
};

/// Expands to the structure, and to its fields when it is pinned; only if it has no parameters.
pub(crate) fn expand(attr: TokenStream, item: ItemStruct) -> TokenStream {
    let attribute = if attr.is_empty() {
        quote!(#[::pinned_init::pin_data])
    } else {
        quote!(#[::pinned_init::pin_data(#attr)])
    };
    let projection = match &item.fields {
        Fields::Named(fields) if item.generics.params.is_empty() => {
            let fields: Vec<&Field> = fields.named.iter().collect();
            project(&item, &fields)
        }
        _ => TokenStream::new(),
    };
    quote! {
        #attribute
        #item
        #projection
    }
}

fn is_pinned(field: &Field) -> bool {
    field.attrs.iter().any(|attr| attr.path().is_ident("pin"))
}

fn project(item: &ItemStruct, fields: &[&Field]) -> TokenStream {
    let (name, vis) = (&item.ident, &item.vis);
    let projected = format_ident!("__{name}Fields");
    let declared = fields.iter().map(|field| {
        let (vis, name, ty) = (&field.vis, &field.ident, &field.ty);
        if is_pinned(field) {
            quote!(#vis #name: ::core::pin::Pin<&'__pin mut #ty>)
        } else {
            quote!(#vis #name: &'__pin mut #ty)
        }
    });
    let made = fields.iter().map(|field| {
        let name = &field.ident;
        if is_pinned(field) {
            // SAFETY: The field is pinned whenever the structure is.
            quote!(#name: unsafe { ::core::pin::Pin::new_unchecked(&mut __this.#name) })
        } else {
            quote!(#name: &mut __this.#name)
        }
    });
    quote! {
        #[doc(hidden)]
        #[allow(dead_code, missing_docs)]
        #vis struct #projected<'__pin> {
            #(#declared),*
        }

        impl #name {
            #[doc(hidden)]
            #[allow(dead_code, missing_docs)]
            #vis fn project<'__pin>(
                self: ::core::pin::Pin<&'__pin mut Self>,
            ) -> #projected<'__pin> {
                // SAFETY: Nothing is moved out of it.
                let __this = unsafe { ::core::pin::Pin::get_unchecked_mut(self) };
                #projected { #(#made),* }
            }
        }
    }
}
