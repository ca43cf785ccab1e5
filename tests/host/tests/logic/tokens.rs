// SPDX-License-Identifier: GPL-2.0

//! Words, numbers and device numbers.

use proptest::prelude::*;
use rblk_host_tests::tokens::{
    parse_size, parse_u64, DeviceNumber, ErrorKind, NumberError, ParseError, Token, Tokens,
};

fn words(text: &[u8]) -> Vec<&[u8]> {
    Tokens::new(text).map(Token::as_bytes).collect()
}

fn word(text: &str) -> Token<'_> {
    Token::new(text.as_bytes())
}

#[test]
fn text_is_cut_at_white_space_and_ends_at_nul() {
    let none: [&[u8]; 0] = [];

    assert_eq!(words(b""), none);
    assert_eq!(words(b" \t\n"), none);
    assert_eq!(words(b"a"), [b"a"]);
    assert_eq!(words(b"  a=1\tbb \n"), [&b"a=1"[..], b"bb"]);
    assert_eq!(words(b"a\0b c"), [b"a"]);
    assert_eq!(words(b"\0a"), none);
}

#[test]
fn the_end_stays_the_end() {
    let mut words = Tokens::new(b"a \n");

    assert!(words.next().is_some());
    assert_eq!((words.next(), words.next()), (None, None));
}

#[test]
fn keys_end_at_the_first_equals_sign() {
    for (text, key, value) in [
        ("a=b", "a", Some("b")),
        ("a=", "a", Some("")),
        ("=b", "", Some("b")),
        ("a=b=c", "a", Some("b=c")),
        ("a", "a", None),
    ] {
        assert_eq!(word(text).key(), key.as_bytes());
        assert_eq!(word(text).value(), value.map(str::as_bytes));
    }
}

#[test]
fn only_one_word() {
    assert_eq!(Tokens::only(b" a\n", "name"), Ok(word("a")));
    assert_eq!(
        Tokens::only(b"\n", "name"),
        Err(ParseError::Missing("name"))
    );
    assert_eq!(
        Tokens::only(b"a b c", "name"),
        Err(ParseError::Unknown(word("b")))
    );
}

#[test]
fn sizes() {
    use NumberError::{Invalid, Range};

    for (text, size) in [
        ("0", Ok(0)),
        ("512", Ok(512)),
        ("00512", Ok(512)),
        ("1k", Ok(1 << 10)),
        ("1K", Ok(1 << 10)),
        ("64M", Ok(64 << 20)),
        ("3g", Ok(3 << 30)),
        ("1T", Ok(1 << 40)),
        ("2P", Ok(2 << 50)),
        ("15E", Ok(15 << 60)),
        ("16E", Err(Range)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("18446744073709551616", Err(Range)),
        ("18014398509481984K", Err(Range)),
        ("", Err(Invalid)),
        ("K", Err(Invalid)),
        ("1KB", Err(Invalid)),
        ("1 K", Err(Invalid)),
        ("-1", Err(Invalid)),
        ("+1", Err(Invalid)),
        ("0x10", Err(Invalid)),
        ("1.5G", Err(Invalid)),
        ("1_000", Err(Invalid)),
    ] {
        assert_eq!(parse_size(text.as_bytes()), size, "{text}");
    }
}

#[test]
fn switches() {
    for text in ["a=1", "a=y", "a=Y"] {
        assert_eq!(word(text).switch(), Ok(true));
    }
    for text in ["a=0", "a=n", "a=N"] {
        assert_eq!(word(text).switch(), Ok(false));
    }
    for text in ["a=", "a", "a=2", "a=yes", "a=10"] {
        assert_eq!(
            word(text).switch(),
            Err(ParseError::Malformed(word(text), "0 or 1"))
        );
    }
}

#[test]
fn device_numbers() {
    let parse = |text| DeviceNumber::parse(Token::new(text)).ok();

    for (text, major, minor) in [
        (&b"0:0"[..], 0, 0),
        (b"11:0", 11, 0),
        (b"259:7", 259, 7),
        (b"011:07", 11, 7),
        (b"4095:1048575", 4095, 1_048_575),
    ] {
        assert_eq!(parse(text), Some(DeviceNumber { major, minor }));
    }
    for text in [
        &b""[..],
        b":",
        b"1",
        b"1:",
        b":1",
        b"1:2:3",
        b"1;2",
        b"a:b",
        b"-1:0",
        b"+1:0",
        b"1: 2",
        b"0x1:2",
        b"4096:0",
        b"0:1048576",
        b"4294967296:0",
        b"0:4294967296",
        b"1:2=3",
        b"\xff:1",
        b"99999999999999999999999:0",
    ] {
        assert_eq!(parse(text), None, "{}", text.escape_ascii());
    }
}

#[test]
fn messages_name_the_word() {
    let word = word("x=1");

    for (error, kind, message) in [
        (
            ParseError::Missing("size="),
            ErrorKind::Invalid,
            "no size= given",
        ),
        (
            ParseError::Unknown(word),
            ErrorKind::Invalid,
            "'x=1' is not known",
        ),
        (
            ParseError::Duplicate(word),
            ErrorKind::Invalid,
            "'x=1' says again what was said before",
        ),
        (
            ParseError::Malformed(word, "a word"),
            ErrorKind::Invalid,
            "'x=1' is not a word",
        ),
        (
            ParseError::Range(word),
            ErrorKind::Range,
            "'x=1' is out of range",
        ),
        (
            ParseError::Unacceptable(word, "odd"),
            ErrorKind::Invalid,
            "'x=1' must be odd",
        ),
        (
            ParseError::TooBig(word),
            ErrorKind::TooBig,
            "'x=1' is too big",
        ),
    ] {
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn words_cannot_break_the_log() {
    assert_eq!(
        Token::new(b"a\x1b[31m\xff'").to_string(),
        "a\\x1b[31m\\xff\\'"
    );

    let long = [b'x'; 4096];
    assert_eq!(
        Token::new(&long).to_string(),
        format!("{}...", "x".repeat(48))
    );
    assert_eq!(Token::new(&long[..48]).to_string(), "x".repeat(48));
    assert_eq!(format!("{:?}", Token::new(b"a b")), "Token(a b)");
}

proptest! {
    #[test]
    fn words_are_those_of_the_standard_library(text in "[ab= \t\n\r\x0c]{0,40}") {
        let expected: Vec<_> = text.split_ascii_whitespace().map(str::as_bytes).collect();

        prop_assert_eq!(words(text.as_bytes()), expected);
    }

    #[test]
    fn numbers_are_those_of_the_standard_library(number: u128, small: u64, shift in 0..64u32) {
        for number in [number, u128::from(small >> shift)] {
            let text = number.to_string();
            let expected = u64::try_from(number).map_err(|_| NumberError::Range);
            prop_assert_eq!(parse_u64(text.as_bytes()), expected);
            prop_assert_eq!(parse_size(text.as_bytes()), expected);

            for (power, suffix) in "KMGTPE".chars().enumerate() {
                let expected = number
                    .checked_mul(1 << (10 * (power + 1)))
                    .and_then(|size| u64::try_from(size).ok())
                    .ok_or(NumberError::Range);
                for suffix in [suffix, suffix.to_ascii_lowercase()] {
                    prop_assert_eq!(parse_size(format!("{text}{suffix}").as_bytes()), expected);
                }
            }
        }
    }

    #[test]
    fn device_numbers_go_round(major in 0..4096u32, minor in 0..1u32 << 20) {
        let number = DeviceNumber { major, minor };
        let text = number.to_string();

        prop_assert_eq!(DeviceNumber::parse(word(&text)), Ok(number));
    }
}
