// SPDX-License-Identifier: GPL-2.0

//! Copies parts of files, without what is only zeros.

use crate::file::Lower;
use crate::{Error, Result};
use rustix::fs::{seek, SeekFrom};
use rustix::io::Errno;

/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;

/// Bytes of which all are written, or none since they are zeros. Parts begin at multiples of it in the
/// file that is read.
const BLOCK: usize = 4096;

/// A part of a file.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// How much must be there: behind that the file may end, and zeros are read.
    pub must: u64,
}

/// Reads a part of a file, without its holes; gives `put` the bytes that are not only zeros, and how far from the
/// start of the part each piece is.
pub fn data(from: &Lower, part: Part, mut put: impl FnMut(u64, &[u8]) -> Result) -> Result {
    let mut buffer = vec![0; CHUNK.min(part.bytes) as usize];
    let mut at = 0;
    while at < part.bytes {
        let Some(found) = next_data(from, part.offset + at)? else {
            break;
        };
        at = at.max(found - part.offset);
        if at >= part.bytes {
            break;
        }
        let wanted = (part.bytes - at).min(CHUNK) as usize;
        let chunk = &mut buffer[..wanted];
        let got = from.read(chunk, part.offset + at)?;
        if got < wanted && at + (got as u64) < part.must {
            return Err(ended(from));
        }
        pieces(&chunk[..got], at, &mut put)?;
        if got < wanted {
            return Ok(());
        }
        at += wanted as u64;
    }
    // What is behind the data is a hole, unless the file ends too early.
    if part.offset + part.must > from.size() {
        return Err(ended(from));
    }
    Ok(())
}

fn ended(from: &Lower) -> Error {
    Error::Image(format!("{}: it ends too early", from.path().display()))
}

/// Where data is next; the same place if the file system does not know.
fn next_data(from: &Lower, at: u64) -> Result<Option<u64>> {
    if from.is_device() {
        return Ok(Some(at));
    }
    match seek(from.file(), SeekFrom::Data(at)) {
        Ok(found) => Ok(Some(found.max(at))),
        Err(Errno::NXIO) => Ok(None),
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(Some(at)),
        Err(err) => Err(Error::of(from.path(), err)),
    }
}

/// Puts what is not only zeros, blocks that are one behind the other at once.
fn pieces(bytes: &[u8], at: u64, put: &mut impl FnMut(u64, &[u8]) -> Result) -> Result {
    let is_zero = |block: &&[u8]| block.iter().all(|byte| *byte == 0);
    let mut start = 0;
    for chunk in bytes
        .chunks(BLOCK)
        .collect::<Vec<_>>()
        .chunk_by(|a, b| is_zero(a) == is_zero(b))
    {
        let length: usize = chunk.iter().map(|block| block.len()).sum();
        if !chunk.first().is_none_or(is_zero) {
            put(at + start as u64, &bytes[start..start + length])?;
        }
        start += length;
    }
    Ok(())
}
