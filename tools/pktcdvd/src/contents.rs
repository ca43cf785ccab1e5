// SPDX-License-Identifier: GPL-2.0

//! What is on a disc, as far as its first blocks tell: what would be lost.

use serde::Serialize;

/// Bytes in a block.
const BLOCK: usize = 2048;
/// How many blocks are looked at: those up to the super block of btrfs, and what lies behind it.
const BLOCKS: u32 = 48;
/// The block with the anchor of UDF.
const ANCHOR: u32 = 256;
/// How many blocks of a sequence of UDF's volume descriptors are looked at.
const SEQUENCE: u32 = 16;

/// What is on a disc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The type of the file system as `mount` knows it; [`None`] if it is not known here.
    pub filesystem: Option<&'static str>,
    /// Its label, if it has one.
    pub label: Option<String>,
}

impl Contents {
    /// Something, of which nothing is known.
    pub const UNKNOWN: Self = Self {
        filesystem: None,
        label: None,
    };
}

impl std::fmt::Display for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.filesystem, &self.label) {
            (Some(kind), Some(label)) => write!(f, "a file system of type {kind}, {label:?}"),
            (Some(kind), None) => write!(f, "a file system of type {kind}"),
            (None, _) => f.write_str("data in no form that is known here"),
        }
    }
}

/// Finds out what is on a disc. `read` reads blocks, fewer if the disc ends before.
///
/// # Errors
///
/// That of `read`.
pub fn find<E>(
    mut read: impl FnMut(u32, u32) -> Result<Vec<u8>, E>,
) -> Result<Option<Contents>, E> {
    let start = read(0, BLOCKS)?;
    let found = |filesystem, label| {
        Ok(Some(Contents {
            filesystem: Some(filesystem),
            label,
        }))
    };
    if is_udf(&start) {
        let label = udf_label(&mut read)?;
        return found("udf", label);
    }
    for &(kind, at, magic) in MAGIC {
        if start.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
            let label = match kind {
                "iso9660" => start.get(16 * BLOCK + 40..16 * BLOCK + 72).and_then(text),
                "ext4" => start.get(1024 + 120..1024 + 136).and_then(text),
                _ => None,
            };
            return found(kind, label);
        }
    }
    let empty = start.iter().all(|&byte| byte == 0);
    Ok((!empty).then_some(Contents::UNKNOWN))
}

/// Where file systems have which bytes.
const MAGIC: &[(&str, usize, &[u8])] = &[
    ("iso9660", 16 * BLOCK + 1, b"CD001"),
    ("ext4", 1024 + 56, &[0x53, 0xef]),
    ("btrfs", 65536 + 64, b"_BHRfS_M"),
    ("xfs", 0, b"XFSB"),
    ("f2fs", 1024, &[0x10, 0x20, 0xf5, 0xf2]),
    ("exfat", 3, b"EXFAT   "),
    ("ntfs", 3, b"NTFS    "),
    ("vfat", 82, b"FAT32"),
    ("vfat", 54, b"FAT1"),
    ("hfsplus", 1024, b"H+"),
];

/// Whether there is a volume recognition sequence that speaks of UDF.
fn is_udf(start: &[u8]) -> bool {
    let descriptors = start.chunks_exact(BLOCK).skip(16).take(16);
    descriptors
        .map(|block| block.get(1..6).unwrap_or_default())
        .any(|id| id == b"NSR02" || id == b"NSR03")
}

/// The name of the logical volume, if the anchor leads to it.
fn udf_label<E>(
    read: &mut impl FnMut(u32, u32) -> Result<Vec<u8>, E>,
) -> Result<Option<String>, E> {
    let anchor = read(ANCHOR, 1)?;
    let Some(first) = tag(&anchor).filter(|&id| id == 2).and(le32(&anchor, 20)) else {
        return Ok(None);
    };
    let sequence = read(first, SEQUENCE)?;
    let volume = sequence
        .chunks_exact(BLOCK)
        .find(|block| tag(block) == Some(6));
    Ok(volume.and_then(|block| dstring(block.get(84..212)?)))
}

fn tag(block: &[u8]) -> Option<u16> {
    block.first_chunk().copied().map(u16::from_le_bytes)
}

fn le32(block: &[u8], at: usize) -> Option<u32> {
    block
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u32::from_le_bytes)
}

/// A string of UDF: how it is encoded first, and how long it is last.
fn dstring(field: &[u8]) -> Option<String> {
    let (&len, rest) = field.split_last()?;
    let (&code, bytes) = rest.get(..len.into())?.split_first()?;
    let chars: String = match code {
        8 => bytes.iter().map(|&byte| char::from(byte)).collect(),
        16 => bytes
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .map(|unit| char::from_u32(unit.into()).unwrap_or('\u{fffd}'))
            .collect(),
        _ => return None,
    };
    printable(&chars)
}

fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|&byte| byte == 0).next()?;
    printable(&String::from_utf8_lossy(bytes))
}

fn printable(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn of(disc: &[u8]) -> Option<Contents> {
        let found = find(|first, blocks| {
            let from = (first as usize * BLOCK).min(disc.len());
            let to = (from + blocks as usize * BLOCK).min(disc.len());
            Ok::<_, Infallible>(disc[from..to].to_vec())
        });
        found.unwrap()
    }

    fn with(len: usize, pieces: &[(usize, &[u8])]) -> Vec<u8> {
        let mut disc = vec![0; len];
        for (at, piece) in pieces {
            disc[*at..at + piece.len()].copy_from_slice(piece);
        }
        disc
    }

    #[test]
    fn file_systems() {
        assert_eq!(of(&[0; 1 << 20]), None);
        assert_eq!(of(&[]), None);
        let iso = with(1 << 20, &[(32769, b"CD001"), (32808, b"HOLIDAYS   ")]);
        let found = of(&iso).unwrap();
        assert_eq!(
            (found.filesystem, found.label.as_deref()),
            (Some("iso9660"), Some("HOLIDAYS"))
        );
        assert_eq!(
            found.to_string(),
            "a file system of type iso9660, \"HOLIDAYS\""
        );
        let ext = with(1 << 20, &[(1080, &[0x53, 0xef])]);
        assert_eq!(of(&ext).unwrap().to_string(), "a file system of type ext4");
        let other = with(1 << 20, &[(5000, b"x")]);
        assert_eq!(
            of(&other).unwrap().to_string(),
            "data in no form that is known here"
        );
    }

    #[test]
    fn udf() {
        let lvid = b"\x08LinuxUDF";
        let disc = with(
            1 << 20,
            &[
                (32769, b"BEA01"),
                (34817, b"NSR03"),
                (256 * BLOCK, &[2, 0]),
                (256 * BLOCK + 20, &[0x20, 0, 0, 0]),
                (0x21 * BLOCK, &[6, 0]),
                (0x21 * BLOCK + 84, lvid),
                (0x21 * BLOCK + 211, &[9]),
            ],
        );
        let found = of(&disc).unwrap();
        assert_eq!(
            (found.filesystem, found.label.as_deref()),
            (Some("udf"), Some("LinuxUDF"))
        );
        // Without an anchor it has no name.
        assert_eq!(of(&disc[..100 * BLOCK]).unwrap().label, None);
        assert_eq!(dstring(&[16, 0, b'a', 0x26, 0x3a, 0, 0, 5]).unwrap(), "a☺");
        assert_eq!(dstring(&[8, b'a', 200]), None);
    }

    proptest! {
        // Each of them fills a disc.
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_start(bytes in prop::collection::vec(any::<u8>(), 0..4096), at in 0usize..(1 << 20)) {
            let disc = with((1 << 20) + 4096, &[(at, &bytes)]);
            let _ = of(&disc);
            // A hostile sequence may lead anywhere.
            let mut hostile = with((1 << 20) + 4096, &[(34817, b"NSR02"), (256 * BLOCK, &[2, 0])]);
            let len = bytes.len();
            hostile[256 * BLOCK + 16..][..len].copy_from_slice(&bytes);
            prop_assert!(of(&hostile).is_some());
        }
    }
}
