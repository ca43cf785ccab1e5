// SPDX-License-Identifier: GPL-2.0

//! Shows what is in an image.

use crate::cli::Info;
use crate::file::{Lower, Use};
use crate::image::{backing_path, check_length, read_bits, Start};
use crate::logic::bitmap;
use crate::logic::format::{ByteOrder, Header, Version};
use crate::{Error, Result};
use serde::Serialize;
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// An image.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Its path.
    pub image: String,
    /// The version of its format: `1, big-endian`, `1, little-endian`, `2`, `3` or `3, broken`.
    pub format: &'static str,
    /// Path of the backing file.
    pub backing: String,
    /// When that was changed, in seconds since 1970.
    pub mtime: u32,
    /// Bytes of the backing file.
    pub size: u64,
    /// Bytes of a sector.
    pub sector_size: u32,
    /// Bytes at whose multiples the bitmap and the data begin.
    pub alignment: u32,
    /// Where the bitmap is.
    pub bitmap_offset: Option<u64>,
    /// Bytes of the bitmap.
    pub bitmap_bytes: Option<u64>,
    /// Where the data is.
    pub data_offset: Option<u64>,
    /// Sectors of the disk.
    pub sectors: Option<u64>,
    /// Sectors that the image has.
    pub cow_sectors: Option<u64>,
    /// Bytes that the file takes on its disk; none of a device.
    pub allocated: Option<u64>,
    /// Whether a disk, User-Mode Linux or a command uses it.
    pub in_use: bool,
    /// Why it cannot be used.
    pub error: Option<String>,
    /// What is with the backing file, if it cannot be used with it.
    pub backing_error: Option<String>,
}

/// Looks at an image. An image in use may be one that is not quite as it says.
pub fn look(options: &Info) -> Result<Report> {
    let lower = Lower::open(&options.image, Use::Look)?;
    let start = Start::read(&lower)?;
    let header = start.header(lower.path())?;
    let mut report = new_report(&lower, &header);
    let layout = match header.layout() {
        Ok(layout) => layout,
        Err(err) => {
            report.error = Some(err.to_string());
            return Ok(report);
        }
    };
    report.bitmap_offset = Some(layout.bitmap_offset());
    report.bitmap_bytes = Some(layout.bitmap_bytes());
    report.data_offset = Some(layout.data_offset());
    report.sectors = Some(layout.sectors());
    let counted = check_length(&lower, &layout).and_then(|()| read_bits(&lower, &layout));
    match counted {
        Ok(bits) => report.cow_sectors = Some(bitmap::count(&bits)),
        Err(err) => report.error = Some(said(&lower, &err)),
    }
    let backing = options.backing.clone();
    let backing = backing.unwrap_or_else(|| backing_path(&header));
    report.backing_error = backing_error(&header, &backing);
    Ok(report)
}

fn new_report(lower: &Lower, header: &Header<'_>) -> Report {
    let blocks = lower.file().metadata().map(|meta| meta.blocks() * 512);
    Report {
        image: lower.path().display().to_string(),
        format: match header.version {
            Version::V1(ByteOrder::Big) => "1, big-endian",
            Version::V1(ByteOrder::Little) => "1, little-endian",
            Version::V2 => "2",
            Version::V3 => "3",
            Version::V3Broken => "3, broken",
        },
        backing: backing_path(header).display().to_string(),
        mtime: header.mtime,
        size: header.size,
        sector_size: header.sector_size,
        alignment: header.alignment,
        bitmap_offset: None,
        bitmap_bytes: None,
        data_offset: None,
        sectors: None,
        cow_sectors: None,
        allocated: blocks.ok().filter(|_| !lower.is_device()),
        in_use: lower.is_in_use(),
        error: None,
        backing_error: None,
    }
}

/// An error of a file, without its path in front.
fn said(lower: &Lower, err: &Error) -> String {
    let text = err.to_string();
    let path = format!("{}: ", lower.path().display());
    text.strip_prefix(&path).unwrap_or(&text).to_owned()
}

fn backing_error(header: &Header<'_>, path: &Path) -> Option<String> {
    let backing = match Lower::open(path, Use::Look) {
        Ok(backing) => backing,
        Err(err) => return Some(err.to_string()),
    };
    let checked = header.check_backing(backing.size(), backing.mtime(), false);
    checked.err().map(|err| err.to_string())
}

/// For people.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<16}{value}");
    };
    line("image", &report.image);
    line("format", &report.format);
    line("backing file", &report.backing);
    line("  size", &format!("{} bytes", report.size));
    line("  mtime", &report.mtime);
    line("sector size", &report.sector_size);
    line("alignment", &report.alignment);
    if let (Some(offset), Some(bytes)) = (report.bitmap_offset, report.bitmap_bytes) {
        line("bitmap", &format!("{bytes} bytes at {offset}"));
    }
    if let Some(offset) = report.data_offset {
        line("data", &format!("at {offset}"));
    }
    if let (Some(has), Some(of)) = (report.cow_sectors, report.sectors) {
        line("sectors", &format!("{has} of {of} are in the image"));
    }
    if let Some(bytes) = report.allocated {
        line("allocated", &format!("{bytes} bytes"));
    }
    line("in use", &if report.in_use { "yes" } else { "no" });
    if let Some(error) = &report.error {
        line("cannot be used", error);
    }
    if let Some(error) = &report.backing_error {
        line("not up to date", error);
    }
    text
}
