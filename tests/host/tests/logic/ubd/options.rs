// SPDX-License-Identifier: GPL-2.0

//! Commands to the driver.

use proptest::prelude::*;
use rblk_host_tests::{
    tokens::{DeviceNumber, ErrorKind, ParseError, Token},
    ubd::logic::options::{
        parse_add, parse_disks, parse_remove, AddOptions, Discard, RemoveTarget,
    },
};

const PLAIN: AddOptions<'static> = AddOptions {
    cow: b"/a.cow",
    backing: None,
    name: None,
    read_only: false,
    force: false,
    create: false,
    discard: Discard::Zero,
};

fn add(text: &str) -> Result<AddOptions<'_>, ParseError<'_>> {
    parse_add(text.as_bytes())
}

#[test]
fn what_add_takes() {
    let all = AddOptions {
        cow: b"/my images/a.cow",
        backing: Some(b"it's"),
        name: Some("root"),
        read_only: true,
        force: true,
        create: false,
        discard: Discard::None,
    };
    let created = AddOptions {
        backing: Some(b"/b"),
        create: true,
        ..PLAIN
    };
    for (text, options) in [
        ("cow=/a.cow", PLAIN),
        ("  cow=/a.cow\n", PLAIN),
        ("cow=\"/a.cow\"", PLAIN),
        ("cow='/a.cow' discard=zero", PLAIN),
        ("cow=/a.cow\0 ro", PLAIN),
        (
            "ro force discard=none name=root backing=\"it's\" cow='/my images/a.cow'",
            all,
        ),
        ("create cow=/a.cow backing=/b", created),
        (
            "cow='a=\"b\";' ro",
            AddOptions {
                cow: b"a=\"b\";",
                read_only: true,
                ..PLAIN
            },
        ),
    ] {
        assert_eq!(add(text), Ok(options), "{text}");
    }
}

#[test]
fn what_add_refuses() {
    let path = "a path, as a whole between two quotes or without any";
    let length = "a path of 1 to 4095 bytes";
    let long = format!("cow={}", "a".repeat(4096));
    let name = "a name of 1 to 31 letters, digits, '_', '.' or '-'";
    let word = |text: &'static str| Token::new(text.as_bytes());

    for (text, error) in [
        ("", ParseError::Missing("cow=")),
        ("ro", ParseError::Missing("cow=")),
        ("cow", ParseError::Unknown(word("cow"))),
        ("cow=/a ro=1", ParseError::Unknown(word("ro=1"))),
        ("cow=/a cow=/b", ParseError::Duplicate(word("cow=/b"))),
        ("cow=/a ro ro", ParseError::Duplicate(word("ro"))),
        ("cow=", ParseError::Unacceptable(word("cow="), length)),
        ("cow=''", ParseError::Unacceptable(word("cow=''"), length)),
        ("cow='a b", ParseError::Malformed(word("cow='a b"), path)),
        ("cow='", ParseError::Malformed(word("cow='"), path)),
        ("cow='a'b", ParseError::Malformed(word("cow='a'b"), path)),
        (
            "cow=a'b c'",
            ParseError::Malformed(word("cow=a'b c'"), path),
        ),
        (
            "cow=a' b' c",
            ParseError::Malformed(word("cow=a' b'"), path),
        ),
        (
            "cow=/a name=a/b",
            ParseError::Malformed(word("name=a/b"), name),
        ),
        (
            "cow=/a name=..",
            ParseError::Malformed(word("name=.."), name),
        ),
        (
            "cow=/a discard=yes",
            ParseError::Malformed(word("discard=yes"), "zero or none"),
        ),
        ("cow=/a create", ParseError::Missing("backing=")),
        (
            "cow=/a backing=/b create ro",
            ParseError::Unacceptable(word("ro"), "left out with create"),
        ),
    ] {
        assert_eq!(add(text), Err(error), "{text}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    let error = ParseError::Unacceptable(Token::new(long.as_bytes()), length);
    assert_eq!(add(&long), Err(error));
    assert!(add(&long[..long.len() - 1]).is_ok());
}

#[test]
fn disks_of_a_parameter() {
    let disks = |text| -> Vec<&[u8]> { parse_disks(text).collect() };
    assert_eq!(disks(b""), [b""; 0]);
    assert_eq!(disks(b" ; ;"), [b""; 0]);
    assert_eq!(
        disks(b"cow=/a; cow=/b ro ;\n"),
        [&b"cow=/a"[..], b"cow=/b ro"]
    );
    assert_eq!(disks(b"cow='a;b';cow=c\0;d"), [&b"cow='a;b'"[..], b"cow=c"]);
    assert_eq!(disks(b"cow='a;b"), [&b"cow='a;b"[..]]);
}

#[test]
fn what_remove_takes() {
    let number = RemoveTarget::Number(DeviceNumber {
        major: 253,
        minor: 16,
    });
    let word = |text: &'static str| Token::new(text.as_bytes());
    for (text, expected) in [
        ("253:16\n", Ok((number, false))),
        ("253:16 force", Ok((number, true))),
        ("ubda", Ok((RemoveTarget::Name("ubda"), false))),
        ("ubda force", Ok((RemoveTarget::Name("ubda"), true))),
        ("", Err(ParseError::Missing("disk"))),
        ("ubda now", Err(ParseError::Unknown(word("now")))),
        ("ubda force ubdb", Err(ParseError::Unknown(word("ubdb")))),
    ] {
        assert_eq!(parse_remove(text.as_bytes()), expected, "{text}");
    }
}

proptest! {
    /// Any path without a NUL byte and with one kind of quote at most can be given.
    #[test]
    fn paths(path in prop::collection::vec(1..=255_u8, 1..40)) {
        let quote = if path.contains(&b'"') { b'\'' } else { b'"' };
        prop_assume!(!path.contains(&quote));
        let mut text = b"ro cow=".to_vec();
        text.push(quote);
        text.extend(&path);
        text.extend([quote, b' ']);
        text.extend(b"force");
        let options = parse_add(&text);
        prop_assert_eq!(options.map(|options| options.cow.to_vec()), Ok(path));
    }
}
