// SPDX-License-Identifier: GPL-2.0

//! Makes a UDF file system that suits the disc.

use crate::class::{number_in, Class};
use crate::cli::Mkfs;
use crate::drive::{self, Target};
use crate::driver::logic::mmc::medium::Writing;
use crate::driver::logic::mmc::profile::Kind;
use crate::mapped::Mapped;
use crate::medium;
use crate::paths::Paths;
use crate::programs;
use crate::survey;
use crate::{Error, Result};

/// Bytes in a block of UDF on discs.
const BLOCK: u32 = 2048;

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
    let mut arguments = without(own, &options.arguments);
    arguments.extend(options.arguments.iter().cloned());
    let node = paths.nodes().join(&mapped.mapping().name);
    arguments.push(node.to_string_lossy().into_owned());
    eprintln!("mkudffs {}", arguments.join(" "));
    let made = programs::run("mkudffs", "udftools", arguments).and_then(|()| mapped.keep());
    if made.is_err() {
        // Why it could not be made is what counts.
        let _ = mapped.end();
    }
    made
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
    vec![
        format!("--media-type={media_type}"),
        format!("--blocksize={BLOCK}"),
        format!("--packetlen={packet_blocks}"),
    ]
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
            "--media-type=dvdrw --blocksize=2048 --packetlen=16"
        );
        assert_eq!(with(&["-m", "hd"]), "--blocksize=2048 --packetlen=16");
        assert_eq!(
            with(&["--packetlen=32", "--blocksize", "4096"]),
            "--media-type=dvdrw"
        );
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
