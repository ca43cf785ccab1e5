// SPDX-License-Identifier: GPL-2.0

//! `fmt!`: each argument goes through an adapter, those that are only named in the text, too.

use proc_macro2::{
    Delimiter,
    Group,
    Ident,
    Span,
    TokenStream,
    TokenTree, //
};
use quote::quote;
use std::collections::BTreeSet;

/// Expands to `format_args!` of the same text.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut parts = split(input).into_iter();
    let text = parts.next().unwrap_or_default();
    let (mut arguments, mut named) = (Vec::new(), BTreeSet::new());

    for part in parts.filter(|part| !part.is_empty()) {
        arguments.push(adapt(part, &mut named));
    }
    // What the text names is looked for where the text is.
    let place = text.clone().into_iter().next();
    let place = place.map_or_else(Span::call_site, |token| token.span());
    for name in captures(&text.to_string()) {
        if named.insert(name.clone()) {
            let name = Ident::new(&name, place);
            arguments.push(quote!(#name = ::kernel::fmt::Adapter(&#name)));
        }
    }
    quote!(::core::format_args!(#text #(, #arguments)*))
}

/// Splits at commas.
fn split(input: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![Vec::new()];

    for token in input {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => parts.push(Vec::new()),
            token => parts.last_mut().expect("there is one").push(token),
        }
    }
    parts.into_iter().map(TokenStream::from_iter).collect()
}

/// Wraps an argument, which may have a name.
fn adapt(part: TokenStream, named: &mut BTreeSet<String>) -> TokenStream {
    let tokens: Vec<TokenTree> = part.into_iter().collect();

    if let [TokenTree::Ident(name), TokenTree::Punct(equals), value @ ..] = &tokens[..] {
        let next_equals = matches!(value.first(), Some(TokenTree::Punct(p)) if p.as_char() == '=');
        if equals.as_char() == '=' && !next_equals {
            named.insert(name.to_string());
            let value = one(value);
            return quote!(#name = ::kernel::fmt::Adapter(&#value));
        }
    }
    let value = one(&tokens);
    quote!(::kernel::fmt::Adapter(&#value))
}

/// Keeps an expression together.
fn one(tokens: &[TokenTree]) -> TokenTree {
    let stream = tokens.iter().cloned().collect();
    TokenTree::Group(Group::new(Delimiter::Parenthesis, stream))
}

/// Returns the names in the braces of a text.
fn captures(text: &str) -> Vec<String> {
    let text = text.replace("{{", "").replace("}}", "");
    let is_name =
        |name: &&str| name.starts_with(|c: char| c.is_alphabetic() || c == '_') && *name != "r";

    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split([':', '}']).next())
        .map(str::trim)
        .filter(is_name)
        .map(str::to_owned)
        .collect()
}
