// SPDX-License-Identifier: GPL-2.0

//! A fuzz target for each parser.
//!
//! As a test, a target takes every file of its corpus and a number of random texts. With
//! `cargo bolero test TARGET` a fuzzer looks for more; where there is no nightly compiler, add
//! `--rustc-bootstrap`. What it finds stays in `__fuzz__/TARGET/` for the next test; give a file a
//! name in `corpus/` to commit it.

use bolero::check;
use rblk_host_tests::{
    net_attr::{RawAttr, RawAttrs},
    pktcdvd::logic::{marks, options as pktcdvd, zone::Geometry},
    ram::logic::options as ram,
    tokens::{self, NumberError, ParseError, Token, Tokens}, //
};

/// Random texts for each target when no fuzzer drives it.
const ITERATIONS: usize = 2000;

/// Longest text; an attribute never gets more than a page.
const MAX_LEN: usize = 4096;

/// Checks what the log would get to see.
fn check_error(error: ParseError<'_>) {
    let message = error.to_string();

    assert!(message.len() < 4 * 51 + 80, "long: {message}");
    assert!(
        message.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "not plain: {message:?}"
    );
    let _ = error.kind();
}

macro_rules! target {
    ($(#[$doc:meta])* $name:ident, $text:ident => $body:block) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            check!()
                .with_iterations(ITERATIONS)
                .with_max_len(MAX_LEN)
                .for_each(|$text: &[u8]| $body);
        }
    };
}

/// Checks attributes and those within them; returns how many bytes they take.
fn check_attrs(attrs: RawAttrs<'_>, depth: usize) -> usize {
    let check = |attr: RawAttr<'_>| {
        assert!(attr.kind < 1 << 14);
        assert!(!attr.string().contains(&0));
        assert_eq!(attr.first::<4>().is_some(), attr.payload.len() >= 4);
        if depth > 0 {
            let within = check_attrs(attr.nested(), depth - 1);
            assert!(within <= attr.payload.len());
        }
        4 + attr.payload.len()
    };
    attrs.map(check).sum()
}

// Behind the macro, which it uses.
mod mmc;
mod ubd;

target! {
    /// Attributes do not overlap, and lie within the message.
    netlink_attributes, message => {
        assert!(check_attrs(RawAttrs(message), 3) <= message.len());
    }
}

target! {
    /// Words hold no white space, are not empty, and leave nothing out.
    split, text => {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        let expected = text[..end]
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());

        assert!(Tokens::new(text).map(Token::as_bytes).eq(expected));
    }
}

target! {
    /// What is taken is a major and a minor of the kernel.
    device_number, text => {
        match tokens::DeviceNumber::parse(Token::new(text)) {
            Ok(number) => {
                assert!(number.major < 4096 && number.minor < 1 << 20);
                let again = number.to_string();
                assert_eq!(tokens::DeviceNumber::parse(Token::new(again.as_bytes())), Ok(number));
            }
            Err(error) => check_error(error),
        }
    }
}

target! {
    /// A size is a number of units.
    size, text => {
        if let Ok(size) = tokens::parse_size(text) {
            let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            assert!(text.len() - digits <= 1);
            assert_eq!(tokens::parse_size(size.to_string().as_bytes()), Ok(size));
        }
    }
}

target! {
    /// A mark is what the standard library takes for a number, and normalises into bounds.
    mark, text => {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        let line = text[..end].strip_suffix(b"\n").unwrap_or(&text[..end]);
        let number = core::str::from_utf8(line).ok().and_then(|line| line.parse::<i32>().ok());

        assert_eq!(marks::parse_mark(text).ok(), number);
        if let Some(number) = number {
            let mut marks = marks::Marks::default();
            marks.set_off(number.into());
            assert!((100..=9900).contains(&marks.off()));
            marks.set_on(number.into());
            assert_eq!(marks.is_enabled(), number > 0);
        } else if let Err(NumberError::Range) = marks::parse_mark(text) {
            assert!(line.len() >= 10);
        }
    }
}

target! {
    /// What `add` takes can be asked of a geometry.
    pktcdvd_add, text => {
        match pktcdvd::parse_add(text) {
            Ok(options) => {
                let (size, start) = (options.packet_sectors(), options.start_sector());
                assert!((4..=512).contains(&size) && size % 4 == 0);
                assert!(options.packet_buffers.is_none_or(|count| (2..=64).contains(&count)));
                assert!(Geometry::new(size, start, u64::MAX).is_ok());
                assert_eq!(pktcdvd::parse_add(say(&options).as_bytes()), Ok(options));
            }
            Err(error) => check_error(error),
        }
    }
}

/// The options as a command.
fn say(options: &pktcdvd::AddOptions) -> String {
    let mut text = format!("offset={} {}", options.offset, options.device);

    if let Some(size) = options.packet_size {
        text += &format!(" packet_size={size}");
    }
    if let Some(count) = options.packet_buffers {
        text += &format!(" packet_buffers={count}");
    }
    text
}

target! {
    /// What `remove` takes is one number.
    pktcdvd_remove, text => {
        match pktcdvd::parse_remove(text) {
            Ok(number) => {
                let again = number.to_string();
                assert_eq!(pktcdvd::parse_remove(again.as_bytes()), Ok(number));
            }
            Err(error) => check_error(error),
        }
    }
}

target! {
    /// What `packet_buffers` takes is within bounds.
    pktcdvd_packet_buffers, text => {
        match pktcdvd::parse_packet_buffers(text) {
            Ok(count) => assert!((2..=64).contains(&count)),
            Err(error) => check_error(error),
        }
    }
}

target! {
    /// What `add` takes is a disk that the kernel can have.
    ram_add, text => {
        match ram::parse_add(text, ram::MAX_BLOCK_SIZE) {
            Ok(options) => {
                let block = options.block_size;
                assert!(block.is_power_of_two() && (512..=65536).contains(&block));
                assert!(options.size > 0 && options.size % u64::from(block) == 0);
                assert!(i64::try_from(options.size).is_ok());
                if let Some(name) = options.name {
                    assert!((1..=31).contains(&name.len()) && !name.contains('/'));
                    assert_eq!(ram::parse_remove(name.as_bytes()), Ok(ram::RemoveTarget::Name(name)));
                }
                assert!(!options.prealloc || options.mem_limit == 0
                    || options.mem_limit >= options.size);
            }
            Err(error) => check_error(error),
        }
    }
}

target! {
    /// The attributes of a live disk keep the same bounds.
    ram_attributes, text => {
        match ram::parse_resize(text, 4096) {
            Ok((size, _)) => assert!(size > 0 && size % 4096 == 0 && i64::try_from(size).is_ok()),
            Err(error) => check_error(error),
        }
        match ram::parse_mem_limit(text) {
            Ok(limit) => assert_eq!(ram::parse_mem_limit(limit.to_string().as_bytes()), Ok(limit)),
            Err(error) => check_error(error),
        }
    }
}

target! {
    /// A disk is removed by its number or by its name.
    ram_remove, text => {
        match ram::parse_remove(text) {
            Ok(ram::RemoveTarget::Name(name)) => assert!(!name.is_empty() && !name.contains(':')),
            Ok(ram::RemoveTarget::Number(number)) => assert!(number.major < 4096),
            Err(error) => check_error(error),
        }
    }
}
