// SPDX-License-Identifier: GPL-2.0

//! Merges an image and its backing file, as `uml_moo` does.

use crate::cli::Merge;
use crate::copy::{data, Part};
use crate::file::{exists, Lower, NewFile, Use};
use crate::image::Pair;
use crate::logic::bitmap::Run;
use crate::{Error, Result};
use rustix::fs::{fallocate, FallocateFlags};
use rustix::io::Errno;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of zeros that are written at once, where there cannot be a hole.
const ZEROS: usize = 64 << 10;

/// Merges into a new file, or into the backing file.
pub fn merge(options: &Merge) -> Result {
    match &options.new {
        Some(new) => into_new(options, new),
        None => into_backing(options),
    }
}

/// Makes a file of all sectors, with holes where there are zeros.
fn into_new(options: &Merge, path: &Path) -> Result {
    // It is put in place by its name; so it must not be one of those that are read.
    if path.exists() && !options.force_new {
        return Err(exists(path));
    }
    let pair = open(options, Use::Read)?;
    if let Ok(old) = path.metadata() {
        if !old.is_file() {
            return Err(Error::Usage(format!("{} is no file", path.display())));
        }
        let old = Lower::open(path, Use::Look)?;
        if old.is_same(&pair.cow) || old.is_same(&pair.backing) {
            return Err(Error::Usage(format!("{} is read", path.display())));
        }
    }
    let new = NewFile::begin(path)?;
    let failed = |err| Error::of(path, err);
    new.file().set_len(pair.layout.size()).map_err(failed)?;
    for (first, run) in pair.runs() {
        let Some(place) = Place::of(&pair, first, run) else {
            continue;
        };
        let from = if run.in_cow { &pair.cow } else { &pair.backing };
        data(from, place.part, |at, bytes| {
            new.file()
                .write_all_at(bytes, place.offset + at)
                .map_err(failed)
        })?;
    }
    new.finish(options.force_new)
}

/// Writes into the backing file what the image has. Until all of it is durable there, the image stays as it is:
/// whatever part was written, both together read as before.
fn into_backing(options: &Merge) -> Result {
    let pair = open(options, Use::Write)?;
    for (first, run) in pair.runs().filter(|(_, run)| run.in_cow) {
        let Some(place) = Place::of(&pair, first, run) else {
            continue;
        };
        let mut done = 0;
        data(&pair.cow, place.part, |at, bytes| {
            zero(&pair.backing, place.offset + done, at - done)?;
            done = at + bytes.len() as u64;
            pair.backing.write(bytes, place.offset + at)
        })?;
        zero(&pair.backing, place.offset + done, place.part.bytes - done)?;
    }
    pair.backing.sync()
}

fn open(options: &Merge, backing_use: Use) -> Result<Pair> {
    let backing = options.backing.as_deref();
    let pair = Pair::open(&options.cow, backing, backing_use, options.force)?;
    if !pair.layout.is_whole() {
        let cow = options.cow.display();
        eprintln!("ubd: warning: the last sectors of {cow} have no bit: those of the backing file are taken");
    }
    Ok(pair)
}

/// Where sectors are read, and where they come to be.
struct Place {
    part: Part,
    offset: u64,
}

impl Place {
    /// What is behind the end of the backing file, in its last sector, is not merged.
    fn of(pair: &Pair, first: u64, run: Run) -> Option<Self> {
        let part = pair.layout.part(first, run.sectors)?;
        let from = match run.in_cow {
            true => pair.layout.cow_offset(first)?,
            false => part.offset,
        };
        Some(Self {
            part: Part {
                offset: from,
                bytes: part.present,
                must: part.present,
            },
            offset: part.offset,
        })
    }
}

/// Has a range read as zeros: with a hole if that can be, or else by writing them.
fn zero(to: &Lower, offset: u64, bytes: u64) -> Result {
    if bytes == 0 {
        return Ok(());
    }
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match fallocate(to.file(), hole, offset, bytes) {
        Ok(()) => return Ok(()),
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => {}
        Err(err) => return Err(Error::of(to.path(), err)),
    }
    let zeros = vec![0; ZEROS.min(bytes as usize)];
    let mut at = 0;
    while at < bytes {
        let length = (bytes - at).min(ZEROS as u64);
        to.write(&zeros[..length as usize], offset + at)?;
        at += length;
    }
    Ok(())
}
