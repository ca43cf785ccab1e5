// SPDX-License-Identifier: GPL-2.0

//! Commands to the RAM disk.

use proptest::prelude::*;
use rblk_host_tests::{
    ram::logic::options::{
        parse_add, parse_mem_limit, parse_remove, parse_resize, AddOptions, Front, RemoveTarget,
        MAX_BLOCK_SIZE, MAX_SIZE,
    },
    tokens::{DeviceNumber, ErrorKind, ParseError, Token}, //
};

const PLAIN: AddOptions<'static> = AddOptions {
    size: 64 << 20,
    block_size: 512,
    mem_limit: 0,
    prealloc: false,
    name: None,
    front: Front::Bio,
};

fn add(text: &str) -> Result<AddOptions<'_>, ParseError<'_>> {
    parse_add(text.as_bytes(), MAX_BLOCK_SIZE)
}

#[test]
fn what_add_takes() {
    let long = "a".repeat(31);

    for (text, options) in [
        ("size=64M", PLAIN),
        ("  size=67108864\n", PLAIN),
        ("size=512", AddOptions { size: 512, ..PLAIN }),
        (
            "size=9223372036854775296",
            AddOptions {
                size: MAX_SIZE - 511,
                ..PLAIN
            },
        ),
        (
            "block_size=4096 size=64M",
            AddOptions {
                block_size: 4096,
                ..PLAIN
            },
        ),
        (
            "size=64M block_size=64K",
            AddOptions {
                block_size: 65536,
                ..PLAIN
            },
        ),
        ("size=64M mem_limit=0", PLAIN),
        (
            "size=64M mem_limit=1M",
            AddOptions {
                mem_limit: 1 << 20,
                ..PLAIN
            },
        ),
        ("size=64M prealloc=0", PLAIN),
        (
            "prealloc=1 size=64M",
            AddOptions {
                prealloc: true,
                ..PLAIN
            },
        ),
        (
            "prealloc=1 size=64M mem_limit=64M",
            AddOptions {
                prealloc: true,
                mem_limit: 64 << 20,
                ..PLAIN
            },
        ),
        (
            "prealloc=0 size=64M mem_limit=1",
            AddOptions {
                mem_limit: 1,
                ..PLAIN
            },
        ),
        (
            "size=64M name=a",
            AddOptions {
                name: Some("a"),
                ..PLAIN
            },
        ),
        (
            "size=64M name=...",
            AddOptions {
                name: Some("..."),
                ..PLAIN
            },
        ),
        (
            "size=64M name=My_disk-1.x",
            AddOptions {
                name: Some("My_disk-1.x"),
                ..PLAIN
            },
        ),
        (
            &format!("size=64M name={long}"),
            AddOptions {
                name: Some(&long),
                ..PLAIN
            },
        ),
        ("size=64M front=bio", PLAIN),
        (
            "front=mq size=64M",
            AddOptions {
                front: Front::Mq,
                ..PLAIN
            },
        ),
    ] {
        assert_eq!(add(text), Ok(options), "{text}");
    }
}

#[test]
fn what_add_refuses() {
    use ErrorKind::{Invalid, Range, TooBig};

    for (text, kind) in [
        ("", Invalid),
        ("block_size=512", Invalid),
        ("64M", Invalid),
        ("size", Invalid),
        ("size=", Invalid),
        ("size=0", Invalid),
        ("size=1", Invalid),
        ("size=513", Invalid),
        ("size=64M size=64M", Invalid),
        ("size=-1", Invalid),
        ("size=4608 block_size=4096", Invalid),
        ("size=9223372036854775807", Invalid),
        ("size=9223372036854775808", TooBig),
        ("size=8E", TooBig),
        ("size=16E", TooBig),
        ("size=99999999999999999999999", TooBig),
        ("size=64M block_size=0", Invalid),
        ("size=64M block_size=256", Invalid),
        ("size=64M block_size=511", Invalid),
        ("size=64M block_size=513", Invalid),
        ("size=64M block_size=1000", Invalid),
        ("size=64M block_size=3072", Invalid),
        ("size=64M block_size=128K", Invalid),
        ("size=64M block_size=4G", Invalid),
        ("size=64M block_size=16E", Range),
        ("size=64M mem_limit=", Invalid),
        ("size=64M mem_limit=16E", Range),
        ("size=64M mem_limit=1M mem_limit=1M", Invalid),
        ("size=64M prealloc=2", Invalid),
        ("size=64M prealloc=1 mem_limit=63M", Invalid),
        ("size=64M name=", Invalid),
        ("size=64M name=.", Invalid),
        ("size=64M name=..", Invalid),
        ("size=64M name=a/b", Invalid),
        ("size=64M name=a!b", Invalid),
        ("size=64M name=a:b", Invalid),
        ("size=64M name=\u{e9}", Invalid),
        ("size=64M name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Invalid),
        ("size=64M front=", Invalid),
        ("size=64M front=rq", Invalid),
        ("size=64M junk=1", Invalid),
        ("size=64M junk", Invalid),
        ("size=64M name", Invalid),
    ] {
        assert_eq!(add(text).expect_err(text).kind(), kind, "{text}");
    }
}

#[test]
fn errors_name_the_word() {
    assert_eq!(add("prealloc=1"), Err(ParseError::Missing("size=")));
    assert_eq!(
        add("size=64M junk=1").unwrap_err().to_string(),
        "'junk=1' is not known"
    );
    assert_eq!(
        add("size=600 block_size=512").unwrap_err().to_string(),
        "'size=600' must be a multiple of the block size, and not zero"
    );
}

#[test]
fn the_kernel_has_the_last_word_on_blocks() {
    assert!(parse_add(b"size=64K block_size=4096", 4096).is_ok());
    assert!(parse_add(b"size=64K block_size=8192", 4096).is_err());
    // Whatever it says, no block is larger than the largest.
    assert!(parse_add(b"size=1M block_size=128K", u32::MAX).is_err());
}

#[test]
fn sizes_of_a_live_disk() {
    assert_eq!(parse_resize(b"128M\n", 512), Ok((128 << 20, false)));
    assert_eq!(parse_resize(b"4096", 4096), Ok((4096, false)));
    assert_eq!(parse_resize(b"1M force\n", 512), Ok((1 << 20, true)));
    for (text, block, kind) in [
        (&b""[..], 512, ErrorKind::Invalid),
        (b"0", 512, ErrorKind::Invalid),
        (b"512", 4096, ErrorKind::Invalid),
        (b"512", 0, ErrorKind::Invalid),
        (b"1M 1M", 512, ErrorKind::Invalid),
        (b"force", 512, ErrorKind::Invalid),
        (b"force 1M", 512, ErrorKind::Invalid),
        (b"1M forced", 512, ErrorKind::Invalid),
        (b"1M force force", 512, ErrorKind::Invalid),
        (b"size=1M", 512, ErrorKind::Invalid),
        (b"8E", 512, ErrorKind::TooBig),
        (b"99999999999999999999", 512, ErrorKind::TooBig),
    ] {
        assert_eq!(parse_resize(text, block).unwrap_err().kind(), kind);
    }
}

#[test]
fn memory_limits() {
    assert_eq!(parse_mem_limit(b"0\n"), Ok(0));
    assert_eq!(parse_mem_limit(b"15E"), Ok(15 << 60));
    assert_eq!(
        parse_mem_limit(b"16E").unwrap_err().kind(),
        ErrorKind::Range
    );
    assert_eq!(
        parse_mem_limit(b"none").unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn what_remove_takes() {
    let number = DeviceNumber { major: 7, minor: 3 };

    assert_eq!(parse_remove(b"7:3\n"), Ok(RemoveTarget::Number(number)));
    assert_eq!(parse_remove(b"rram0\n"), Ok(RemoveTarget::Name("rram0")));
    assert_eq!(parse_remove(b"7"), Ok(RemoveTarget::Name("7")));
    for text in [&b""[..], b"7:", b"a/b", b"..", b"a b", b"a:b"] {
        assert_eq!(parse_remove(text).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

proptest! {
    #[test]
    fn every_order_says_the_same(
        shift in 9..=16u32,
        blocks in 1..1u64 << 40,
        mem_limit: u64,
        prealloc: bool,
        mq: bool,
        name in "[A-Za-z0-9_-][A-Za-z0-9_.-]{0,30}",
        order in Just(vec![0, 1, 2, 3, 4, 5]).prop_shuffle(),
    ) {
        let options = AddOptions {
            size: blocks << shift,
            block_size: 1 << shift,
            mem_limit,
            prealloc,
            name: Some(&name),
            front: if mq { Front::Mq } else { Front::Bio },
        };
        let all = [
            format!("size={}", options.size),
            format!("block_size={}", options.block_size),
            format!("mem_limit={mem_limit}"),
            format!("prealloc={}", u8::from(prealloc)),
            format!("name={name}"),
            format!("front={}", if mq { "mq" } else { "bio" }),
        ];
        let words: Vec<&str> = order.into_iter().map(|index| all[index].as_str()).collect();
        let text = words.join(" ");
        let possible = !(prealloc && mem_limit != 0 && mem_limit < options.size);

        prop_assert_eq!(add(&text).ok(), possible.then_some(options));
        for word in words {
            let twice = format!("{text} {word}");
            prop_assert_eq!(add(&twice), Err(ParseError::Duplicate(Token::new(word.as_bytes()))));
        }
    }
}
