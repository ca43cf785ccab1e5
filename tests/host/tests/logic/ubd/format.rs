// SPDX-License-Identifier: GPL-2.0

//! Headers of images, and where the parts of an image are.

use proptest::prelude::*;
use rblk_host_tests::ubd::logic::{
    format::{create, seconds, ByteOrder, Header, Version, HEADER, MAX_HEADER},
    layout::Part,
    malformed::{Malformed, Stale},
};

const VERSIONS: [Version; 5] = [
    Version::V1(ByteOrder::Big),
    Version::V1(ByteOrder::Little),
    Version::V2,
    Version::V3,
    Version::V3Broken,
];

fn header(version: Version, size: u64) -> Header<'static> {
    let is_third = matches!(version, Version::V3 | Version::V3Broken);
    Header {
        version,
        backing: b"/images/root",
        mtime: 0x1234_5678,
        size,
        sector_size: 512,
        alignment: if is_third { 4096 } else { 512 },
        cow_format: 0,
    }
}

fn encoded(header: &Header<'_>) -> Vec<u8> {
    let mut image = vec![0xaa; MAX_HEADER + 8];
    let length = header.encode(&mut image).unwrap();
    assert!(image[length..].iter().all(|byte| *byte == 0xaa));
    image.truncate(length);
    image
}

/// Puts a number of 32 bits into a header.
fn with(mut image: Vec<u8>, at: usize, number: u32) -> Vec<u8> {
    image[at..at + 4].copy_from_slice(&number.to_be_bytes());
    image
}

/// Where each field is, in both byte orders.
#[test]
fn fields() {
    for (version, path, mtime, size, sector, length) in [
        (VERSIONS[0], 8, 264, 268, 276, 280),
        (VERSIONS[1], 8, 264, 268, 276, 280),
        (VERSIONS[2], 8, 4104, 4108, 4116, 4120),
        (VERSIONS[3], 32, 8, 12, 20, 4128),
        (VERSIONS[4], 36, 8, 16, 24, 4136),
    ] {
        let image = encoded(&header(version, 0x0102_0304_0506));
        let little = version == VERSIONS[1];
        let bytes = |at: usize, count: usize| {
            let mut bytes = image[at..at + count].to_vec();
            if little {
                bytes.reverse();
            }
            bytes
        };
        assert_eq!(image.len(), length);
        assert_eq!(bytes(0, 4), b"OOOM");
        assert_eq!(bytes(4, 4), version.number().to_be_bytes());
        assert_eq!(bytes(mtime, 4), [0x12, 0x34, 0x56, 0x78]);
        assert_eq!(bytes(size, 8), [0, 0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(bytes(sector, 4), 512_u32.to_be_bytes());
        assert_eq!(&image[path..path + 13], b"/images/root\0");
        if version.number() == 3 {
            assert_eq!(bytes(sector + 4, 4), 4096_u32.to_be_bytes());
            assert_eq!(bytes(sector + 8, 4), [0; 4]);
        }
    }
    let broken = encoded(&header(Version::V3Broken, 1 << 20));
    assert_eq!(&broken[12..16], [0; 4]);
    assert_eq!(&broken[32..36], [0; 4]);
}

/// Numbers by hand from the description of the format.
#[test]
fn layouts() {
    let mib = 1 << 20;
    for (version, alignment, size, bitmap, bytes, data) in [
        (VERSIONS[3], 4096, 2 * mib, 8192, 512, 12288),
        (VERSIONS[3], 512, 2 * mib, 4608, 512, 5120),
        (VERSIONS[3], 65536, 2 * mib, 65536, 512, 131072),
        (VERSIONS[3], 12, 2 * mib, 4128, 512, 4644),
        (VERSIONS[3], 1, 9 * 512, 4128, 2, 4130),
        (VERSIONS[4], 4096, 2 * mib, 8192, 512, 12288),
        (VERSIONS[4], 512, 2 * mib, 4608, 512, 5120),
        (VERSIONS[4], 12, 2 * mib, 4140, 512, 4656),
        (VERSIONS[0], 512, 2 * mib, 280, 512, 1024),
        (VERSIONS[1], 512, 2 * mib, 280, 512, 1024),
        (VERSIONS[2], 512, 2 * mib, 4120, 512, 5120),
        (VERSIONS[2], 512, 15 * 512, 4120, 1, 4608),
        // More than 32 bits.
        (VERSIONS[3], 4096, 1 << 44, 8192, 1 << 32, 8192 + (1 << 32)),
    ] {
        let layout = Header {
            alignment,
            ..header(version, size)
        }
        .layout()
        .unwrap();
        assert_eq!(layout.bitmap_offset(), bitmap);
        assert_eq!(layout.bitmap_bytes(), bytes);
        assert_eq!(layout.data_offset(), data);
        assert_eq!(layout.file_bytes(), data + size);
        assert_eq!(layout.cow_offset(3), Some(data + 1536));
        assert_eq!(layout.cow_offset(size.div_ceil(512)), None);
    }
}

#[test]
fn u8_what_is_malformed() {
    let v3 = || encoded(&header(Version::V3, 1 << 20));
    let layout = |image: &[u8]| Header::parse(image).unwrap().layout().map(drop);
    let parse = |image: &[u8]| Header::parse(image).map(drop);

    for length in [0, 3, 7, 35, HEADER - 1] {
        let error = parse(&v3()[..length]).unwrap_err();
        assert!(matches!(error, Malformed::Header { has, .. } if has == length as u64));
    }
    for (image, error) in [
        (with(v3(), 0, 0x514f_4f4d), Malformed::Magic(*b"QOOM")),
        (with(v3(), 4, 0), Malformed::Version(0)),
        (with(v3(), 4, 4), Malformed::Version(4)),
        // Only version 1 was written in this order.
        (
            with(with(v3(), 0, 0x4d4f_4f4f), 4, 0x0300_0000),
            Malformed::Version(3),
        ),
    ] {
        assert_eq!(parse(&image), Err(error));
    }
    for version in VERSIONS {
        let mut image = encoded(&header(version, 1 << 20));
        let path = image.windows(2).position(|bytes| bytes == b"/i").unwrap();
        let length = if version.number() == 1 { 256 } else { 4096 };
        image[path..path + length].fill(b'x');
        assert_eq!(parse(&image), Err(Malformed::BackingEnd));
    }
    for (image, error) in [
        (with(v3(), 20, 0), Malformed::SectorSize(0)),
        (with(v3(), 20, 4096), Malformed::SectorSize(4096)),
        (with(v3(), 24, 0), Malformed::Alignment(0)),
        (
            with(v3(), 24, (16 << 20) + 1),
            Malformed::Alignment((16 << 20) + 1),
        ),
        (with(v3(), 28, 1), Malformed::CowFormat(1)),
        (with(with(v3(), 12, 0), 16, 0), Malformed::Size(0)),
        (
            with(v3(), 12, 0x7fff_ffff),
            Malformed::Size(0x7fff_ffff_0010_0000),
        ),
        (
            with(v3(), 12, u32::MAX),
            Malformed::Size(0xffff_ffff_0010_0000),
        ),
    ] {
        assert_eq!(layout(&image), Err(error));
    }
}

/// A file of QEMU's old format has the same magic number, version 2, and a path of 1024 bytes.
#[test]
fn another_format_of_the_same_name() {
    let mut image = vec![0; MAX_HEADER];
    image[..8].copy_from_slice(b"OOOM\0\0\0\x02");
    image[8..13].copy_from_slice(b"/root");
    image[1036..1044].copy_from_slice(&(1_u64 << 30).to_be_bytes());
    image[1044..1048].copy_from_slice(&512_u32.to_be_bytes());
    let header = Header::parse(&image).unwrap();
    assert_eq!(header.layout(), Err(Malformed::SectorSize(0)));
}

#[test]
fn lengths() {
    let layout = header(Version::V3, 1000).layout().unwrap();
    let short = |needs, has| Err(Malformed::Length { needs, has });
    assert_eq!(layout.check_file(12287), short(12288, 12287));
    assert_eq!(layout.check_file(12288), Ok(()));
    assert_eq!(layout.check_device(13311), short(13312, 13311));
    assert_eq!(layout.check_device(13312), Ok(()));
}

#[test]
fn u9_backing_files_that_end_within_a_sector() {
    let layout = header(Version::V3, 1000).layout().unwrap();
    assert!(layout.has_tail());
    assert_eq!(layout.sectors(), 2);
    let part = |offset, present, zeros| {
        Some(Part {
            offset,
            present,
            zeros,
        })
    };
    assert_eq!(layout.part(0, 1), part(0, 512, 0));
    assert_eq!(layout.part(1, 1), part(512, 488, 24));
    assert_eq!(layout.part(0, 2), part(0, 1000, 24));
    assert_eq!(layout.part(1, 2), None);
    assert_eq!(layout.part(u64::MAX, 2), None);
    assert!(!header(Version::V3, 1024).layout().unwrap().has_tail());
}

/// Versions 1 and 2 lack bits if the number of sectors is no multiple of eight.
#[test]
fn u10_sectors_without_a_bit() {
    for version in VERSIONS {
        let layout = |sectors: u64| header(version, sectors * 512).layout().unwrap();
        assert!(layout(16).is_whole());
        let is_third = version.number() == 3;
        assert_eq!(layout(17).is_whole(), is_third);
        let with_bit = if is_third { 23 } else { 16 };
        assert_eq!(layout(23).sectors_with_bit(), with_bit);
    }
}

#[test]
fn units_of_lower_devices() {
    for (version, alignment, granularity) in [
        (Version::V3, 4096, 4096),
        (Version::V3, 512, 512),
        (Version::V3, 65536, 65536),
        (Version::V3, 12, 4),
        (Version::V2, 512, 8),
    ] {
        let header = Header {
            alignment,
            ..header(version, 2 << 20)
        };
        assert_eq!(header.layout().unwrap().granularity(), granularity);
    }
}

#[test]
fn backing_files_that_are_others() {
    let header = header(Version::V3, 1 << 20);
    let mtime = i64::from(header.mtime);
    assert_eq!(header.check_backing(1 << 20, mtime, false), Ok(()));
    // The field has 32 bits.
    assert_eq!(
        header.check_backing(1 << 20, mtime + (1 << 32), false),
        Ok(())
    );
    let size = Stale::Size {
        header: 1 << 20,
        actual: 5,
    };
    assert_eq!(header.check_backing(5, mtime, true), Err(size));
    let changed = Stale::Mtime {
        header: header.mtime,
        actual: header.mtime + 1,
    };
    assert_eq!(
        header.check_backing(1 << 20, mtime + 1, false),
        Err(changed)
    );
    assert_eq!(header.check_backing(1 << 20, mtime + 1, true), Ok(()));
    for text in [size.to_string(), changed.to_string()] {
        assert_eq!(text.matches("the header has").count(), 1, "{text}");
    }
    assert_eq!(seconds(-1), u32::MAX);
}

#[test]
fn creating() {
    let mut image = [0xaa; HEADER];
    let layout = create(b"/images/root", 1000, 0x1234_5678, &mut image).unwrap();
    assert_eq!(layout.data_offset(), 12288);
    assert_eq!(image.to_vec(), encoded(&header(Version::V3, 1000)));
    for (path, size, error) in [
        (&b""[..], 1000, Malformed::BackingLength(0)),
        (&[b'a'; 4096], 1000, Malformed::BackingLength(4096)),
        (b"a\0b", 1000, Malformed::BackingLength(3)),
        (b"/root", 0, Malformed::Size(0)),
        (b"/root", u64::MAX, Malformed::Size(u64::MAX)),
    ] {
        assert_eq!(create(path, size, 0, &mut image), Err(error));
    }
    assert!(create(&[b'a'; 4095], 1, 0, &mut image).is_ok());
    let needs = Malformed::Header {
        needs: 280,
        has: 279,
    };
    let short = header(VERSIONS[0], 512).encode(&mut [0; 279]);
    assert_eq!(short, Err(needs));
}

proptest! {
    /// What is written is read again.
    #[test]
    fn back_and_forth(
        version in prop::sample::select(VERSIONS.to_vec()),
        path in prop::collection::vec(1..=255_u8, 1..256),
        mtime in any::<u32>(),
        size in any::<u64>(),
        sector_size in any::<u32>(),
        alignment in any::<u32>(),
        cow_format in any::<u32>(),
    ) {
        let third = version.number() == 3;
        // By it the broken form is known.
        let cow_format = if version == Version::V3 { cow_format } else { 0 };
        let header = Header {
            version,
            backing: &path,
            mtime,
            size,
            sector_size,
            alignment: if third { alignment } else { sector_size },
            cow_format,
        };
        let mut image = vec![0; MAX_HEADER];
        let encoded = header.encode(&mut image);
        let room = if version.number() == 1 { 255 } else { 4095 };
        if path.len() > room {
            prop_assert_eq!(encoded, Err(Malformed::BackingLength(path.len())));
        } else {
            prop_assert_eq!(Header::parse(&image), Ok(header));
        }
    }

    /// Parts do not overlap, whatever the numbers.
    #[test]
    fn parts_are_apart(
        version in prop::sample::select(VERSIONS.to_vec()),
        size in prop_oneof![1..1_u64 << 20, any::<u64>()],
        alignment in 1..=16_u32 << 20,
    ) {
        let alignment = if version.number() == 3 { alignment } else { 512 };
        let header = Header { alignment, ..header(version, size) };
        let Ok(layout) = header.layout() else {
            prop_assert!(size > i64::MAX as u64 / 2);
            return Ok(());
        };
        let bitmap_end = layout.bitmap_offset() + layout.bitmap_bytes();
        prop_assert!(layout.bitmap_offset() >= version.header_bytes() as u64);
        prop_assert!(bitmap_end <= layout.data_offset());
        prop_assert!(layout.data_offset() < bitmap_end + u64::from(alignment));
        prop_assert_eq!(layout.data_offset() % u64::from(alignment), 0);
        prop_assert!(layout.sectors() * 512 >= size && layout.sectors() * 512 < size + 512);
        prop_assert!(layout.bitmap_bytes() <= layout.sectors().div_ceil(8));
        prop_assert!(i64::try_from(layout.file_bytes()).is_ok());
        prop_assert!(layout.bitmap_offset() % layout.granularity() == 0);
    }
}
