// SPDX-License-Identifier: GPL-2.0

//! Mode pages within the reply to MODE SENSE(10).

use super::reply::{
    Reply,
    ReplyError, //
};
use core::ops::Range;

/// Number of the write-parameter page.
pub const WRITE_PARAMETERS: u8 = 0x05;

/// Number of the caching page.
pub const CACHING: u8 = 0x08;

/// Number of the page on capabilities and mechanical status.
pub const CAPABILITIES: u8 = 0x2a;

/// How much of a reply is asked for, in bytes.
pub const REPLY_LEN: u16 = 256;

/// Bytes in front of the block descriptors.
const HEADER_LEN: usize = 8;

/// Whether a reply says that the medium is write protected.
pub fn is_write_protected(bytes: &[u8]) -> bool {
    Reply::new(bytes).has(3, 0x80)
}

/// Where in a reply the page with a number is, all of it.
///
/// The header has how long the block descriptors in front of it are, the page how long it is:
/// both are held against what came.
///
/// # Errors
///
/// [`ReplyError::Short`] if the page is not there as a whole; [`ReplyError::Other`] if it is
/// another one.
pub fn page_range(bytes: &[u8], number: u8) -> Result<Range<usize>, ReplyError> {
    let reply = Reply::new(bytes).self_sized().require(HEADER_LEN)?;
    let descriptors = reply.u16(6).map_or(0, usize::from);
    let start = descriptors.saturating_add(HEADER_LEN);
    let reply = reply.require(start.saturating_add(2))?;
    let end = usize::from(reply.u8(start.saturating_add(1)).unwrap_or_default())
        .saturating_add(2)
        .saturating_add(start);

    if reply.u8(start).map(|code| code & 0x7f) != Some(number) {
        return Err(ReplyError::Other);
    }
    reply.require(end)?;
    Ok(start..end)
}

/// The page with a number.
///
/// # Errors
///
/// Those of [`page_range`].
pub fn page(bytes: &[u8], number: u8) -> Result<Reply<'_>, ReplyError> {
    let range = page_range(bytes, number)?;

    Ok(Reply::new(bytes.get(range).unwrap_or_default()))
}

/// Whether the drive keeps writes in its cache, by the caching page.
///
/// It is never changed: a drive may report success before data is on the medium as long as
/// SYNCHRONIZE CACHE holds it to its word.
///
/// # Errors
///
/// Those of [`page_range`], and [`ReplyError::Short`] if the page is too short to tell.
pub fn write_cache(bytes: &[u8]) -> Result<bool, ReplyError> {
    let page = page(bytes, CACHING)?.require(3)?;

    Ok(page.has(2, 1 << 2))
}
