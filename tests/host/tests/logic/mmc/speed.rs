// SPDX-License-Identifier: GPL-2.0

//! Speeds: of the drive, of the medium, and the one that is set.

use super::drive::{atip, capabilities, drive, ATIP, PERFORMANCE, SENSE, SPEED};
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::mmc::{
    mode,
    probe::Access,
    profile::Kind,
    reply::ReplyError,
    speed::{atip_times, choose, drive_speed, listed_speed},
};

/// The reply to MODE SENSE with only this page.
fn reply(page: &[u8]) -> Vec<u8> {
    let mut bytes = (page.len() as u16 + 6).to_be_bytes().to_vec();

    bytes.resize(8, 0);
    bytes.extend(page);
    bytes
}

#[test]
fn a_drive_tells_its_speed_in_three_ways() {
    let mut page = capabilities(4234);
    assert_eq!(drive_speed(&reply(&page)), Ok(Some(4234)));
    page[31] = 0;
    assert_eq!(drive_speed(&reply(&page)), Ok(Some(2)));
    page.truncate(22);
    page[1] = 20;
    assert_eq!(drive_speed(&reply(&page)), Ok(Some(1)));
    page[21] = 0;
    assert_eq!(drive_speed(&reply(&page)), Ok(None));
    page.truncate(21);
    page[1] = 19;
    let short = ReplyError::Short {
        needed: 22,
        got: 21,
    };
    assert_eq!(drive_speed(&reply(&page)), Err(short));
}

#[test]
fn atip_of_each_type_of_disc() {
    let known: [(u8, &[(u8, u32)]); 3] = [
        (0, &[(1, 2), (2, 4), (3, 6), (4, 8)]),
        (1, &[(1, 2), (2, 4), (3, 6), (4, 10)]),
        (
            2,
            &[
                (1, 2),
                (2, 4),
                (3, 8),
                (6, 16),
                (8, 24),
                (9, 32),
                (10, 40),
                (11, 48),
            ],
        ),
    ];
    for kind in 0..8u8 {
        for code in 0..16u8 {
            let table = known.iter().find(|(number, _)| *number == kind);
            let entry = table.and_then(|(_, list)| list.iter().find(|(own, _)| *own == code));
            let times = entry.map(|(_, times)| *times);

            assert_eq!(atip_times(&atip(0x44 | kind << 3, code)), Ok(times));
            assert_eq!(atip_times(&atip(0x40 | kind << 3, code)), Ok(None));
            assert_eq!(atip_times(&atip(kind << 3, code)), Err(ReplyError::Other));
        }
    }
    let mut short = atip(0x44, 4);
    short[1] = 14;
    assert!(matches!(atip_times(&short), Err(ReplyError::Short { .. })));
}

#[test]
fn g27_the_speed_is_that_of_the_medium() {
    // The C driver wrote DVDs as fast as the drive could, and some drives failed.
    assert_eq!(choose(Kind::DvdPlusRw, Some(3324), Some(22160)), 3324);
    assert_eq!(choose(Kind::BdRe, Some(8992), None), 8992);
    assert_eq!(choose(Kind::DvdRw, None, Some(2770)), 2770);
    assert_eq!(choose(Kind::DvdRam, None, None), 2832);
    assert_eq!(choose(Kind::BdRe, Some(71_936), None), u16::MAX);
    assert_eq!(choose(Kind::CdRw, Some(4 * 177), Some(4234)), 708);
    assert_eq!(choose(Kind::CdRw, Some(24 * 177), Some(706)), 706);
    assert_eq!(choose(Kind::CdRw, None, Some(4234)), 16 * 177);
    assert_eq!(choose(Kind::CdRw, None, None), 16 * 177);
}

#[test]
fn g27_the_probe_sets_it() {
    for (profile, wanted) in [(0x0a, 8 * 177), (0x1a, 5540), (0x13, 5540), (0x43, 5540)] {
        let mut drive = drive(profile, 4096);
        let writing = drive.write().unwrap();
        let sent = *drive.log.last().unwrap();
        let [h, l] = u16::to_be_bytes(wanted);

        assert_eq!(writing.speed, wanted, "{profile:#x}");
        // Reading is not slowed down.
        assert_eq!(sent.bytes(), [SPEED, 0, 0xff, 0xff, h, l, 0, 0, 0, 0, 0, 0]);
    }
}

#[test]
fn g27_the_speed_can_be_left_alone() {
    let mut drive = drive(0x0a, 4096);
    let writing = drive
        .probe(Access::WriteSameSpeed)
        .unwrap()
        .writing
        .unwrap();

    assert_eq!(writing.speed, 0);
    assert!(![ATIP, SPEED]
        .iter()
        .any(|opcode| drive.opcodes().contains(opcode)));
    assert_eq!(drive.page(mode::WRITE_PARAMETERS)[13], 32);
}

#[test]
fn g27_a_drive_without_speeds_still_writes() {
    for profile in [0x0a, 0x12, 0x13, 0x1a, 0x43] {
        let mut drive = drive(profile, 4096)
            .fail(ATIP, 5, 0x24, 0)
            .fail(PERFORMANCE, 5, 0x20, 0)
            .fail(SPEED, 5, 0x20, 0);
        drive
            .pages
            .retain(|page| page[0] & 0x3f != mode::CAPABILITIES);

        assert_eq!(drive.write().unwrap().speed, 0, "{profile:#x}");
        assert!(drive.opcodes().contains(&SENSE) && drive.opcodes().contains(&SPEED));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_within_their_bounds(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(Some(times)) = atip_times(&bytes) {
            prop_assert!((2..=48).contains(&times));
        }
        if let Ok(speed) = drive_speed(&bytes) {
            prop_assert_ne!(speed, Some(0));
        }
        if let Ok(Some(speed)) = listed_speed(&bytes) {
            prop_assert!(bytes[8..].windows(4).any(|word| word == speed.to_be_bytes()));
        }
    }

    #[test]
    fn the_fastest_of_the_list(
        speeds in prop::collection::vec(0..100_000u32, 0..16),
        cut in 0..300usize,
    ) {
        let mut bytes = (4 + 16 * speeds.len() as u32).to_be_bytes().to_vec();
        bytes.resize(8, 0);
        for speed in &speeds {
            bytes.resize(bytes.len() + 12, 0x11);
            bytes.extend(speed.to_be_bytes());
        }
        // Only whole entries that came count, and none behind the end that was told.
        bytes.truncate(cut.max(8));
        let whole = (bytes.len() - 8) / 16;
        if whole == speeds.len() {
            bytes.extend([0xff; 40]);
        }
        let fastest = speeds[..whole].iter().copied().filter(|&speed| speed > 0).max();

        prop_assert_eq!(listed_speed(&bytes), Ok(fastest));
    }

    #[test]
    fn a_cd_is_never_written_faster_than_it_may(medium in 1..10_000u32, drive in 1..u16::MAX) {
        let speed = u32::from(choose(Kind::CdRw, Some(medium), Some(drive)));

        prop_assert!(speed <= medium && speed <= u32::from(drive) && speed > 0);
    }
}
