// SPDX-License-Identifier: GPL-2.0

//! An image that is open.

use crate::bits::Bits;
use crate::file::{Lower, Use};
use crate::logic::bitmap::{self, Run};
use crate::logic::format::{Header, MAX_HEADER};
use crate::logic::layout::Layout;
use crate::logic::malformed::{Malformed, Stale};
use crate::{Error, Result};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes of the bitmap that are read at once, a multiple of eight.
const CHUNK: u64 = 1 << 20;

/// The first bytes of a file that may be an image.
#[derive(Debug)]
pub struct Start(Vec<u8>);

impl Start {
    /// Reads them.
    pub fn read(lower: &Lower) -> Result<Self> {
        let mut bytes = vec![0; MAX_HEADER];
        let length = lower.read(&mut bytes, 0)?;
        bytes.truncate(length);
        Ok(Self(bytes))
    }

    /// The header in them.
    pub fn header(&self, path: &Path) -> Result<Header<'_>> {
        Header::parse(&self.0).map_err(|err| malformed(path, err))
    }
}

/// The path of the backing file in a header.
pub fn backing_path(header: &Header<'_>) -> PathBuf {
    OsStr::from_bytes(header.backing).into()
}

/// That an image cannot be used.
pub fn malformed(path: &Path, err: Malformed) -> Error {
    Error::Image(format!("{}: {err}", path.display()))
}

/// That a backing file is another one.
pub fn stale(path: &Path, err: Stale) -> Error {
    let hint = match err {
        Stale::Size { .. } => "",
        Stale::Mtime { .. } => "; --force uses it all the same",
    };
    Error::Image(format!("{}: {err}{hint}", path.display()))
}

/// Checks that a file has room for all that an image has.
pub fn check_length(lower: &Lower, layout: &Layout) -> Result {
    let checked = match lower.is_device() {
        true => layout.check_device(lower.size()),
        false => layout.check_file(lower.size()),
    };
    checked.map_err(|err| malformed(lower.path(), err))
}

/// Reads the bitmap of an image.
pub fn read_bits(lower: &Lower, layout: &Layout) -> Result<Bits> {
    let bits = Bits::new(layout.sectors())?;
    let mut at = 0;
    while at < layout.bitmap_bytes() {
        let length = CHUNK.min(layout.bitmap_bytes() - at);
        let mut bytes = vec![0; length as usize];
        if lower.read(&mut bytes, layout.bitmap_offset() + at)? < bytes.len() {
            return Err(Error::Image(format!(
                "{}: it ends within the bitmap",
                lower.path().display()
            )));
        }
        bitmap::load_bytes(&bits, at, &bytes, layout.sectors());
        at += length;
    }
    Ok(bits)
}

/// An image with its backing file, both locked.
#[derive(Debug)]
pub struct Pair {
    /// The image.
    pub cow: Lower,
    /// The backing file.
    pub backing: Lower,
    /// Where the parts of the image are.
    pub layout: Layout,
    /// Which sectors it has.
    pub bits: Bits,
}

impl Pair {
    /// Opens an image to read it, and its backing file: that in the header unless another is given. With
    /// `force` the backing file may have been changed at another time than the header has.
    pub fn open(cow: &Path, backing: Option<&Path>, backing_use: Use, force: bool) -> Result<Self> {
        let cow = Lower::open(cow, Use::Read)?;
        let start = Start::read(&cow)?;
        let header = start.header(cow.path())?;
        let layout = header.layout().map_err(|err| malformed(cow.path(), err))?;
        check_length(&cow, &layout)?;
        let recorded = backing_path(&header);
        let path = backing.unwrap_or(&recorded);
        let backing = Lower::open(path, backing_use)?;
        if backing.is_same(&cow) {
            return Err(Error::Usage(format!("{} backs itself", path.display())));
        }
        header
            .check_backing(backing.size(), backing.mtime(), force)
            .map_err(|err| stale(path, err))?;
        let bits = read_bits(&cow, &layout)?;
        Ok(Self {
            cow,
            backing,
            layout,
            bits,
        })
    }

    /// All sectors of the disk, in order: the first sector of each run, and the run.
    pub fn runs(&self) -> impl Iterator<Item = (u64, Run)> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = self.layout.sectors() - at;
            let first = at;
            (rest > 0).then(|| {
                let run = bitmap::run(&self.bits, first, rest);
                at += run.sectors;
                (first, run)
            })
        })
    }
}
