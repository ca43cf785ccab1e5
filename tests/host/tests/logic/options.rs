// SPDX-License-Identifier: GPL-2.0

//! Commands to the packet driver.

use proptest::{prelude::*, sample::subsequence};
use rblk_host_tests::{
    pktcdvd::logic::options::{parse_add, parse_packet_buffers, parse_remove, AddOptions},
    tokens::{DeviceNumber, ErrorKind, ParseError, Token},
};

const DEVICE: DeviceNumber = DeviceNumber { major: 7, minor: 3 };
const PLAIN: AddOptions = AddOptions {
    device: DEVICE,
    packet_size: None,
    packet_buffers: None,
    offset: 0,
};

/// The word that `add` complains about.
fn blamed(text: &str) -> &str {
    match parse_add(text.as_bytes()).expect_err(text) {
        ParseError::Missing(name) => name,
        ParseError::Unknown(word)
        | ParseError::Duplicate(word)
        | ParseError::Malformed(word, _)
        | ParseError::Range(word)
        | ParseError::Unacceptable(word, _)
        | ParseError::TooBig(word) => core::str::from_utf8(word.as_bytes()).unwrap(),
    }
}

#[test]
fn what_add_takes() {
    for (text, options) in [
        ("7:3", PLAIN),
        ("7:3\n", PLAIN),
        (" \t7:3  \n", PLAIN),
        (
            "7:3 packet_size=2048",
            AddOptions {
                packet_size: Some(2048),
                ..PLAIN
            },
        ),
        (
            "packet_size=64K 7:3",
            AddOptions {
                packet_size: Some(65536),
                ..PLAIN
            },
        ),
        (
            "7:3 packet_size=262144",
            AddOptions {
                packet_size: Some(262_144),
                ..PLAIN
            },
        ),
        (
            "7:3 packet_size=256k\n",
            AddOptions {
                packet_size: Some(262_144),
                ..PLAIN
            },
        ),
        // Any whole number of frames, not only powers of two.
        (
            "7:3 packet_size=6K",
            AddOptions {
                packet_size: Some(6144),
                ..PLAIN
            },
        ),
        (
            "7:3 packet_buffers=2",
            AddOptions {
                packet_buffers: Some(2),
                ..PLAIN
            },
        ),
        (
            "packet_buffers=64 7:3",
            AddOptions {
                packet_buffers: Some(64),
                ..PLAIN
            },
        ),
        ("7:3 offset=0", PLAIN),
        (
            "offset=1M 7:3",
            AddOptions {
                offset: 1 << 20,
                ..PLAIN
            },
        ),
    ] {
        assert_eq!(parse_add(text.as_bytes()), Ok(options), "{text}");
    }
}

#[test]
fn what_add_refuses() {
    use ErrorKind::{Invalid, Range};

    for (text, kind, word) in [
        ("", Invalid, "major:minor"),
        ("\n", Invalid, "major:minor"),
        ("packet_size=64K", Invalid, "major:minor"),
        ("7:3 7:3", Invalid, "7:3"),
        ("7:3 8:0", Invalid, "8:0"),
        ("junk", Invalid, "junk"),
        ("7", Invalid, "7"),
        ("/dev/sda", Invalid, "/dev/sda"),
        ("7:3 junk=1", Invalid, "junk=1"),
        ("7:3 PACKET_SIZE=64K", Invalid, "PACKET_SIZE=64K"),
        ("7:3 =1", Invalid, "=1"),
        ("4096:0", Invalid, "4096:0"),
        ("0:1048576", Invalid, "0:1048576"),
        ("7:3 packet_size", Invalid, "packet_size"),
        ("7:3 packet_size=", Invalid, "packet_size="),
        ("7:3 packet_size=0", Invalid, "packet_size=0"),
        ("7:3 packet_size=512", Invalid, "packet_size=512"),
        ("7:3 packet_size=2049", Invalid, "packet_size=2049"),
        ("7:3 packet_size=258K", Invalid, "packet_size=258K"),
        ("7:3 packet_size=4G", Invalid, "packet_size=4G"),
        ("7:3 packet_size=-64K", Invalid, "packet_size=-64K"),
        ("7:3 packet_size=16E", Range, "packet_size=16E"),
        (
            "7:3 packet_size=64K packet_size=64K",
            Invalid,
            "packet_size=64K",
        ),
        ("7:3 packet_buffers=1", Invalid, "packet_buffers=1"),
        ("7:3 packet_buffers=65", Invalid, "packet_buffers=65"),
        ("7:3 packet_buffers=8K", Invalid, "packet_buffers=8K"),
        (
            "7:3 packet_buffers=4294967304",
            Invalid,
            "packet_buffers=4294967304",
        ),
        (
            "7:3 packet_buffers=18446744073709551616",
            Range,
            "packet_buffers=18446744073709551616",
        ),
        (
            "7:3 packet_buffers=8 packet_buffers=9",
            Invalid,
            "packet_buffers=9",
        ),
        ("7:3 offset=512", Invalid, "offset=512"),
        ("7:3 offset=0 offset=0", Invalid, "offset=0"),
        (
            "7:3 offset=99999999999999999999",
            Range,
            "offset=99999999999999999999",
        ),
    ] {
        assert_eq!(blamed(text), word);
        assert_eq!(
            parse_add(text.as_bytes()).unwrap_err().kind(),
            kind,
            "{text}"
        );
    }
    assert!(parse_add(b"7:3 \xff\xfe=\x01").is_err());
}

#[test]
fn defaults_are_in_sectors() {
    assert_eq!((PLAIN.packet_sectors(), PLAIN.start_sector()), (128, 0));

    let other = AddOptions {
        packet_size: Some(2048),
        offset: u64::MAX - 2047,
        ..PLAIN
    };
    assert_eq!(
        (other.packet_sectors(), other.start_sector()),
        (4, (1 << 55) - 4)
    );
}

#[test]
fn what_remove_takes() {
    assert_eq!(parse_remove(b"7:3"), Ok(DEVICE));
    assert_eq!(parse_remove(b" 7:3\n"), Ok(DEVICE));
    assert_eq!(parse_remove(b"\n"), Err(ParseError::Missing("major:minor")));
    assert_eq!(
        parse_remove(b"7:3 7:3"),
        Err(ParseError::Unknown(Token::new(b"7:3")))
    );
    assert!(parse_remove(b"pktcdvd0").is_err());
    assert!(parse_remove(b"7:3,").is_err());
}

#[test]
fn what_packet_buffers_takes() {
    assert_eq!(parse_packet_buffers(b"2\n"), Ok(2));
    assert_eq!(parse_packet_buffers(b"64"), Ok(64));
    for text in [&b""[..], b"1", b"65", b"-2", b"8 8", b"8K", b"x=8"] {
        assert_eq!(
            parse_packet_buffers(text).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
    let huge = parse_packet_buffers(b"18446744073709551616");
    assert_eq!(huge.unwrap_err().kind(), ErrorKind::Range);
}

fn gap() -> impl Strategy<Value = String> {
    "[ \t]{1,3}"
}

proptest! {
    #[test]
    fn every_order_says_the_same(
        (major, minor) in (0..4096u32, 0..1u32 << 20),
        frames in 1..=128u32,
        buffers in 2..=64u32,
        offset in 0..1u64 << 40,
        which in subsequence(vec![0, 1, 2], 0..=3),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        gaps in prop::collection::vec(gap(), 5),
        kib: bool,
    ) {
        let has = |option| which.contains(&option);
        let size = if kib {
            format!("packet_size={}K", frames * 2)
        } else {
            format!("packet_size={}", frames * 2048)
        };
        let all = [
            size,
            format!("packet_buffers={buffers}"),
            format!("offset={}", offset * 2048),
            format!("{major}:{minor}"),
        ];
        let mut text = String::new();
        for (index, gap) in order.into_iter().zip(gaps) {
            if index == 3 || has(index) {
                text += &all[index];
                text += &gap;
            }
        }
        let expected = AddOptions {
            device: DeviceNumber { major, minor },
            packet_size: has(0).then_some(frames * 2048),
            packet_buffers: has(1).then_some(buffers),
            offset: if has(2) { offset * 2048 } else { 0 },
        };

        prop_assert_eq!(parse_add(text.as_bytes()), Ok(expected));
        prop_assert_eq!(parse_add(text.trim_end().as_bytes()), Ok(expected));
        // Said twice, it is refused, whichever word it is.
        for word in text.split_whitespace() {
            let twice = format!("{text} {word}");
            prop_assert_eq!(
                parse_add(twice.as_bytes()),
                Err(ParseError::Duplicate(Token::new(word.as_bytes())))
            );
        }
    }
}
