// SPDX-License-Identifier: GPL-2.0

//! Editing the write-parameter page.

use super::drive::{write_page, SELECT, SENSE};
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::mmc::{
    mode::{self, page_range},
    reply::ReplyError,
    write_page::WriteParameters,
};

const CD: WriteParameters = WriteParameters {
    fixed: true,
    track_mode: 5,
    data_mode: 2,
    packet_blocks: 32,
};

/// The reply to MODE SENSE with block descriptors of a length in front of a page.
fn reply(descriptors: usize, page: &[u8]) -> Vec<u8> {
    let len = (6 + descriptors + page.len()) as u16;
    let mut bytes = len.to_be_bytes().to_vec();

    bytes.extend([0x70, 0, 0, 0]);
    bytes.extend((descriptors as u16).to_be_bytes());
    bytes.resize(8 + descriptors, 0xee);
    bytes.extend(page);
    bytes
}

#[test]
fn fields_of_a_cd_and_of_a_dvd() {
    let mut cd = reply(0, &write_page());
    assert_eq!(CD.edit(&mut cd), Ok(Some(60)));
    let page = &cd[8..];
    assert_eq!(page[..9], [0x05, 0x32, 0x40, 0x25, 0x0a, 0x10, 0, 0, 0x20]);
    assert_eq!(page[10..16], [0, 0, 0, 32, 0, 150]);
    assert_eq!(page[50], 0x08);
    assert_eq!(cd[..8], [0, 0, 0x70, 0, 0, 0, 0, 0]);

    let dvd = WriteParameters {
        track_mode: 4,
        data_mode: 1,
        packet_blocks: 16,
        ..CD
    };
    let mut bytes = reply(8, &write_page());
    assert_eq!(dvd.edit(&mut bytes), Ok(Some(68)));
    let page = &bytes[16..];
    assert_eq!(page[..9], [0x05, 0x32, 0x40, 0x24, 0x08, 0x10, 0, 0, 0]);
    assert_eq!(page[10..14], [0, 0, 0, 16]);
    assert_eq!(page[50], 0x20);
    assert_eq!(bytes[8..16], [0xee; 8]);
}

#[test]
fn what_is_set_already_is_not_sent_again() {
    let mut page = write_page();
    let mut bytes = reply(0, &page);

    CD.edit(&mut bytes).unwrap();
    page.copy_from_slice(&bytes[8..]);
    page[0] |= 0x80;
    assert_eq!(CD.edit(&mut reply(0, &page)), Ok(None));
    page[13] = 16;
    assert_eq!(CD.edit(&mut reply(0, &page)), Ok(Some(60)));
}

#[test]
fn a_test_write_is_switched_off() {
    // Otherwise a drive would say that it has written, and not do it.
    let mut page = write_page();
    page[2] |= 0x10;
    let mut bytes = reply(0, &page);

    CD.edit(&mut bytes).unwrap();
    assert_eq!(bytes[8 + 2], 0x40);
}

#[test]
fn a_short_page_has_no_sub_header() {
    let mut page = write_page();
    page.truncate(14);
    page[1] = 12;
    let mut bytes = reply(0, &page);

    assert_eq!(CD.edit(&mut bytes), Ok(Some(22)));
    assert_eq!(bytes[8 + 13], 32);

    page.truncate(13);
    page[1] = 11;
    let mut bytes = reply(0, &page);
    let before = bytes.clone();
    let short = Err(ReplyError::Short {
        needed: 14,
        got: 13,
    });
    assert_eq!(CD.edit(&mut bytes), short);
    assert_eq!(bytes, before);
}

#[test]
fn g20_a_descriptor_length_beyond_the_reply_is_refused() {
    // The C driver wrote behind its buffer on the stack.
    for descriptors in [1u16, 8, 52, 250, 0x00ff, 0x0100, 0x7fff, 0xfff8, 0xffff] {
        for said in [58u16, 0, 1, 0xffff] {
            let mut bytes = reply(0, &write_page());
            bytes.resize(256, 0);
            bytes[..2].copy_from_slice(&said.to_be_bytes());
            bytes[6..8].copy_from_slice(&descriptors.to_be_bytes());
            let before = bytes.clone();

            assert!(CD.edit(&mut bytes).is_err(), "{descriptors} {said}");
            assert_eq!(bytes, before);
        }
    }
}

#[test]
fn g20_a_page_length_beyond_the_reply_is_refused() {
    let mut page = write_page();
    page[1] = 0xff;
    let mut bytes = reply(0, &page);

    assert!(matches!(
        CD.edit(&mut bytes),
        Err(ReplyError::Short { needed: 265, .. })
    ));
    assert_eq!(
        mode::page(&reply(0, &[0x0e; 20]), 5),
        Err(ReplyError::Other)
    );
    // A sub-page has another header.
    page[..2].copy_from_slice(&[0x45, 0x32]);
    assert_eq!(mode::page(&reply(0, &page), 5), Err(ReplyError::Other));
}

#[test]
fn g20_the_probe_lives_through_such_a_drive() {
    let mut drive = super::drive::drive(0x0a, 4096);
    let mut bytes = reply(0, &write_page());
    bytes[6..8].copy_from_slice(&[0xff, 0xff]);
    drive = drive.script(SENSE, usize::MAX, Ok(bytes));

    let refused = drive.write().unwrap_err();
    assert!(refused.to_string().starts_with("MODE SENSE: "));
    assert!(!drive.opcodes().contains(&SELECT));
}

prop_compose! {
    fn any_parameters()(
        fixed: bool,
        track_mode in 0..16u8,
        data_mode in 1..=2u8,
        packet_blocks in 1..=128u32,
    ) -> WriteParameters {
        WriteParameters { fixed, track_mode, data_mode, packet_blocks }
    }
}

proptest! {
    #[test]
    fn only_what_is_about_packets_changes(
        parameters in any_parameters(),
        descriptors in 0..20usize,
        fill in prop::collection::vec(any::<u8>(), 14..80),
        behind in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut page = fill;
        (page[0], page[1]) = (page[0] & 0x80 | 5, page.len() as u8 - 2);
        let mut bytes = reply(descriptors, &page);
        bytes.extend(&behind);
        let before = bytes.clone();
        let sent = parameters.edit(&mut bytes).unwrap();
        let start = 8 + descriptors;
        let page = start..start + page.len();

        for (at, (new, old)) in bytes.iter().zip(&before).enumerate() {
            let allowed = match at {
                0 | 1 => 0xff,
                _ if !page.contains(&at) => 0,
                _ => match at - start {
                    0 => 0x80,
                    2 => 0x1f,
                    3 => 0xef,
                    4 => 0x0f,
                    8 | 10..=13 | 50 => 0xff,
                    _ => 0,
                },
            };
            prop_assert_eq!((new ^ old) & !allowed, 0, "byte {}", at);
        }
        prop_assert!(sent.is_none_or(|len| usize::from(len) == page.end));

        // What was sent is what is wanted.
        bytes[..2].copy_from_slice(&before[..2]);
        prop_assert_eq!(parameters.edit(&mut bytes), Ok(None));
    }

    #[test]
    fn any_bytes_are_searched_within_their_bounds(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        number in 0..0x40u8,
        parameters in any_parameters(),
    ) {
        if let Ok(range) = page_range(&bytes, number) {
            prop_assert!(range.start >= 8 && range.end <= bytes.len());
            prop_assert_eq!(bytes[range.start] & 0x7f, number);
            prop_assert_eq!(range.len(), usize::from(bytes[range.start + 1]) + 2);
        }
        let mut edited = bytes.clone();
        if parameters.edit(&mut edited).is_err() {
            prop_assert_eq!(edited, bytes);
        }
    }
}
