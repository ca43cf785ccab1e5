// SPDX-License-Identifier: GPL-2.0

//! Makes images, as `uml_mkcow` does.

use crate::cli::Create;
use crate::file::{absolute, exists, Lower, NewFile, Use};
use crate::image::{check_length, malformed};
use crate::logic::format::{create as new_header, HEADER};
use crate::logic::layout::Layout;
use crate::{Error, Result};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

/// Bytes of zeros that are written at once.
const ZEROS: usize = 64 << 10;

/// Makes an image.
pub fn create(options: &Create) -> Result {
    let backing = Lower::open(&options.backing, Use::Read)?;
    let path = absolute(&options.backing)?;
    let mut header = [0; HEADER];
    let layout = new_header(
        path.as_os_str().as_bytes(),
        backing.size(),
        backing.mtime(),
        &mut header,
    )
    .map_err(|err| malformed(&options.backing, err))?;
    if layout.has_tail() {
        let backing = options.backing.display();
        eprintln!("ubd: warning: {backing} ends within a sector; uml_moo leaves out the rest");
    }
    match fs::metadata(&options.cow) {
        Ok(meta) if meta.file_type().is_block_device() => {
            on_device(options, &backing, &header, &layout)
        }
        Ok(_) if !options.force => Err(exists(&options.cow)),
        Ok(_) => {
            // Whoever uses it keeps it.
            let old = Lower::open(&options.cow, Use::Write)?;
            check_apart(&old, &backing)?;
            as_file(&options.cow, &header, &layout, true)
        }
        Err(_) => as_file(&options.cow, &header, &layout, false),
    }
}

/// Makes a file that is all hole, but for its header, and for its last byte as with `uml_mkcow`.
fn as_file(path: &Path, header: &[u8; HEADER], layout: &Layout, replace: bool) -> Result {
    let new = NewFile::begin(path)?;
    let last = layout.file_bytes().saturating_sub(1);
    let written = new.file().write_all_at(header, 0);
    written
        .and_then(|()| new.file().write_all_at(&[0], last))
        .map_err(|err| Error::of(path, err))?;
    new.finish(replace)
}

/// Makes a device an image: first it has none, then an empty bitmap, then the header. So whatever is there
/// when the power goes, it is not an old bitmap below a new header.
fn on_device(options: &Create, backing: &Lower, header: &[u8; HEADER], layout: &Layout) -> Result {
    let path = options.cow.display();
    if !options.force {
        let hint = "--force overwrites it";
        return Err(Error::Usage(format!("{path} is a device; {hint}")));
    }
    let device = Lower::open(&options.cow, Use::Write)?;
    check_apart(&device, backing)?;
    check_length(&device, layout)?;
    device.write(&[0; HEADER], 0)?;
    device.sync()?;
    let zeros = vec![0; ZEROS];
    let mut at = layout.bitmap_offset();
    while at < layout.data_offset() {
        let length = (layout.data_offset() - at).min(ZEROS as u64);
        device.write(&zeros[..length as usize], at)?;
        at += length;
    }
    device.sync()?;
    device.write(header, 0)?;
    device.sync()
}

fn check_apart(cow: &Lower, backing: &Lower) -> Result {
    if cow.is_same(backing) {
        let path = cow.path().display();
        return Err(Error::Usage(format!(
            "{path} would be its own backing file"
        )));
    }
    Ok(())
}
