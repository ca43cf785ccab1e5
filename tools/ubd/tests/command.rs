// SPDX-License-Identifier: GPL-2.0

//! The command as users call it, with files and with what stands for the driver.

use assert_cmd::Command;
use predicates::prelude::*;
use rblk_ubd::file::Use;
use rblk_ubd::image::Pair;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use tempfile::TempDir;

/// A directory with a backing file `b` of 64 sectors and an empty image `c`.
fn place() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("b"), [7; 64 * 512]).unwrap();
    run(&directory, &["create", "c", "b"]).success().stderr("");
    directory
}

fn run(directory: &TempDir, arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("ubd")
        .unwrap()
        .current_dir(directory.path())
        .env("UBD_SYSFS", directory.path().join("sys"))
        .args(arguments)
        .assert()
}

fn files(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Puts bytes into a file.
fn put(directory: &TempDir, name: &str, bytes: &[u8], at: u64) {
    let file = File::options()
        .write(true)
        .open(directory.path().join(name));
    file.unwrap().write_all_at(bytes, at).unwrap();
}

fn json(assert: &assert_cmd::assert::Assert) -> serde_json::Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

#[test]
fn creating() {
    let directory = place();
    let image = fs::metadata(directory.path().join("c")).unwrap();
    assert_eq!(image.len(), 12288 + 64 * 512);
    assert_eq!(
        image.permissions().mode() & 0o777,
        0o644 & image.permissions().mode()
    );
    run(&directory, &["create", "c", "b"])
        .code(2)
        .stderr("ubd: c exists already; --force replaces it\n");
    // Nothing of the old one is left.
    put(&directory, "c", &[0xff; 8], 8192);
    put(&directory, "c", &[9; 512], 12288);
    run(&directory, &["create", "--force", "c", "b"]).success();
    run(&directory, &["merge", "c", "new"]).success();
    assert_eq!(
        fs::read(directory.path().join("new")).unwrap(),
        [7; 64 * 512]
    );
    run(&directory, &["create", "--force", "b", "b"])
        .code(2)
        .stderr(predicate::str::contains("its own backing file"));
    run(&directory, &["create", "x", "nowhere"])
        .code(4)
        .stderr("ubd: nowhere: there is no such file\n");
    fs::write(directory.path().join("empty"), []).unwrap();
    run(&directory, &["create", "x", "empty"])
        .code(7)
        .stderr("ubd: empty: size: 0 bytes are none or too many\n");
    run(&directory, &["create", "x", "."]).code(2);
    assert_eq!(files(&directory), ["b", "c", "empty", "new"]);
}

/// When a file cannot be written as a whole, there is none.
#[test]
fn never_half_made() {
    let directory = place();
    put(&directory, "c", &[0xff; 8], 8192);
    for command in ["merge c new", "create --force c b"] {
        let program = assert_cmd::cargo::cargo_bin("ubd");
        let script = format!(
            "trap '' XFSZ; ulimit -f 4; exec {} {command}",
            program.display()
        );
        Command::new("bash")
            .current_dir(directory.path())
            .args(["-c", &script])
            .assert()
            .code(1)
            .stderr(predicate::str::contains("File too large"));
        assert_eq!(files(&directory), ["b", "c"]);
    }
    // And the old one is as it was.
    let report = json(&run(&directory, &["info", "--json", "c"]).success());
    assert_eq!(report["cow_sectors"], 64);
}

#[test]
fn merging_keeps_holes() {
    let directory = tempfile::tempdir().unwrap();
    let backing = File::create(directory.path().join("b")).unwrap();
    backing.set_len(64 << 20).unwrap();
    backing.write_all_at(&[1; 4096], 1 << 20).unwrap();
    drop(backing);
    run(&directory, &["create", "c", "b"]).success();
    // The image has zeros where the backing file has data, and a sector elsewhere.
    let sector = (1 << 20) / 512;
    put(&directory, "c", &[0xff], 8192 + sector / 8);
    put(&directory, "c", &[1], 8192 + 10000);
    let data = 8192 + (64 << 20) / 4096;
    put(&directory, "c", &[2; 512], data + 80000 * 512);
    run(&directory, &["merge", "c", "new"]).success();
    let new = fs::read(directory.path().join("new")).unwrap();
    let used = |at: usize| new[at * 512];
    assert_eq!((used(sector as usize), used(80000)), (0, 2));
    assert_eq!(new.iter().filter(|byte| **byte != 0).count(), 512);
    let meta = fs::metadata(directory.path().join("new")).unwrap();
    assert!(meta.blocks() <= 16, "{} blocks", meta.blocks());
    run(&directory, &["merge", "c", "new"]).code(2);
    run(&directory, &["merge", "--force-new", "c", "new"]).success();
    for name in ["b", "c"] {
        run(&directory, &["merge", "--force-new", "c", name])
            .code(2)
            .stderr(format!("ubd: {name} is read\n"));
    }
    // The backing file gets them as holes.
    run(&directory, &["merge", "-d", "c"]).success();
    assert_eq!(fs::read(directory.path().join("b")).unwrap(), new);
}

#[test]
fn what_is_wrong_with_images() {
    let directory = place();
    let refused = |text: &'static str| {
        for command in [&["check", "c"][..], &["merge", "c", "new"]] {
            run(&directory, command)
                .code(7)
                .stderr(predicate::str::contains(text));
        }
    };
    for (at, bytes, text) in [
        (24, &[0, 0, 0, 0][..], "alignment: 0 is not"),
        (20, &[0, 0, 16, 0], "sector size: 4096 is not 512"),
        (28, &[0, 0, 0, 1], "cow_format: 1 is not 0"),
        (4, &[0, 0, 0, 9], "version: 9"),
        (
            0,
            &[0, 0, 0, 0],
            "magic: '\\x00\\x00\\x00\\x00' is not 'OOOM'",
        ),
    ] {
        let mut old = vec![0; bytes.len()];
        let image = File::open(directory.path().join("c")).unwrap();
        image.read_exact_at(&mut old, at).unwrap();
        put(&directory, "c", bytes, at);
        refused(text);
        put(&directory, "c", &old, at);
    }
    // The data of a sector that the bitmap has is not there.
    put(&directory, "c", &[0x80], 8192 + 7);
    let image = File::options()
        .write(true)
        .open(directory.path().join("c"))
        .unwrap();
    image.set_len(12288 + 63 * 512).unwrap();
    run(&directory, &["check", "c"])
        .code(7)
        .stderr("ubd: c: the file ends before data that the bitmap has\n");
    run(&directory, &["merge", "c", "new"]).code(7);
    image.set_len(12287).unwrap();
    refused("length: 12287 bytes are there, 12288 are needed");
    image.set_len(100).unwrap();
    refused("header: 100 bytes are there, 4128 are needed");
    assert_eq!(files(&directory), ["b", "c"]);
}

#[test]
fn bits_behind_the_end() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("b"), [7; 5 * 512]).unwrap();
    run(&directory, &["create", "c", "b"]).success();
    put(&directory, "c", &[0x1f], 8192);
    run(&directory, &["check", "c"]).success();
    put(&directory, "c", &[0x20], 8192);
    run(&directory, &["check", "c"])
        .code(7)
        .stderr("ubd: c: the bitmap has bits behind the last sector\n");
}

#[test]
fn info() {
    let directory = place();
    put(&directory, "c", &[0x81], 8193);
    let report = json(&run(&directory, &["info", "--json", "c"]).success());
    for (key, value) in [
        ("version", 1.into()),
        ("format", "3".into()),
        ("size", 32768.into()),
        ("bitmap_offset", 8192.into()),
        ("bitmap_bytes", 8.into()),
        ("data_offset", 12288.into()),
        ("sectors", 64.into()),
        ("cow_sectors", 2.into()),
        ("in_use", false.into()),
        ("error", serde_json::Value::Null),
        ("backing_error", serde_json::Value::Null),
    ] {
        assert_eq!(report[key], value, "{key}");
    }
    let text = predicate::str::contains("2 of 64 are in the image");
    run(&directory, &["info", "c"]).success().stdout(text);
    fs::remove_file(directory.path().join("b")).unwrap();
    let text = predicate::str::contains("b: there is no such file");
    run(&directory, &["info", "c"]).success().stdout(text);
    run(&directory, &["info", "nowhere"]).code(4);
}

/// A program that knows nothing of ours locks a file as User-Mode Linux does, says so and waits.
const LOCKER: &str = "
import fcntl, sys
file = open(sys.argv[1], 'r+b')
try:
    fcntl.lockf(file, getattr(fcntl, sys.argv[2]) | fcntl.LOCK_NB)
except OSError:
    sys.exit(9)
print('locked', flush=True)
sys.stdin.read()
";

/// Has it lock a file; returns whether it could, after `then` was done meanwhile.
fn while_locked(path: &Path, lock: &str, then: impl FnOnce()) -> bool {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let mut child = Command::new("python3")
        .args(["-c", LOCKER, path.to_str().unwrap(), lock])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    if line == "locked\n" {
        then();
    }
    drop(child.stdin.take());
    child.wait().unwrap().success()
}

#[test]
fn locks() {
    let directory = place();
    let (cow, backing) = (directory.path().join("c"), directory.path().join("b"));
    let is_refused = |arguments: &[&str], file: &str| {
        run(&directory, arguments)
            .code(5)
            .stderr(predicate::str::contains(format!(
                "{file} is in use, by a disk"
            )));
    };
    assert!(while_locked(&cow, "LOCK_EX", || {
        is_refused(&["check", "c"], "c");
        is_refused(&["merge", "c", "new"], "c");
        is_refused(&["create", "--force", "c", "b"], "c");
        let report = json(&run(&directory, &["info", "--json", "c"]).success());
        assert_eq!(report["in_use"], true);
    }));
    // Many may read the backing file.
    assert!(while_locked(&backing, "LOCK_SH", || {
        run(&directory, &["merge", "c", "new"]).success();
        is_refused(&["merge", "-d", "c"], "b");
    }));
    assert!(while_locked(&backing, "LOCK_EX", || {
        is_refused(&["check", "c"], "b");
    }));
    // The other way round.
    let pair = Pair::open(&cow, None, Use::Read, false).unwrap();
    assert!(!while_locked(&cow, "LOCK_EX", || {}));
    assert!(!while_locked(&backing, "LOCK_EX", || {}));
    assert!(while_locked(&backing, "LOCK_SH", || {}));
    drop(pair);
    assert!(while_locked(&cow, "LOCK_EX", || {}));
}

/// A directory that stands for /sys, with one disk.
fn sysfs(directory: &TempDir) {
    let sys = directory.path().join("sys");
    let image = directory.path().canonicalize().unwrap().join("c");
    fs::create_dir_all(sys.join("class/ubd")).unwrap();
    fs::create_dir_all(sys.join("block/ubda/ubd")).unwrap();
    let map = format!("ubdb 253:1 /other image\nubda 253:0 {}\n", image.display());
    for (file, text) in [
        ("class/ubd/device_map", map.as_str()),
        ("class/ubd/add", ""),
        ("class/ubd/remove", ""),
        ("block/ubda/size", "64\n"),
        ("block/ubda/ro", "1\n"),
        ("block/ubda/ubd/backing", "/images/b\n"),
        ("block/ubda/ubd/cow_sectors", "5\n"),
        ("block/ubda/ubd/dirty_blocks", "1\n"),
        ("block/ubda/ubd/error", "-5\n"),
    ] {
        fs::write(sys.join(file), text).unwrap();
    }
}

#[test]
fn disks() {
    let directory = place();
    for command in [
        &["list"][..],
        &["status"],
        &["add", "c"],
        &["remove", "ubda"],
    ] {
        run(&directory, command).code(3);
    }
    sysfs(&directory);
    let written = |file: &str| {
        let path = directory.path().join("sys/class/ubd").join(file);
        fs::read_to_string(path).unwrap()
    };
    run(&directory, &["add", "--name", "ubda", "--no-discard", "c"])
        .success()
        .stdout("/dev/ubda\n");
    let image = directory.path().canonicalize().unwrap().join("c");
    let command = format!("cow=\"{}\" name=ubda discard=none", image.display());
    assert_eq!(written("add"), command);
    run(&directory, &["add", "x"]).code(4);
    run(&directory, &["add", "--create", "c"]).code(2);

    let list = json(&run(&directory, &["list", "--json"]).success());
    assert_eq!(list["disks"][0]["cow"], "/other image");
    assert_eq!(list["disks"][1]["number"], "253:0");
    let status = json(&run(&directory, &["status", "--json", "/dev/ubda"]).success());
    let disk = &status["disks"][0];
    assert_eq!(
        (&disk["name"], &disk["cow_sectors"]),
        (&"ubda".into(), &5.into())
    );
    assert_eq!(
        (&disk["read_only"], &disk["error"]),
        (&true.into(), &(-5).into())
    );
    let text = "ubda (253:0), read-only\n";
    let flush = "  last flush    Input/output error";
    run(&directory, &["status", image.to_str().unwrap()])
        .success()
        .stdout(predicate::str::starts_with(text).and(predicate::str::contains(flush)));
    run(&directory, &["status"])
        .success()
        .stdout(predicate::str::contains("ubdb (253:1)\n"));

    run(&directory, &["remove", "ubda"]).success();
    assert_eq!(written("remove"), "253:0");
    let error = json(&run(&directory, &["status", "--json", "ubdz"]).code(4));
    assert_eq!(error["error"]["message"], "there is no disk ubdz");
    run(&directory, &["remove", "--force", "253:1"]).success();
    assert!(written("remove").starts_with("253:1 force"));
}
