// SPDX-License-Identifier: GPL-2.0

//! `pin_init!` and `try_pin_init!`, as the kernel has them: a field that is initialized can be used
//! by those that come later. (The crate `pinned-init` does not have that yet.)

use proc_macro2::TokenStream;
use quote::{
    format_ident,
    quote, //
};
use syn::{
    braced,
    parse::{
        Parse,
        ParseStream, //
    },
    punctuated::Punctuated,
    Expr,
    Ident,
    Path,
    Token,
    Type, //
};

/// How a field gets its value.
enum Value {
    /// `field: value`
    Is(Expr),
    /// `field <- initializer`
    From(Expr),
}

struct Field(Ident, Value);

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: Ident = input.parse()?;
        if input.peek(Token![<-]) {
            input.parse::<Token![<-]>()?;
            return Ok(Self(name, Value::From(input.parse()?)));
        }
        if input.peek(Token![:]) {
            input.parse::<Token![:]>()?;
            return Ok(Self(name, Value::Is(input.parse()?)));
        }
        let value = syn::parse_quote!(#name);
        Ok(Self(name, Value::Is(value)))
    }
}

/// A structure, and the error that making it may end with.
pub(crate) struct Structure {
    path: Path,
    fields: Punctuated<Field, Token![,]>,
    error: Option<Type>,
}

impl Parse for Structure {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = input.parse()?;
        let content;
        braced!(content in input);
        let fields = Punctuated::parse_terminated(&content)?;
        let error = if input.peek(Token![?]) {
            input.parse::<Token![?]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        Ok(Self {
            path,
            fields,
            error,
        })
    }
}

/// Expands to an initializer with the error that is named, or `default`.
pub(crate) fn expand(structure: Structure, default: TokenStream, make: TokenStream) -> TokenStream {
    let Structure {
        path,
        fields,
        error,
    } = structure;
    let error = error.map_or(default, |error| quote!(#error));
    let names: Vec<&Ident> = fields.iter().map(|field| &field.0).collect();
    let guards: Vec<Ident> = names
        .iter()
        .map(|name| format_ident!("__guard_{name}"))
        .collect();
    let steps = fields
        .iter()
        .zip(&guards)
        .map(|(Field(name, value), guard)| {
            let fill = match value {
                Value::Is(value) => quote! {
                    let __value = #value;
                    // SAFETY: The slot is valid for writes.
                    unsafe { ::core::ptr::write(&raw mut (*__slot).#name, __value) };
                },
                Value::From(init) => quote! {
                    let __init = #init;
                    // SAFETY: The slot is valid for writes, and does not move.
                    unsafe { #make(__init, &raw mut (*__slot).#name) }?;
                },
            };
            quote! {
                #fill
                // SAFETY: The field is initialized, and is dropped only here if a later one fails.
                let #guard = unsafe { ::kernel::init::DropGuard::new(&raw mut (*__slot).#name) };
                // SAFETY: The field is initialized, and nothing else uses it yet.
                #[allow(unused_variables)]
                let #name = unsafe { &mut *(&raw mut (*__slot).#name) };
            }
        });
    let steps: Vec<TokenStream> = steps.collect();

    quote! {{
        // Each field is there, and is initialized once.
        #[allow(unreachable_code, clippy::diverging_sub_expression)]
        let _ = || -> #path { #path { #(#names: ::core::panic!()),* } };
        let __init = move |__slot: *mut #path| -> ::core::result::Result<(), #error> {
            #(#steps)*
            #(::core::mem::forget(#guards);)*
            Ok(())
        };
        // SAFETY: All fields are initialized, or those that are were dropped.
        unsafe { ::kernel::pinned_init::pin_init_from_closure::<_, #error>(__init) }
    }}
}
