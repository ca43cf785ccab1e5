// SPDX-License-Identifier: GPL-2.0

//! Netlink attributes, as the kernel's `nla_for_each_attr()` finds them.

use proptest::prelude::*;
use rblk_host_tests::net_attr::{RawAttr, RawAttrs};

/// An attribute as a program writes it.
fn attr(kind: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(4 + payload.len()).unwrap();
    let mut bytes = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn parse(bytes: &[u8]) -> Vec<(u16, &[u8])> {
    RawAttrs(bytes).map(|a| (a.kind, a.payload)).collect()
}

fn one(payload: &[u8]) -> RawAttr<'_> {
    RawAttr { kind: 1, payload }
}

#[test]
fn sockets_as_nbd_client_lists_them() {
    const NLA_F_NESTED: u16 = 1 << 15;
    for flag in [0, NLA_F_NESTED] {
        let item = |fd: u32| attr(1 | flag, &attr(1, &fd.to_ne_bytes()));
        let list = attr(7 | flag, &[item(3), item(4)].concat());

        let sockets = RawAttrs(&list).next().unwrap();
        assert_eq!(sockets.kind, 7);
        let fds: Vec<_> = sockets
            .nested()
            .map(|item| u32::from_ne_bytes(item.nested().next().unwrap().first().unwrap()))
            .collect();
        assert_eq!(fds, [3, 4]);
    }
}

#[test]
fn an_attribute_that_is_none_ends_the_list() {
    let good = attr(2, b"abcd");
    for bad in [
        &[][..],
        &[8],
        &[8, 0, 1],
        // Shorter than its header, and longer than what is left.
        &[0, 0, 1, 0, 9, 9, 9, 9],
        &[3, 0, 1, 0, 9, 9, 9, 9],
        &[9, 0, 1, 0, 9, 9, 9, 9],
        &[0xff, 0xff, 1, 0, 9, 9, 9, 9],
    ] {
        let bad: Vec<u8> = match bad {
            // In the order of this machine.
            [l0, l1, rest @ ..] => {
                let len = u16::from_le_bytes([*l0, *l1]).to_ne_bytes();
                [&len, rest].concat()
            }
            few => few.to_vec(),
        };
        let list = [good.clone(), bad, good.clone()];
        assert_eq!(parse(&list[..2].concat()), [(2, &b"abcd"[..])]);
    }
}

#[test]
fn padding_may_be_missing_at_the_end() {
    let mut list = [attr(1, b"a"), attr(2, b"bcd12")].concat();
    list.truncate(list.len() - 3);
    assert_eq!(parse(&list), [(1, &b"a"[..]), (2, b"bcd12")]);
}

#[test]
fn numbers_need_all_of_their_bytes() {
    assert_eq!(one(&[1, 2, 3]).first::<4>(), None);
    assert_eq!(one(&[1, 2, 3, 4]).first::<4>(), Some([1, 2, 3, 4]));
    assert_eq!(one(&[1, 2, 3, 4, 5]).first::<4>(), Some([1, 2, 3, 4]));
    assert_eq!(one(&[0; 7]).first::<8>(), None);
}

#[test]
fn strings_end_at_the_first_nul() {
    for (payload, string) in [
        (&b""[..], &b""[..]),
        (b"\0", b""),
        (b"export", b"export"),
        (b"export\0", b"export"),
        (b"ex\0port\0", b"ex"),
    ] {
        assert_eq!(one(payload).string(), string);
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        attrs: Vec<(u16, Vec<u8>)>,
    ) {
        let list: Vec<u8> = attrs.iter().flat_map(|(kind, p)| attr(*kind, p)).collect();
        let expected: Vec<_> = attrs.iter().map(|(kind, p)| (kind & 0x3fff, &p[..])).collect();
        prop_assert_eq!(parse(&list), expected);
    }
}
