// SPDX-License-Identifier: GPL-2.0

//! The command next to `uml_mkcow` and `uml_moo`, of Debian's package uml-utilities: each takes what the
//! other makes, and both make the same.

use assert_cmd::Command;
use proptest::prelude::*;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{symlink, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Runs a program in a directory.
fn run(directory: &Path, program: &str, arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = match program {
        "ubd" => Command::cargo_bin("ubd").unwrap(),
        other => Command::new(other),
    };
    command.current_dir(directory).args(arguments).assert()
}

/// How an image begins.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Version 1 in the byte order of this machine, which is all that `uml_moo` reads.
    V1,
    V2,
    V3,
    Broken,
}

/// An image of the given kind, of nothing but its header, and where its bitmap and its data are.
fn header(kind: Kind, backing: &Path, size: u64, mtime: u32) -> (Vec<u8>, u64, u64) {
    let path = backing.as_os_str().as_encoded_bytes();
    let mut bytes = b"OOOM".to_vec();
    let sectors = size.div_ceil(512);
    let up = |number: u64, to: u64| number.div_ceil(to) * to;
    let padded = |length: usize| [path, &vec![0; length - path.len()]].concat();
    let (bitmap, bits, align) = match kind {
        Kind::V1 => {
            bytes = 0x4f4f_4f4d_u32.to_ne_bytes().to_vec();
            bytes.extend(1_u32.to_ne_bytes());
            bytes.extend(padded(256));
            bytes.extend(mtime.to_ne_bytes());
            bytes.extend(size.to_ne_bytes());
            bytes.extend(512_u32.to_ne_bytes());
            (280, sectors / 8, 512)
        }
        Kind::V2 => {
            bytes.extend(2_u32.to_be_bytes());
            bytes.extend(padded(4096));
            bytes.extend(mtime.to_be_bytes());
            bytes.extend(size.to_be_bytes());
            bytes.extend(512_u32.to_be_bytes());
            (4120, sectors / 8, 512)
        }
        Kind::V3 | Kind::Broken => {
            bytes.extend(3_u32.to_be_bytes());
            bytes.extend(mtime.to_be_bytes());
            if matches!(kind, Kind::Broken) {
                bytes.extend([0; 4]);
            }
            bytes.extend(size.to_be_bytes());
            bytes.extend([0, 0, 2, 0, 0, 0, 16, 0, 0, 0, 0, 0]);
            bytes.extend(padded(4096));
            (8192, sectors.div_ceil(8), 4096)
        }
    };
    (bytes, bitmap, up(bitmap + bits, align))
}

/// A directory with a backing file `b`, an image `c`, and what both together are.
struct Place {
    directory: TempDir,
    backing: Vec<u8>,
    merged: Vec<u8>,
}

impl Place {
    /// The image has the sectors that are given, each filled with its byte.
    fn new(kind: Kind, size: u64, sectors: &[(u64, u8)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("b");
        let backing: Vec<u8> = (0..size).map(|at| (at / 512 % 3 * 7) as u8).collect();
        fs::write(&path, &backing).unwrap();
        let meta = fs::metadata(&path).unwrap();
        let (bytes, bitmap, data) = header(kind, &path, size, meta.mtime() as u32);
        let mut merged = backing.clone();
        let image = File::create_new(directory.path().join("c")).unwrap();
        image.write_all_at(&bytes, 0).unwrap();
        image.write_all_at(&[0], data + size - 1).unwrap();
        let mut bits = vec![0_u8; size.div_ceil(4096) as usize];
        for (sector, byte) in sectors {
            bits[(sector / 8) as usize] |= 1 << (sector % 8);
            image
                .write_all_at(&[*byte; 512], data + sector * 512)
                .unwrap();
            let end = (sector * 512 + 512).min(size) as usize;
            merged[(sector * 512) as usize..end].fill(*byte);
        }
        // The bytes that versions 1 and 2 lack are not written.
        bits.truncate((data - bitmap) as usize);
        image.write_all_at(&bits, bitmap).unwrap();
        Self {
            directory,
            backing,
            merged,
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> assert_cmd::assert::Assert {
        run(self.directory.path(), program, arguments)
    }

    fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.directory.path().join(name.as_ref())
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

fn any_sectors() -> impl Strategy<Value = (u64, Vec<(u64, u8)>)> {
    // Whole bytes of the bitmap, since the first two versions lack the rest.
    let runs = prop::collection::vec((0..30_u64, 1..20_u64, 0..3_u8), 0..12);
    (1..40_u64, runs).prop_map(|(bytes, runs)| {
        let (mut at, mut sectors) = (0, Vec::new());
        for (skip, length, byte) in runs {
            at += skip;
            sectors.extend((at..at + length).map(|sector| (sector, byte * 0x55)));
            at += length;
        }
        sectors.retain(|(sector, _)| *sector < bytes * 8);
        (bytes * 4096, sectors)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn both_merge_the_same(
        kind in prop::sample::select(vec![Kind::V1, Kind::V2, Kind::V3, Kind::Broken]),
        (size, sectors) in any_sectors(),
    ) {
        let place = Place::new(kind, size, &sectors);
        place.run("ubd", &["check", "c"]).success().stderr("");
        place.run("ubd", &["merge", "c", "ours"]).success();
        place.run("uml_moo", &["c", "theirs"]).success();
        prop_assert_eq!(&place.read("ours"), &place.merged);
        prop_assert_eq!(&place.read("theirs"), &place.merged);
        prop_assert_eq!(place.read("b"), place.backing.clone());
        place.run("ubd", &["merge", "--into-backing", "c"]).success();
        prop_assert_eq!(&place.read("b"), &place.merged);
    }
}

/// What they write into the backing file is the same.
#[test]
fn both_merge_in_place() {
    let sectors: Vec<_> = (3..90)
        .map(|sector| (sector, (sector / 20) as u8))
        .collect();
    for program in ["ubd", "uml_moo"] {
        let place = Place::new(Kind::V3, 100 * 512, &sectors);
        let arguments = match program {
            "ubd" => ["merge", "-d", "c"].as_slice(),
            _ => &["-d", "c"],
        };
        place.run(program, arguments).success();
        assert_eq!(place.read("b"), place.merged, "{program}");
    }
}

/// Nothing of the images differs, wherever they are made from.
#[test]
fn both_create_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("real/sub")).unwrap();
    symlink("real", at("link")).unwrap();
    symlink("real/b", at("name")).unwrap();
    for size in [1, 511, 512, 1000, 4096, 32768, 32768 * 512 + 512, 1 << 25] {
        let file = File::create(at("real/b")).unwrap();
        file.write_all_at(&[1], size - 1).unwrap();
        drop(file);
        for (from, path) in [
            (".", "real/b"),
            (".", "./link/../real/b"),
            (".", "link/b"),
            (".", "name"),
            ("real/sub", "../../link/b"),
            ("real", "b"),
        ] {
            for name in ["ours", "theirs"] {
                let _ = fs::remove_file(at(from).join(name));
            }
            run(&at(from), "ubd", &["create", "ours", path]).success();
            run(&at(from), "uml_mkcow", &["theirs", path]).success();
            let read = |name: &str| fs::read(at(from).join(name)).unwrap();
            assert!(read("ours") == read("theirs"), "{size} {from} {path}");
            let blocks = |name: &str| fs::metadata(at(from).join(name)).unwrap().blocks();
            assert!(blocks("ours") <= blocks("theirs"), "{size} {from} {path}");
        }
    }
}

/// `uml_moo` leaves out what is behind the last whole sector.
#[test]
fn u9_the_last_bytes_are_merged_too() {
    for size in [1000, 513, 100] {
        for sectors in [&[][..], &[(0, 5)], &[((size - 1) / 512, 6)]] {
            let place = Place::new(Kind::V3, size, sectors);
            let warning = "ubd: warning: c: the backing file ends within a sector; \
                 uml_moo leaves out the rest\n";
            place.run("ubd", &["check", "c"]).success().stderr(warning);
            place.run("ubd", &["merge", "c", "ours"]).success();
            assert!(place.read("ours") == place.merged, "{size} {sectors:?}");
            place.run("ubd", &["merge", "-d", "c"]).success();
            assert!(place.read("b") == place.merged, "{size} {sectors:?}");
        }
    }
}

/// What `uml_moo -d` has merged is refused, unless the backing file is said to be right.
#[test]
fn what_was_merged_is_refused() {
    let place = Place::new(Kind::V3, 8192, &[(3, 9)]);
    let later = "2001-02-03 04:05:06 UTC";
    place.run("touch", &["-d", later, "b"]).success();
    let error = place.run("ubd", &["merge", "c", "new"]).code(7);
    let text = String::from_utf8_lossy(&error.get_output().stderr).into_owned();
    assert!(
        text.contains("mtime of the backing file: 981173106, the header has "),
        "{text}"
    );
    assert!(!place.path("new").exists());
    place.run("uml_moo", &["c", "theirs"]).failure();
    place
        .run("ubd", &["merge", "--force", "c", "new"])
        .success();
    assert_eq!(place.read("new"), place.merged);
    // Of another size it never is.
    fs::write(place.path("b"), [0; 4096]).unwrap();
    let error = place.run("ubd", &["check", "--force", "c"]).code(7);
    let text = String::from_utf8_lossy(&error.get_output().stderr).into_owned();
    assert!(text.contains("4096 bytes, the header has 8192"), "{text}");
}
