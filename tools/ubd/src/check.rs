// SPDX-License-Identifier: GPL-2.0

//! Checks an image: whether it can be used, and whether all is there that it says.

use crate::cli::Check;
use crate::file::{Lower, Use};
use crate::image::{check_length, malformed, read_bits, Pair, Start};
use crate::logic::bitmap;
use crate::logic::layout::Layout;
use crate::{Error, Result};

/// What was found that is no reason against using the image.
pub type Warnings = Vec<String>;

/// Checks an image, alone or with its backing file.
pub fn check(options: &Check) -> Result<Warnings> {
    let mut warnings = Warnings::new();
    let (lower, layout) = match options.alone {
        true => alone(options)?,
        false => {
            let backing = options.backing.as_deref();
            let pair = Pair::open(&options.image, backing, Use::Read, options.force)?;
            (pair.cow, pair.layout)
        }
    };
    let bits = read_bits(&lower, &layout)?;
    if layout.has_tail() {
        warnings.push("the backing file ends within a sector; uml_moo leaves out the rest".into());
    }
    if !layout.is_whole() {
        warnings.push("the last sectors have no bit; disks of it are read-only".into());
    }
    beyond_the_end(&lower, &layout)?;
    missing_data(&lower, &layout, &bits)?;
    Ok(warnings)
}

fn alone(options: &Check) -> Result<(Lower, Layout)> {
    let lower = Lower::open(&options.image, Use::Read)?;
    let start = Start::read(&lower)?;
    let layout = start.header(lower.path())?.layout();
    let layout = layout.map_err(|err| malformed(lower.path(), err))?;
    check_length(&lower, &layout)?;
    Ok((lower, layout))
}

/// Bits behind that of the last sector are no sign of anything that is known.
fn beyond_the_end(lower: &Lower, layout: &Layout) -> Result {
    let used = layout.sectors() % 8;
    if used == 0 || !layout.is_whole() {
        return Ok(());
    }
    let mut last = [0];
    lower.read(
        &mut last,
        layout.bitmap_offset() + layout.bitmap_bytes() - 1,
    )?;
    if last[0] >> used != 0 {
        return Err(wrong(lower, "the bitmap has bits behind the last sector"));
    }
    Ok(())
}

/// A sector that the image has must not be behind the end of the file.
fn missing_data(lower: &Lower, layout: &Layout, bits: &crate::bits::Bits) -> Result {
    let there = lower.size().saturating_sub(layout.data_offset());
    // The last sector may be there in part, as of the backing file.
    let whole = match there >= layout.size() {
        true => layout.sectors(),
        false => there / 512,
    };
    let run = bitmap::run(bits, whole, layout.sectors() - whole);
    if whole < layout.sectors() && (run.in_cow || whole + run.sectors < layout.sectors()) {
        return Err(wrong(
            lower,
            "the file ends before data that the bitmap has",
        ));
    }
    Ok(())
}

fn wrong(lower: &Lower, what: &str) -> Error {
    Error::Image(format!("{}: {what}", lower.path().display()))
}
