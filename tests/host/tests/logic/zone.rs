// SPDX-License-Identifier: GPL-2.0

//! Zones against a list of packets that a loop lays out.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    frames::{FrameRange, FRAME_SECTORS, FRAME_SIZE, PACKET_MAX_FRAMES, PACKET_MAX_SECTORS},
    zone::{Geometry, GeometryError, Zone},
};

/// Where each packet starts, by walking over the device.
fn packets(size: u32, start: u64, device: u64) -> Vec<u64> {
    let mut starts = vec![];
    let mut sector = start;

    while sector + u64::from(size) <= device {
        starts.push(sector);
        sector += u64::from(size);
    }
    starts
}

fn geometry(size: u32, start: u64, device: u64) -> Geometry {
    Geometry::new(size, start, device).unwrap()
}

fn sectors(zone: Option<Zone>) -> Option<u64> {
    zone.map(Zone::sector)
}

#[test]
fn impossible_geometries_are_refused() {
    let max = PACKET_MAX_SECTORS;

    for (size, start, device, error) in [
        (0, 0, 1 << 20, GeometryError::PacketEmpty),
        (1, 0, 1 << 20, GeometryError::PacketUnaligned),
        (126, 0, 1 << 20, GeometryError::PacketUnaligned),
        (max + 1, 0, 1 << 20, GeometryError::PacketUnaligned),
        (max + 4, 0, 1 << 20, GeometryError::PacketTooLarge),
        // Shifted by two in 32 bits, this many frames once looked like 128 sectors.
        (0x4000_0020, 0, 1 << 40, GeometryError::PacketTooLarge),
        (u32::MAX - 3, 0, u64::MAX, GeometryError::PacketTooLarge),
        (128, 1, 1 << 20, GeometryError::StartUnaligned),
        (128, 0, 0, GeometryError::DeviceTooSmall),
        (128, 0, 127, GeometryError::DeviceTooSmall),
        (128, 4, 131, GeometryError::DeviceTooSmall),
        (128, 1 << 20, 128, GeometryError::DeviceTooSmall),
        (128, u64::MAX - 3, u64::MAX, GeometryError::DeviceTooSmall),
    ] {
        assert_eq!(Geometry::new(size, start, device), Err(error));
        assert_eq!(error.to_string(), error.reason());
    }
}

#[test]
fn offset_tracks_have_no_negative_frames() {
    // Offset 8, size 128, sector 120: the old rounding gave zone 128, and frame -2.
    let track = geometry(128, 8, 4096);

    assert_eq!(sectors(track.zone_of(120)), Some(8));
    assert_eq!(track.span(120, 4), FrameRange::new(28, 1));
    assert_eq!(sectors(track.zone_of(7)), None);
    assert_eq!(track.chunk_sectors(), 8);
    assert_eq!(track.capacity_sectors(), 8 + 31 * 128);
}

#[test]
fn one_packet_is_enough_and_is_all_usable() {
    let device = geometry(128, 8, 136);

    assert_eq!((device.packets(), device.capacity_sectors()), (1, 136));
    assert_eq!(device.span(8, 128), FrameRange::new(0, 32));
    assert_eq!(device.span(132, 4), FrameRange::new(31, 1));
    assert_eq!(device.span(132, 8), None);
    assert_eq!(device.span(8, 0), None);
    assert_eq!(device.span(9, 4), None);
    assert_eq!(device.span(8, 3), None);
}

#[test]
fn chunks_of_known_tracks() {
    for (size, start, chunk) in [
        (128, 0, 128),
        (64, 0, 64),
        (128, 128, 128),
        (128, 64, 64),
        (128, 16 * 4, 64),
        (96, 0, 96),
        (96, 36, 12),
        (512, 4, 4),
    ] {
        assert_eq!(geometry(size, start, 1 << 20).chunk_sectors(), chunk);
    }
}

#[test]
fn the_largest_device_does_not_overflow() {
    let device = geometry(128, 0, u64::MAX);
    let last = device.zone_at(device.packets() - 1).unwrap();

    assert_eq!(device.capacity_sectors(), u64::MAX - 127);
    assert_eq!(last.sector(), u64::MAX - 255);
    assert_eq!(device.next_zone(last), None);
    assert_eq!(device.zone_at(device.packets()), None);
    assert_eq!(device.zone_at(u64::MAX), None);
    assert_eq!(device.zone_of(u64::MAX), None);
    assert_eq!(device.first_zone_from(last.sector()), Some(last));
    assert_eq!(device.first_zone_from(last.sector() + 1), None);
    assert_eq!(device.first_zone_from(u64::MAX), None);
    assert_eq!(device.span(u64::MAX - 3, 4), None);
    assert_eq!(device.span(last.sector(), u32::MAX - 3), None);
    assert_eq!(
        last.sector_of(FrameRange::new(31, 1).unwrap()),
        u64::MAX - 131
    );
}

#[test]
fn a_zone_of_another_device_has_no_index() {
    let zone = geometry(64, 0, 4096).zone_at(1).unwrap();

    assert_eq!(geometry(128, 0, 4096).index(zone), None);
    assert_eq!(geometry(64, 128, 4096).index(zone), None);
}

#[test]
fn frame_ranges_hold_their_bounds() {
    assert_eq!(FrameRange::new(0, 0), None);
    assert_eq!(FrameRange::new(0, PACKET_MAX_FRAMES + 1), None);
    assert_eq!(FrameRange::new(PACKET_MAX_FRAMES, 1), None);
    assert_eq!(FrameRange::new(u32::MAX, 2), None);

    let all = FrameRange::new(0, PACKET_MAX_FRAMES).unwrap();
    assert_eq!(
        (all.sectors(), all.bytes()),
        (PACKET_MAX_SECTORS, 256 << 10)
    );

    let two = FrameRange::new(3, 2).unwrap();
    assert_eq!((two.first(), two.count(), two.end()), (3, 2, 5));
    assert_eq!((two.sector_offset(), two.sectors()), (12, 8));
    assert_eq!(
        (two.byte_offset(), two.bytes()),
        (3 * FRAME_SIZE as usize, 4096)
    );
}

prop_compose! {
    fn any_device()(
        frames in 1..=PACKET_MAX_FRAMES,
        start in 0..200u64,
        device in 0..6000u64,
    ) -> (u32, u64, u64) {
        (frames * FRAME_SECTORS, start * u64::from(FRAME_SECTORS), device)
    }
}

proptest! {
    #[test]
    fn packets_lie_where_the_loop_puts_them((size, start, device) in any_device()) {
        let starts = packets(size, start, device);
        let Ok(geometry) = Geometry::new(size, start, device) else {
            prop_assert!(starts.is_empty());
            return Ok(());
        };

        prop_assert_eq!(geometry.packets(), starts.len() as u64);
        prop_assert_eq!(geometry.capacity_sectors(), starts.last().unwrap() + u64::from(size));
        prop_assert_eq!(geometry.packet_sectors(), size);
        prop_assert_eq!(geometry.packet_frames() * FRAME_SECTORS, size);
        prop_assert_eq!(geometry.start_sector(), start);

        for sector in 0..device + 10 {
            let owner = starts
                .iter()
                .copied()
                .find(|&first| (first..first + u64::from(size)).contains(&sector));
            let next = starts.iter().copied().find(|&first| first >= sector);
            prop_assert_eq!(sectors(geometry.zone_of(sector)), owner);
            prop_assert_eq!(sectors(geometry.first_zone_from(sector)), next);
        }
        for (index, &first) in starts.iter().enumerate() {
            let zone = geometry.zone_at(index as u64).unwrap();
            prop_assert_eq!(zone.sector(), first);
            prop_assert_eq!(geometry.index(zone), Some(index as u64));
            prop_assert_eq!(sectors(geometry.next_zone(zone)), starts.get(index + 1).copied());
        }
        prop_assert_eq!(geometry.zone_at(starts.len() as u64), None);
    }

    #[test]
    fn a_range_has_packets_within_it_and_cuts_others(
        (size, start, device) in any_device(),
        from in 0_u64..4096,
        len in 1_u32..2048,
    ) {
        let Ok(geometry) = Geometry::new(size, start, device) else {
            return Ok(());
        };
        let end = from + u64::from(len);
        let (mut within, mut cut) = (vec![], vec![]);

        for first in packets(size, start, device) {
            let last = first + u64::from(size);
            if from <= first && last <= end {
                within.push(first);
            } else if first < end && from < last {
                cut.push(first);
            }
        }
        let sectors = |zones: Vec<Zone>| zones.into_iter().map(Zone::sector).collect::<Vec<_>>();
        prop_assert_eq!(sectors(geometry.zones_within(from, len).collect()), within);
        prop_assert_eq!(sectors(geometry.zones_cut_by(from, len).collect()), cut);
    }

    #[test]
    fn chunks_are_the_largest_that_meet_every_border((size, start, device) in any_device()) {
        if let Ok(geometry) = Geometry::new(size, start, device) {
            let borders = packets(size, start, start + 40 * u64::from(size));
            let meets =
                |chunk: &u32| borders.iter().all(|border| border % u64::from(*chunk) == 0);
            let largest = (1..=size).rev().find(meets).unwrap();

            prop_assert_eq!(geometry.chunk_sectors(), largest);
        }
    }

    #[test]
    fn spans_are_whole_frames_of_one_packet(
        (size, start, device) in any_device(),
        (sector, len) in prop_oneof![
            (0..6000u64, 0..600u32),
            (0..1500u64, 0..150u32).prop_map(|(frame, count)| (frame * 4, count * 4)),
        ],
    ) {
        if let Ok(geometry) = Geometry::new(size, start, device) {
            let wanted: Vec<u64> = (sector..sector + u64::from(len)).collect();
            let home = packets(size, start, device).into_iter().find(|first| {
                !wanted.is_empty()
                    && wanted.iter().all(|s| (*first..first + u64::from(size)).contains(s))
            });
            let aligned = home.filter(|first| (sector - first) % 4 == 0 && len % 4 == 0);
            let found = geometry.locate(sector, len);

            prop_assert_eq!(found.map(|(zone, _)| zone.sector()), aligned);
            prop_assert_eq!(found.map(|(_, frames)| frames), geometry.span(sector, len));
            if let Some((zone, frames)) = found {
                prop_assert_eq!(zone.sector_of(frames), sector);
                prop_assert_eq!(frames.sectors(), len);
            }
        }
    }

    #[test]
    fn nothing_panics(size: u32, start: u64, device: u64, sector: u64, len: u32) {
        for size in [size, size % 513, size % 129 * 4] {
            for start in [start, start % 1024 * 4] {
                if let Ok(geometry) = Geometry::new(size, start, device) {
                    let _ = geometry.zone_of(sector).map(|zone| geometry.index(zone));
                    let _ = geometry.zone_at(sector).map(|zone| geometry.next_zone(zone));
                    let _ = geometry.span(sector, len);
                    prop_assert!(geometry.chunk_sectors() > 0);
                    prop_assert!(geometry.capacity_sectors() <= device);
                    prop_assert!(device - geometry.capacity_sectors() < u64::from(size));
                }
            }
        }
    }
}
