// SPDX-License-Identifier: GPL-2.0

//! Words whose values may stand between quotes.

use crate::tokens::Token;

/// The words of a text, in order. White space between two quotes of the same kind, `"` or `'`, does not
/// end a word; nor does the end of a text without the second one.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    /// Takes `text` apart; it ends at its first NUL byte.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            rest: until_nul(text),
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let text = self.rest.trim_ascii_start();
        let (word, rest) = split_outside(text, |byte| byte.is_ascii_whitespace());

        self.rest = rest;
        (!word.is_empty()).then_some(Token::new(word))
    }
}

/// The parts of a text between semicolons outside of quotes that hold a word.
#[derive(Debug, Clone)]
pub(super) struct Commands<'a> {
    rest: &'a [u8],
}

impl<'a> Commands<'a> {
    /// Takes `text` apart; it ends at its first NUL byte.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            rest: until_nul(text),
        }
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (command, rest) = split_outside(self.rest, |byte| byte == b';');

            self.rest = rest.get(1..).unwrap_or_default();
            let command = command.trim_ascii();
            if !command.is_empty() {
                return Some(command);
            }
        }
        None
    }
}

/// Splits `text` in front of the first byte outside of quotes that `ends` it.
fn split_outside(text: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let mut quote = None;
    let end = text.iter().position(|&byte| match quote {
        Some(open) => {
            if byte == open {
                quote = None;
            }
            false
        }
        None => {
            if is_quote(byte) {
                quote = Some(byte);
            }
            ends(byte)
        }
    });

    end.and_then(|end| text.split_at_checked(end))
        .unwrap_or((text, &[]))
}

/// A value without the quotes around it.
///
/// [`None`] if there are quotes elsewhere, or one without its end.
pub(super) fn unquoted(value: &[u8]) -> Option<&[u8]> {
    match value.split_first() {
        Some((&quote, rest)) if is_quote(quote) => rest
            .strip_suffix(&[quote])
            .filter(|inner| !inner.contains(&quote)),
        _ => (!value.iter().any(|&byte| is_quote(byte))).then_some(value),
    }
}

fn is_quote(byte: u8) -> bool {
    byte == b'"' || byte == b'\''
}

/// What comes before the first NUL byte.
fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}
