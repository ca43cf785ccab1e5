// SPDX-License-Identifier: GPL-2.0

//! Messages, flags, minor numbers and sizes of network block devices.

use proptest::prelude::*;
use rblk_host_tests::nbd::logic::{
    flags::ServerFlags,
    io::fifo::Fifo,
    minors::Minors,
    size::{preferred_io, request_limit, Size},
    wire::{
        verdict, Cookie, NbdError, ReplyHeader, RequestHeader, RequestType, Verdict, REPLY_MAGIC,
    },
};
use std::collections::VecDeque;

#[test]
fn a_request_is_as_the_protocol_says() {
    let header = RequestHeader {
        flags: 1,
        kind: RequestType::Write,
        cookie: 0x0102_0304_0506_0708,
        offset: 0x1112_1314_1516_1718,
        length: 0x2122_2324,
    };
    assert_eq!(
        header.encode(),
        [
            0x25, 0x60, 0x95, 0x13, 0, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14,
            0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0x23, 0x24,
        ]
    );
    let mut farewell = [0; 28];
    farewell[..8].copy_from_slice(&[0x25, 0x60, 0x95, 0x13, 0, 0, 0, 2]);
    assert_eq!(RequestHeader::DISCONNECT.encode(), farewell);
}

#[test]
fn errors_end_requests_as_the_table_says() {
    use RequestType::{Flush, Read, Trim, Write, WriteZeroes};
    let verdict_of = |kind, raw| NbdError::decode(raw).map(|error| verdict(kind, error));

    for kind in [Read, Write, Flush, Trim, WriteZeroes] {
        assert_eq!(verdict_of(kind, 0), None);
        assert_eq!(verdict_of(kind, 1), Some(Verdict::IoError));
        assert_eq!(verdict_of(kind, 5), Some(Verdict::IoError));
        assert_eq!(verdict_of(kind, 12), Some(Verdict::IoError));
        assert_eq!(verdict_of(kind, 28), Some(Verdict::NoSpace));
        assert_eq!(verdict_of(kind, 108), Some(Verdict::GoElsewhere));
    }
    for raw in [22, 75, 95] {
        assert_eq!(verdict_of(Trim, raw), Some(Verdict::Unsupported));
        assert_eq!(verdict_of(WriteZeroes, raw), Some(Verdict::Unsupported));
        assert_eq!(verdict_of(Write, raw), Some(Verdict::IoError));
        assert_eq!(verdict_of(Read, raw), Some(Verdict::IoError));
    }
}

#[test]
fn fua_needs_a_cache_that_can_be_flushed() {
    assert!(!ServerFlags::from_raw(1 << 3).can_fua());
    assert!(ServerFlags::from_raw(1 << 3 | 1 << 2).can_fua());
}

#[test]
fn minors_are_as_the_other_driver_deals_them() {
    for (max_part, per_disk) in [(0, 1), (1, 2), (15, 16), (16, 32), (31, 32), (255, 256)] {
        let minors = Minors::for_partitions(max_part).unwrap();
        assert_eq!(minors.per_disk(), per_disk);
        assert_eq!(minors.max_part(), per_disk - 1);
        assert_eq!(minors.max_disks() * per_disk, 1 << 20);
        assert_eq!(minors.first_of(3), Some(3 * per_disk));
        assert_eq!(minors.first_of(minors.max_disks()), None);
    }
    assert_eq!(Minors::for_partitions(-1), None);
    assert_eq!(Minors::for_partitions(256), None);
    assert_eq!(Minors::for_partitions(i32::MAX), None);
}

#[test]
fn requests_are_pages_up_to_what_the_protocol_allows() {
    assert_eq!(request_limit(0, 4096), Some(4096));
    assert_eq!(request_limit(8192, 4096), Some(8192));
    assert_eq!(request_limit(32 << 20, 4096), Some(32 << 20));
    for wrong in [1, 512, 4097, (32 << 20) + 4096, u32::MAX] {
        assert_eq!(request_limit(wrong, 4096), None);
    }
    assert_eq!(request_limit(4096, 0), None);
    // As the kernel's own driver says, unless a request is too small for it.
    let preferred = [4096, 65536, 128 << 10, 1 << 20].map(preferred_io);
    assert_eq!(preferred, [0, 0, 128 << 10, 128 << 10]);
    let blocks_of = |bytes, block| Size::new(0, block, 65536).unwrap().whole_blocks(bytes);
    assert_eq!(blocks_of(12288, 8192), 8192);
    assert_eq!(blocks_of(12288, 4096), 12288);
    assert_eq!(blocks_of(1 << 20, 512), 1 << 20);
}

proptest! {
    #[test]
    fn a_cookie_comes_back(tag: u16, link: u16, sequence: u32) {
        let cookie = Cookie { tag, link, sequence };
        prop_assert_eq!(Cookie::decode(cookie.encode()), cookie);
    }

    #[test]
    fn a_reply_has_the_right_magic_or_is_none(bytes: [u8; 16]) {
        let magic = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        match ReplyHeader::decode(&bytes) {
            Ok(reply) => {
                prop_assert_eq!(magic, REPLY_MAGIC);
                prop_assert_eq!(&reply.error.to_be_bytes()[..], &bytes[4..8]);
            }
            Err(wrong) => prop_assert_eq!(wrong, magic),
        }
    }

    #[test]
    fn a_good_reply_is_read(error: u32, cookie: u64) {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&REPLY_MAGIC.to_be_bytes());
        bytes[4..8].copy_from_slice(&error.to_be_bytes());
        bytes[8..].copy_from_slice(&cookie.to_be_bytes());
        prop_assert_eq!(ReplyHeader::decode(&bytes), Ok(ReplyHeader { error, cookie }));
    }

    #[test]
    fn sizes_are_checked(bytes: u64, shift in 0u32..20, off in 0u64..2, max_shift in 9u32..17) {
        let block = (1u64 << shift) + off;
        let valid = block.is_power_of_two()
            && (512..=1u64 << max_shift).contains(&block)
            && bytes <= i64::MAX as u64;
        let size = Size::new(bytes, block, 1 << max_shift);
        prop_assert_eq!(size.is_some(), valid);
        if let Some(size) = size {
            prop_assert!(size.sectors() * 512 <= bytes);
            prop_assert!(bytes - size.sectors() * 512 < block);
            prop_assert_eq!(size.sectors() * 512 % block, 0);
        }
    }

    #[test]
    fn tags_come_out_as_they_went_in(ops in prop::collection::vec(any::<Option<u16>>(), 0..200)) {
        let mut fifo = Fifo::new(vec![0u16; 7]);
        let mut model = VecDeque::new();
        for op in ops {
            match op {
                Some(tag) => {
                    let room = model.len() < 7;
                    prop_assert_eq!(fifo.push(tag), room);
                    if room {
                        model.push_back(tag);
                    }
                }
                None => prop_assert_eq!(fifo.pop(), model.pop_front()),
            }
            prop_assert_eq!(fifo.is_empty(), model.is_empty());
        }
    }
}
