// SPDX-License-Identifier: GPL-2.0

//! Commands as text: words, numbers and device numbers.
//!
//! A command that is written to an attribute is a list of words in any order, most of them
//! `key=value`. This file takes such text apart and says what is wrong with it. It knows no kernel
//! type and does not allocate, so that it can be tested on any machine.
//!
//! Text ends at its first NUL byte, as C code reads it. Words are separated by ASCII white space.

use core::fmt;

/// Most bytes of a word that a message shows.
const SHOWN: usize = 48;

/// One word of a command, as it was written.
///
/// It may hold any bytes; shown in a message, it is shortened and escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<'a>(&'a [u8]);

impl<'a> Token<'a> {
    /// Takes `word` as one word.
    pub const fn new(word: &'a [u8]) -> Self {
        Self(word)
    }

    /// The whole word.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The part before the first `=`; the whole word if there is none.
    pub fn key(self) -> &'a [u8] {
        self.split().map_or(self.0, |(key, _)| key)
    }

    /// The part behind the first `=`, if there is one.
    pub fn value(self) -> Option<&'a [u8]> {
        self.split().map(|(_, value)| value)
    }

    /// Reads the value as a number of bytes; see [`parse_size`].
    ///
    /// # Errors
    ///
    /// [`ParseError::Malformed`] or [`ParseError::Range`].
    pub fn size(self) -> Result<u64, ParseError<'a>> {
        parse_size(self.value().unwrap_or_default())
            .map_err(|error| self.not_a_number(error, "a size such as 64K"))
    }

    /// Reads the value as a number; see [`parse_u64`].
    ///
    /// # Errors
    ///
    /// [`ParseError::Malformed`] or [`ParseError::Range`].
    pub fn number(self) -> Result<u64, ParseError<'a>> {
        parse_u64(self.value().unwrap_or_default())
            .map_err(|error| self.not_a_number(error, "a decimal number"))
    }

    /// Reads the whole word as a number; see [`parse_u64`].
    ///
    /// # Errors
    ///
    /// [`ParseError::Malformed`] or [`ParseError::Range`].
    pub fn plain_number(self) -> Result<u64, ParseError<'a>> {
        parse_u64(self.0).map_err(|error| self.not_a_number(error, "a decimal number"))
    }

    /// Reads the whole word as a number of bytes; see [`parse_size`].
    ///
    /// # Errors
    ///
    /// [`ParseError::Malformed`] or [`ParseError::Range`].
    pub fn plain_size(self) -> Result<u64, ParseError<'a>> {
        parse_size(self.0).map_err(|error| self.not_a_number(error, "a size such as 64K"))
    }

    /// Reads the value as a switch: `1`, `y`, `Y` or `0`, `n`, `N`.
    ///
    /// # Errors
    ///
    /// [`ParseError::Malformed`].
    pub fn switch(self) -> Result<bool, ParseError<'a>> {
        match self.value().unwrap_or_default() {
            b"1" | b"y" | b"Y" => Ok(true),
            b"0" | b"n" | b"N" => Ok(false),
            _ => Err(ParseError::Malformed(self, "0 or 1")),
        }
    }

    /// Keeps `value`, which this word gave, in `slot`.
    ///
    /// # Errors
    ///
    /// [`ParseError::Duplicate`] when an earlier word already gave one.
    pub fn store<T>(self, slot: &mut Option<T>, value: T) -> Result<(), ParseError<'a>> {
        if slot.is_some() {
            return Err(ParseError::Duplicate(self));
        }
        *slot = Some(value);
        Ok(())
    }

    fn split(self) -> Option<(&'a [u8], &'a [u8])> {
        let equals = self.0.iter().position(|&byte| byte == b'=')?;
        let (key, rest) = self.0.split_at_checked(equals)?;

        Some((key, rest.get(1..)?))
    }

    fn not_a_number(self, error: NumberError, expected: &'static str) -> ParseError<'a> {
        match error {
            NumberError::Invalid => ParseError::Malformed(self, expected),
            NumberError::Range => ParseError::Range(self),
        }
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_at_checked(SHOWN) {
            Some((shown, rest)) if !rest.is_empty() => write!(f, "{}...", shown.escape_ascii()),
            _ => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

/// The words of a text, in order.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// Takes `text` apart; it ends at its first NUL byte.
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            rest: until_nul(text),
        }
    }

    /// The only word of `text`.
    ///
    /// # Errors
    ///
    /// [`ParseError::Missing`] with `name` when there is no word, [`ParseError::Unknown`] with the
    /// second word when there are more.
    pub fn only(text: &'a [u8], name: &'static str) -> Result<Token<'a>, ParseError<'a>> {
        let mut words = Self::new(text);
        let only = words.next().ok_or(ParseError::Missing(name))?;

        words
            .next()
            .map_or(Ok(only), |more| Err(ParseError::Unknown(more)))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let text = self.rest.trim_ascii_start();
        let end = text
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;

        self.rest = rest;
        (!word.is_empty()).then_some(Token(word))
    }
}

/// What is wrong with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError<'a> {
    /// A word that a command must have is not there: its name.
    Missing(&'static str),
    /// No such key.
    Unknown(Token<'a>),
    /// The second word for the same key.
    Duplicate(Token<'a>),
    /// The word does not have the form that is named.
    Malformed(Token<'a>, &'static str),
    /// The number in the word does not fit into 64 bits.
    Range(Token<'a>),
    /// The number in the word breaks the rule that is named.
    Unacceptable(Token<'a>, &'static str),
    /// The size in the word is above what a device can have.
    TooBig(Token<'a>),
}

/// The three kinds of [`ParseError`], each with an error code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is wrong: `EINVAL`.
    Invalid,
    /// A number is beyond what its type holds: `ERANGE`.
    Range,
    /// A size is beyond what a device can have: `EFBIG`.
    TooBig,
}

impl ParseError<'_> {
    /// The error code that user space gets.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Range(_) => ErrorKind::Range,
            Self::TooBig(_) => ErrorKind::TooBig,
            _ => ErrorKind::Invalid,
        }
    }
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "no {name} given"),
            Self::Unknown(word) => write!(f, "'{word}' is not known"),
            Self::Duplicate(word) => write!(f, "'{word}' says again what was said before"),
            Self::Malformed(word, form) => write!(f, "'{word}' is not {form}"),
            Self::Range(word) => write!(f, "'{word}' is out of range"),
            Self::Unacceptable(word, rule) => write!(f, "'{word}' must be {rule}"),
            Self::TooBig(word) => write!(f, "'{word}' is too big"),
        }
    }
}

/// Why some text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// It does not look like one: `EINVAL`.
    Invalid,
    /// It is one, but its type does not hold it: `ERANGE`.
    Range,
}

/// Reads a decimal number without sign: digits only, at least one.
///
/// # Errors
///
/// [`NumberError::Invalid`] or, above 64 bits, [`NumberError::Range`].
pub fn parse_u64(digits: &[u8]) -> Result<u64, NumberError> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::Invalid);
    }
    digits
        .iter()
        .try_fold(0_u64, |number, &digit| {
            number
                .checked_mul(10)?
                .checked_add(u64::from(digit.checked_sub(b'0')?))
        })
        .ok_or(NumberError::Range)
}

/// Reads a number of bytes: a decimal number with an optional suffix.
///
/// The suffix is one of `K`, `M`, `G`, `T`, `P`, `E`, upper or lower case, for the powers of 1024.
///
/// # Errors
///
/// [`NumberError::Invalid`] or, above 64 bits, [`NumberError::Range`].
pub fn parse_size(text: &[u8]) -> Result<u64, NumberError> {
    let (digits, unit) = match text.split_last() {
        Some((suffix, digits)) => match suffix.to_ascii_uppercase() {
            b'K' => (digits, 1 << 10),
            b'M' => (digits, 1 << 20),
            b'G' => (digits, 1 << 30),
            b'T' => (digits, 1 << 40),
            b'P' => (digits, 1 << 50),
            b'E' => (digits, 1 << 60),
            _ => (text, 1),
        },
        None => (text, 1),
    };

    parse_u64(digits)?
        .checked_mul(unit)
        .ok_or(NumberError::Range)
}

/// Reads the text of an attribute that holds an `int`.
///
/// That is a decimal number with an optional sign in front and an optional newline behind it, and
/// nothing else.
///
/// # Errors
///
/// [`NumberError::Invalid`] or, beyond an `int`, [`NumberError::Range`].
pub fn parse_i32(text: &[u8]) -> Result<i32, NumberError> {
    let text = until_nul(text);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, text),
    };
    let size = i64::try_from(parse_u64(digits)?).map_err(|_| NumberError::Range)?;
    let number = if negative {
        size.checked_neg()
    } else {
        Some(size)
    };

    number
        .and_then(|number| i32::try_from(number).ok())
        .ok_or(NumberError::Range)
}

/// The number of a device: `major:minor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceNumber {
    /// Number of the driver, below 4096.
    pub major: u32,
    /// Number of the device among those of the driver, below 2^20.
    pub minor: u32,
}

impl DeviceNumber {
    /// Majors are below this.
    pub const MAJORS: u64 = 1 << 12;
    /// Minors are below this.
    pub const MINORS: u64 = 1 << 20;

    /// Reads `major:minor`, both decimal.
    ///
    /// # Errors
    ///
    /// [`ParseError::Malformed`], also when a number is above what the kernel can have.
    pub fn parse(word: Token<'_>) -> Result<Self, ParseError<'_>> {
        Self::from_bytes(word.as_bytes()).ok_or(ParseError::Malformed(word, "a major:minor number"))
    }

    fn from_bytes(text: &[u8]) -> Option<Self> {
        let colon = text.iter().position(|&byte| byte == b':')?;
        let (major, rest) = text.split_at_checked(colon)?;

        Some(Self {
            major: Self::part(major, Self::MAJORS)?,
            minor: Self::part(rest.get(1..)?, Self::MINORS)?,
        })
    }

    fn part(digits: &[u8], limit: u64) -> Option<u32> {
        let number = parse_u64(digits).ok()?;

        u32::try_from(number).ok().filter(|_| number < limit)
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// What comes before the first NUL byte.
fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}
