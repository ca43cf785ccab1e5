// SPDX-License-Identifier: GPL-2.0

//! Makes a UDF file system that suits the disc.

use crate::class::{number_in, Class};
use crate::cli::Mkfs;
use crate::drive::{self, Target};
use crate::driver::logic::mmc::medium::Writing;
use crate::driver::logic::mmc::profile::Kind;
use crate::mapped::Mapped;
use crate::medium;
use crate::mount;
use crate::paths::Paths;
use crate::programs;
use crate::survey;
use crate::{Error, Result};
use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes in a block of UDF on discs.
const BLOCK: u32 = 2048;
/// How much is written over at both ends of a disc that holds something, in bytes.
const WIPED: u64 = 128 << 10;

/// Makes it; prints the command before.
pub fn mkfs(paths: &Paths, options: &Mkfs) -> Result {
    let target = Target::find(paths, &options.target)?;
    let class = Class::open(paths)?;
    let disc = match drive::is_optical(paths, target.lower) {
        true => Some(writing(&target)?),
        false => None,
    };
    let mapped = Mapped::new(paths, &class, &target)?;
    let block = paths.block(mapped.mapping().number);
    let own = match disc {
        Some(writing) => for_disc(&writing),
        None => {
            let bytes = number_in(&block.join("queue/minimum_io_size"));
            arguments("hd", bytes.unwrap_or(BLOCK) / BLOCK)
        }
    };
    let node = paths.nodes().join(&mapped.mapping().name);
    let ready = check(&node, options.force);
    if ready.is_err() {
        let _ = mapped.end();
    }
    ready?;
    let mut arguments = without(own, &options.arguments);
    arguments.extend(options.arguments.iter().cloned());
    arguments.push(node.to_string_lossy().into_owned());
    eprintln!("mkudffs {}", arguments.join(" "));
    let made = programs::run("mkudffs", "udftools", arguments).and_then(|()| mapped.keep());
    if made.is_err() {
        // Why it could not be made is what counts.
        let _ = mapped.end();
    }
    made
}

/// Checks that nothing is lost unasked, and has what is lost not be found beside the new file system.
fn check(node: &Path, force: bool) -> Result {
    let name = node.display();
    let found = mount::contents(node);
    match found {
        Ok(None) => return Ok(()),
        Err(error @ (Error::Medium(_) | Error::Permission(_))) => return Err(error),
        Ok(Some(_)) | Err(_) if force => {}
        Ok(Some(contents)) => {
            return Err(Error::Holds(format!(
            "{name} holds {contents}: --force makes a file system all the same, and that is lost"
        )))
        }
        Err(error) => {
            return Err(Error::Holds(format!(
                "{error}: --force makes a file system all the same, and what {name} holds is lost"
            )))
        }
    }
    wipe(node).map_err(|err| Error::system(name.to_string(), err))
}

/// Writes zeroes where file systems and partition tables say that they are there.
fn wipe(node: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(node)?;
    let size = (&file).seek(SeekFrom::End(0))?;
    let len = size.min(WIPED);
    let zeroes = vec![0; usize::try_from(len).unwrap_or_default()];
    for start in [0, size - len] {
        file.write_all_at(&zeroes, start)?;
    }
    file.sync_all()
}

/// How the disc in a drive is written.
fn writing(target: &Target) -> Result<Writing> {
    let name = target.node.display().to_string();
    let verdict = survey::look(&mut target.open()?).and_then(|medium| medium.writing);
    verdict.map_err(|refusal| {
        let text = medium::objection(&refusal, &name);
        Error::Medium(text.unwrap_or_else(|| format!("{name} does not answer")))
    })
}

fn for_disc(writing: &Writing) -> Vec<String> {
    arguments(media_type(writing.kind), writing.geometry.packet_frames())
}

/// What `mkudffs` calls a disc.
///
/// Those on which the drive replaces bad blocks by itself get no sparing table; of these `mkudffs`
/// knows DVD-RAM only.
const fn media_type(kind: Kind) -> &'static str {
    match kind {
        Kind::CdRw => "cdrw",
        Kind::DvdRw | Kind::DvdPlusRw | Kind::DvdPlusRwDl => "dvdrw",
        Kind::DvdRam | Kind::HdDvdRam | Kind::BdRe | Kind::CdMrw | Kind::DvdMrw => "dvdram",
        Kind::Removable => "hd",
    }
}

fn arguments(media_type: &str, packet_blocks: u32) -> Vec<String> {
    let mut arguments = vec![
        format!("--media-type={media_type}"),
        format!("--blocksize={BLOCK}"),
        format!("--packetlen={packet_blocks}"),
    ];
    // Super blocks of other file systems lie there, which mkudffs leaves unless it is a hard disk,
    // where it may make a partition table.
    if media_type != "hd" {
        arguments.push("--bootarea=erase".to_owned());
    }
    arguments
}

/// Our arguments without those that the user has given; `mkudffs` takes each once.
fn without(own: Vec<String>, given: &[String]) -> Vec<String> {
    let is_given = |own: &String| {
        let long = own.split('=').next().unwrap_or_default();
        let short = match long {
            "--media-type" => Some("-m"),
            "--blocksize" => Some("-b"),
            _ => None,
        };
        given.iter().any(|given| {
            let same = given.strip_prefix(long);
            same.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
                || short.is_some_and(|short| given.starts_with(short))
        })
    };
    own.into_iter().filter(|own| !is_given(own)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_counts() {
        let own = || arguments("dvdrw", 16);
        let with = |given: &[&str]| {
            let given: Vec<_> = given.iter().map(|&word| word.to_owned()).collect();
            without(own(), &given).join(" ")
        };
        assert_eq!(
            with(&["--label=x"]),
            "--media-type=dvdrw --blocksize=2048 --packetlen=16 --bootarea=erase"
        );
        assert_eq!(
            with(&["-m", "hd"]),
            "--blocksize=2048 --packetlen=16 --bootarea=erase"
        );
        assert_eq!(
            with(&["--packetlen=32", "--blocksize", "4096", "--bootarea=mbr"]),
            "--media-type=dvdrw"
        );
    }

    #[test]
    fn nothing_is_lost_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("disc");
        // The last 64 KiB, where a copy of a partition table would be, and others.
        let filled = |pieces: &[(usize, &[u8])]| {
            let mut disc = vec![0; 1 << 20];
            disc[(1 << 20) - 512..].fill(1);
            for (at, piece) in pieces {
                disc[*at..at + piece.len()].copy_from_slice(piece);
            }
            std::fs::write(&node, disc).unwrap();
        };
        filled(&[]);
        check(&node, false).unwrap();
        for piece in [
            (1080, &b"\x53\xef"[..]),
            (65600, &b"_BHRfS_M"[..]),
            (32769, &b"CD001"[..]),
            (512, &b"EFI PART"[..]),
        ] {
            filled(&[piece]);
            let before = std::fs::read(&node).unwrap();
            let error = check(&node, false).unwrap_err();
            assert_eq!(error.exit_status(), 9, "{error}");
            assert_eq!(std::fs::read(&node).unwrap(), before);
            check(&node, true).unwrap();
            let after = std::fs::read(&node).unwrap();
            assert!(after.len() == 1 << 20 && after.iter().all(|&byte| byte == 0));
        }
        // Of what cannot be read nobody knows.
        let error = check(dir.path(), false).unwrap_err();
        assert_eq!(error.exit_status(), 9, "{error}");
    }

    /// What libblkid finds then is UDF alone.
    #[test]
    fn nothing_else_is_found_then() {
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("disc");
        let file = std::fs::File::create(&node).unwrap();
        file.set_len(16 << 20).unwrap();
        let has = |program: &str| {
            std::process::Command::new(program)
                .arg("-V")
                .output()
                .is_ok()
        };
        if !["mkudffs", "mkfs.ext4", "blkid"].into_iter().all(has) {
            eprintln!("skipped: mkudffs, mkfs.ext4 and blkid are not all there");
            return;
        }
        let run = |program: &str, arguments: &[String]| {
            let mut command = std::process::Command::new(program);
            let output = command.args(arguments).arg(&node).output().unwrap();
            assert!(output.status.success(), "{program}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        run("mkfs.ext4", &["-q".to_owned()]);
        let kind = ["-p", "-o", "value", "-s", "TYPE"].map(str::to_owned);
        assert_eq!(run("blkid", &kind), "ext4\n");
        // By the argument alone.
        run("mkudffs", &arguments("dvdrw", 16));
        assert_eq!(run("blkid", &kind), "udf\n");
    }

    /// Every kind that can be written has a type that mkudffs 2.3 knows.
    #[test]
    fn media_types() {
        for (kind, wanted) in [
            (Kind::CdRw, "cdrw"),
            (Kind::DvdRw, "dvdrw"),
            (Kind::DvdPlusRw, "dvdrw"),
            (Kind::DvdPlusRwDl, "dvdrw"),
            (Kind::DvdRam, "dvdram"),
            (Kind::BdRe, "dvdram"),
            (Kind::CdMrw, "dvdram"),
            (Kind::DvdMrw, "dvdram"),
            (Kind::Removable, "hd"),
        ] {
            assert_eq!(media_type(kind), wanted);
        }
    }
}
