// SPDX-License-Identifier: GPL-2.0

//! Replies: read as they are built, and never beyond what came.

use super::drive;
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::mmc::{
    capacity::ReadCapacity,
    configuration::{Configuration, FeatureList},
    disc::{DiscInfo, Formatted, Recorded},
    events::{Event, MediaStatus},
    formats::{Current, FormatCapacities},
    mode,
    profile::Profile,
    reply::{Reply, ReplyError},
    track::TrackInfo,
};

#[test]
fn disc_of_the_template() {
    let read = DiscInfo::parse(&drive::drive(0x0a, 4096).disc).unwrap();

    assert_eq!(
        (read.disc, read.session),
        (Recorded::Complete, Recorded::Complete)
    );
    assert!(read.erasable);
    assert_eq!((read.first_track, read.last_track), (1, 1));
    assert_eq!((read.formatted, read.disc_type), (Formatted::No, 0x20));
    assert_eq!(read.id, None);
}

#[test]
fn a_disc_has_a_number_only_if_it_says_so() {
    let mut bytes = drive::drive(0x0a, 4096).disc;
    bytes[12..16].copy_from_slice(&[1, 2, 3, 4]);

    assert_eq!(DiscInfo::parse(&bytes).unwrap().id, None);
    bytes[7] |= 0x80;
    assert_eq!(DiscInfo::parse(&bytes).unwrap().id, Some(0x0102_0304));
    // That it says so is worth nothing if the number did not come.
    assert_eq!(DiscInfo::parse(&bytes[..15]).unwrap().id, None);
    bytes[1] = 12;
    assert_eq!(DiscInfo::parse(&bytes).unwrap().id, None);
}

#[test]
fn short_disc_information() {
    let bytes = drive::drive(0x0a, 4096).disc;
    let read = DiscInfo::parse(&bytes[..9]).unwrap();

    assert_eq!(read.last_track, 1);
    for len in 0..9 {
        let short = ReplyError::Short {
            needed: 9,
            got: len,
        };
        assert_eq!(DiscInfo::parse(&bytes[..len]), Err(short));
    }
    // All of a buffer may be there, but that is not the reply.
    let mut claims = bytes.clone();
    claims[..2].copy_from_slice(&6u16.to_be_bytes());
    assert_eq!(
        DiscInfo::parse(&claims),
        Err(ReplyError::Short { needed: 9, got: 8 })
    );
    assert!(DiscInfo::parse(&[0; 34]).is_err());
}

#[test]
fn short_track_information() {
    let bytes = drive::track([5, 0x32, 2], 16, 32, 4096, 4111);
    let whole = TrackInfo::parse(&bytes).unwrap();
    assert_eq!(whole.last_recorded, Some(4111));
    assert_eq!((whole.track_mode, whole.data_mode), (5, 2));
    assert_eq!((whole.start, whole.size, whole.end()), (16, 4096, 4112));

    // As much as cdrwtool asks for.
    let short = TrackInfo::parse(&bytes[..28]).unwrap();
    let expected = TrackInfo {
        last_recorded: None,
        ..whole
    };
    assert_eq!(short, expected);
    assert!(TrackInfo::parse(&bytes[..27]).is_err());
    assert!(TrackInfo::parse(&[0; 36]).is_err());
}

#[test]
fn the_end_of_a_track_does_not_wrap() {
    let track = drive::track([5, 0x32, 0], u32::MAX, 32, u32::MAX, 0);

    assert_eq!(
        TrackInfo::parse(&track).unwrap().end(),
        2 * u64::from(u32::MAX)
    );
}

#[test]
fn a_capacity_that_makes_no_sense_is_none() {
    let blocks = |last, block_size| ReadCapacity { last, block_size }.blocks();

    assert_eq!(blocks(4095, 2048), Some(4096));
    assert_eq!(blocks(u32::MAX - 1, 2048), Some(u32::MAX.into()));
    for (last, size) in [
        (0, 2048),
        (u32::MAX, 2048),
        (4095, 512),
        (4095, 0),
        (4095, 2352),
    ] {
        assert_eq!(blocks(last, size), None);
    }
    assert!(ReadCapacity::parse(&[0; 7]).is_err());
}

#[test]
fn features_of_the_medium() {
    let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 0x0a];
    // A removable medium; random writing in 16 blocks; Mount Rainier.
    bytes.extend([0x00, 0x03, 0x03, 4, 0x29, 0, 0, 0]);
    bytes.extend([
        0x00, 0x20, 0x05, 12, 0, 0, 0x0f, 0xff, 0, 0, 8, 0, 0, 16, 1, 0,
    ]);
    bytes.extend([0x00, 0x28, 0x01, 4, 1, 0, 0, 0]);
    bytes[3] = bytes.len() as u8 - 4;
    let expected = Configuration {
        profile: Profile(0x0a),
        mrw: true,
        random_writable: Some(true),
        blocking: Some(16),
    };
    assert_eq!(Configuration::parse(&bytes), Ok(expected));

    // A drive may just read such media; DVD+MRW has a bit of its own.
    for (bits, mrw) in [(0x00, false), (0x02, false), (0x04, true), (0x05, true)] {
        bytes[8 + 8 + 16 + 4] = bits;
        assert_eq!(Configuration::parse(&bytes).unwrap().mrw, mrw);
    }

    // Features that are not current are about other media.
    bytes[8 + 8 + 2] = 0x04;
    bytes[8 + 8 + 16 + 2] = 0x00;
    let bare = Configuration {
        mrw: false,
        random_writable: Some(false),
        blocking: None,
        ..expected
    };
    assert_eq!(Configuration::parse(&bytes), Ok(bare));
    let nothing = Configuration {
        random_writable: None,
        ..bare
    };
    assert_eq!(Configuration::parse(&bytes[..8]), Ok(nothing));
    assert!(Configuration::parse(&bytes[..7]).is_err());
    assert!(Configuration::parse(&[0; 512]).is_err());
    // A length of any size is no more than what came.
    bytes[..4].copy_from_slice(&[0xff; 4]);
    assert_eq!(Configuration::parse(&bytes), Ok(bare));
}

#[test]
fn events_of_the_medium() {
    for (byte, event) in [
        (0, Event::None),
        (1, Event::EjectRequest),
        (2, Event::New),
        (3, Event::Removed),
        (4, Event::Changed),
        (5, Event::Formatting),
        (6, Event::Formatting),
        (7, Event::Other(7)),
    ] {
        let read = MediaStatus::parse(&[0, 6, 4, 0x10, 0xf0 | byte, 2, 0, 0]).unwrap();
        assert_eq!(
            (read.event, read.door_open, read.present),
            (event, false, true)
        );
    }
    let open = MediaStatus::parse(&[0, 6, 4, 0x10, 3, 1, 0, 0]).unwrap();
    assert!(open.door_open && !open.present);

    // No event of that class; another class; nothing.
    assert_eq!(
        MediaStatus::parse(&[0, 2, 0x80, 0x10]),
        Err(ReplyError::Other)
    );
    assert_eq!(
        MediaStatus::parse(&[0, 6, 1, 0x12, 2, 2, 0, 0]),
        Err(ReplyError::Other)
    );
    assert!(MediaStatus::parse(&[0, 2, 4, 0x10, 2, 2, 0, 0]).is_err());
    assert!(MediaStatus::parse(&[0; 8]).is_err());
}

#[test]
fn the_write_cache_of_the_caching_page() {
    let mut bytes = vec![0, 18, 0, 0, 0, 0, 0, 0, 0x88, 10, 4];
    bytes.resize(20, 0);

    assert_eq!(mode::write_cache(&bytes), Ok(true));
    bytes[10] = 0xfb;
    assert_eq!(mode::write_cache(&bytes), Ok(false));
    bytes[8] = 0x05;
    assert_eq!(mode::write_cache(&bytes), Err(ReplyError::Other));
}

prop_compose! {
    fn any_track()(
        number: u16,
        modes in (0..16u8, 0..16u8),
        bits: [bool; 4],
        words: [u32; 4],
        next in any::<Option<u32>>(),
        last in any::<Option<u32>>(),
    ) -> TrackInfo {
        TrackInfo {
            number,
            track_mode: modes.0,
            reserved: bits[0],
            blank: bits[1],
            packet: bits[2],
            fixed: bits[3],
            data_mode: modes.1,
            start: words[0],
            next_writable: next,
            free: words[1],
            packet_blocks: words[2],
            size: words[3],
            last_recorded: last,
        }
    }
}

/// Builds the reply that a track has.
fn build_track(track: &TrackInfo) -> Vec<u8> {
    let [high, low] = track.number.to_be_bytes();
    let bit = |set: bool, bit: u32| u8::from(set) << bit;
    let flags = bit(track.reserved, 7)
        | bit(track.blank, 6)
        | bit(track.packet, 5)
        | bit(track.fixed, 4)
        | track.data_mode;
    let valid = bit(track.next_writable.is_some(), 0) | bit(track.last_recorded.is_some(), 1);
    let mut bytes = vec![0, 34, low, 1, 0, track.track_mode, flags, valid];

    for word in [
        track.start,
        track.next_writable.unwrap_or(0xdead_beef),
        track.free,
        track.packet_blocks,
        track.size,
        track.last_recorded.unwrap_or(0xdead_beef),
    ] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend([high, 0, 0, 0]);
    bytes
}

proptest! {
    #[test]
    fn a_track_is_read_as_it_was_built(track in any_track()) {
        prop_assert_eq!(TrackInfo::parse(&build_track(&track)), Ok(track));
    }

    #[test]
    fn a_track_that_is_cut_off_loses_only_what_is_missing(
        track in any_track(),
        len in 0..36usize,
    ) {
        let bytes = build_track(&track);
        match TrackInfo::parse(&bytes[..len]) {
            Ok(read) => {
                prop_assert!(len >= 28);
                prop_assert_eq!((read.start, read.size), (track.start, track.size));
                prop_assert!(len >= 32 || read.last_recorded.is_none());
            }
            Err(error) => prop_assert_eq!(error, ReplyError::Short { needed: 28, got: len }),
        }
    }

    #[test]
    fn a_disc_is_read_as_it_was_built(
        states: u8, first: u8, last: u16, formatted in 0..4u8, disc_type: u8,
        id in any::<Option<u32>>(),
    ) {
        let [high, low] = last.to_be_bytes();
        let mut bytes = vec![0, 32, states, first, 1, 1, low, formatted, disc_type, 0, 0, high];
        bytes.extend(id.unwrap_or(0xdead_beef).to_be_bytes());
        bytes.resize(34, 0);
        bytes[7] |= u8::from(id.is_some()) << 7;
        let read = DiscInfo::parse(&bytes).unwrap();

        prop_assert_eq!((read.first_track, read.last_track), (first, last));
        prop_assert_eq!((read.disc_type, read.id), (disc_type, id));
        prop_assert_eq!(read.erasable, states & 0x10 != 0);
        let recorded = |number: u8, other: Recorded| match number & 3 {
            0 => Recorded::Empty,
            1 => Recorded::Incomplete,
            2 if other == Recorded::Other => Recorded::Other,
            2 => Recorded::Complete,
            _ if other == Recorded::Other => Recorded::Complete,
            _ => Recorded::Other,
        };
        prop_assert_eq!(read.disc, recorded(states, Recorded::Complete));
        prop_assert_eq!(read.session, recorded(states >> 2, Recorded::Other));
    }

    #[test]
    fn any_bytes_are_read_within_their_bounds(bytes in prop::collection::vec(any::<u8>(), 0..520)) {
        let _ = DiscInfo::parse(&bytes);
        let _ = TrackInfo::parse(&bytes).map(|track| track.end());
        let _ = ReadCapacity::parse(&bytes).map(|capacity| capacity.blocks());
        let _ = MediaStatus::parse(&bytes);
        let _ = mode::write_cache(&bytes);
        if let Ok(found) = Configuration::parse(&bytes) {
            prop_assert_eq!(found.profile.0.to_be_bytes(), [bytes[6], bytes[7]]);
        }
        let taken = FeatureList(Reply::new(&bytes)).map(|feature| 4 + feature.data.len()).sum();
        prop_assert!(bytes.len() >= taken);
    }

    #[test]
    fn a_reply_has_what_came_and_no_more(
        bytes in prop::collection::vec(any::<u8>(), 0..20),
        at in prop_oneof![0..24usize, any::<usize>()],
    ) {
        let reply = Reply::new(&bytes);
        let upto = |len: usize| at.checked_add(len).and_then(|end| bytes.get(at..end));

        prop_assert_eq!(reply.u8(at), upto(1).map(|b| b[0]));
        prop_assert_eq!(reply.u16(at), upto(2).map(|b| u16::from_be_bytes(b.try_into().unwrap())));
        prop_assert_eq!(reply.u32(at), upto(4).map(|b| u32::from_be_bytes(b.try_into().unwrap())));
        prop_assert_eq!(reply.up_to(at).bytes(), &bytes[..at.min(bytes.len())]);
        prop_assert_eq!(reply.from(at).bytes(), &bytes[at.min(bytes.len())..]);
        prop_assert_eq!(reply.require(at).is_ok(), bytes.len() >= at);
        prop_assert!(reply.self_sized().len() <= bytes.len());
    }
}

#[test]
fn capacities_of_formats() {
    let list = |bytes: &[u8]| {
        let mut reply = vec![0, 0, 0, bytes.len() as u8];
        reply.extend(bytes);
        FormatCapacities::parse(&reply)
    };
    let formatted = [0, 0, 0x10, 0, 2, 0, 8, 0];
    let mrw = [0, 0, 0x20, 0, 0x24 << 2, 0, 0, 0];
    let plus = [0, 0, 0x30, 0, 0x26 << 2, 0, 0, 0];
    let found = list(&[formatted, mrw, plus].concat()).unwrap();

    assert_eq!(found.formatted(), Some(0x1000));
    assert_eq!(found.whole(0x24), Some(0x2000));
    assert_eq!(found.whole(0x26), Some(0x3000));
    assert_eq!(found.whole(0x00), None);
    for (state, current) in [(1, Current::Unformatted), (3, Current::Unknown)] {
        let mut bytes = formatted;
        bytes[4] = state;
        let found = list(&bytes).unwrap();
        assert_eq!((found.current, found.formatted()), (current, None));
    }
    // Sizes that make no sense; half a descriptor; one behind the end that the drive tells.
    for size in [[0; 4], [0xff; 4]] {
        let mut bytes = plus;
        bytes[..4].copy_from_slice(&size);
        assert_eq!(list(&[formatted, bytes].concat()).unwrap().plus_rw, None);
    }
    let half = [&formatted[..], &plus[..7]].concat();
    assert_eq!(list(&half).unwrap().plus_rw, None);
    let mut behind = vec![0, 0, 0, 8];
    behind.extend([formatted, plus].concat());
    assert_eq!(FormatCapacities::parse(&behind).unwrap().plus_rw, None);
    for bad in [&[][..], &[0, 0, 0, 8, 0, 0, 0, 0, 2, 0, 8]] {
        assert!(FormatCapacities::parse(bad).is_err());
    }
    assert!(list(&[0, 0, 0x10, 0, 0, 0, 8, 0]).is_err());
    assert!(list(&[]).is_err());
}
