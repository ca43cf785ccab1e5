// SPDX-License-Identifier: GPL-2.0

//! Images and commands of copy-on-write disks.

use super::{check_error, ITERATIONS, MAX_LEN};
use bolero::check;
use rblk_host_tests::ubd::logic::{
    format::{Header, MAX_HEADER},
    malformed::Malformed,
    options,
};

/// Checks what the log would get to see.
fn check_malformed(error: Malformed) {
    let message = error.to_string();
    assert!(message.contains(": ") && message.len() < 80, "{message}");
    assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
}

/// A header that is taken is written as it was, but for bytes that are in no field; its parts do not
/// overlap.
fn check_header(image: &[u8]) {
    let header = match Header::parse(image) {
        Ok(header) => header,
        Err(error) => return check_malformed(error),
    };
    let mut again = [0; MAX_HEADER];
    let length = header
        .encode(&mut again)
        .expect("a path that was there fits");
    assert_eq!(length, header.version.header_bytes());
    assert!(length <= image.len());
    // Version 3 with no path, but other bytes behind its end, would be taken for the broken form.
    if !header.backing.is_empty() {
        assert_eq!(Header::parse(&again[..length]), Ok(header));
    }
    let layout = match header.layout() {
        Ok(layout) => layout,
        Err(error) => return check_malformed(error),
    };
    let bitmap_end = layout.bitmap_offset() + layout.bitmap_bytes();
    assert!(layout.bitmap_offset() >= length as u64);
    assert!(bitmap_end <= layout.data_offset());
    let end = layout.cow_offset(layout.sectors() - 1);
    assert!(i64::try_from(end.expect("there is one") + 512).is_ok());
    assert_eq!((header.sector_size, header.cow_format), (512, 0));
}

/// All of an image is random.
#[test]
fn header() {
    check!()
        .with_iterations(ITERATIONS)
        .with_max_len(MAX_HEADER)
        .for_each(|image: &[u8]| check_header(image));
}

target! {
    /// It has a magic number and a version; its fields are random.
    fields, data => {
        let mut image = [0; MAX_HEADER];
        let (kind, data) = data.split_first().unwrap_or((&0, data));
        let start: &[u8; 8] = match kind % 5 {
            0 => b"OOOM\0\0\0\x01",
            1 => b"MOOO\x01\0\0\0",
            2 => b"OOOM\0\0\0\x02",
            _ => b"OOOM\0\0\0\x03",
        };
        image[..8].copy_from_slice(start);
        // Where version 3 has its fields, and the others have theirs; so that they may be right.
        for at in [8, 264, 4104] {
            let data = &data[..data.len().min(40.min(MAX_HEADER - at))];
            image[at..at + data.len()].copy_from_slice(data);
        }
        check_header(&image);
    }
}

target! {
    /// What `add` takes are paths and a name.
    add, text => {
        match options::parse_add(text) {
            Ok(options) => {
                for path in [Some(options.cow), options.backing].into_iter().flatten() {
                    assert!((1..=options::MAX_PATH).contains(&path.len()) && !path.contains(&0));
                }
                if let Some(name) = options.name {
                    let removed = (options::RemoveTarget::Name(name), false);
                    assert_eq!(options::parse_remove(name.as_bytes()), Ok(removed));
                }
                assert!(!options.create || options.backing.is_some() && !options.read_only);
            }
            Err(error) => check_error(error),
        }
        let mut rest = text;
        for disk in options::parse_disks(text) {
            // Each is a part of the text, behind the one before.
            let at = rest.windows(disk.len()).position(|part| part == disk);
            rest = &rest[at.expect("a part") + disk.len()..];
        }
    }
}

target! {
    /// A disk is removed by its number or by its name.
    remove, text => {
        match options::parse_remove(text) {
            Ok((options::RemoveTarget::Name(name), _)) => assert!(!name.contains([':', '/'])),
            Ok((options::RemoveTarget::Number(number), _)) => assert!(number.major < 4096),
            Err(error) => check_error(error),
        }
    }
}
