// SPDX-License-Identifier: GPL-2.0

//! The write speed: as fast as the medium allows, which may be slower than the drive.

use super::{
    mode::{
        self,
        CAPABILITIES, //
    },
    profile::Kind,
    reply::{
        Reply,
        ReplyError, //
    },
};

/// How much of an ATIP is asked for, in bytes.
pub const ATIP_LEN: u16 = 28;

/// How many speeds of a medium are asked for.
pub const SPEED_DESCRIPTORS: u8 = 16;

/// The speed 1x of a CD, in kB/s.
const CD_SPEED: u32 = 177;

/// The speed that is assumed of a CD or a drive that reports none.
const FALLBACK_TIMES: u32 = 16;

/// The write speed of a drive in kB/s, by its capability page; [`None`] if that is zero.
///
/// # Errors
///
/// Those of [`mode::page_range`], and [`ReplyError::Short`] if the page ends before any speed.
pub fn drive_speed(bytes: &[u8]) -> Result<Option<u16>, ReplyError> {
    let page = mode::page(bytes, CAPABILITIES)?.require(22)?;
    let listed = page
        .u16(30)
        .filter(|&count| count > 0)
        .and_then(|_| page.u16(34));
    let speed = listed.or_else(|| page.u16(28)).or_else(|| page.u16(20));

    Ok(speed.filter(|&speed| speed > 0))
}

/// The highest write speed of the medium in kB/s, by GET PERFORMANCE; [`None`] if it lists none.
///
/// # Errors
///
/// [`ReplyError::Short`] if there is no header.
pub fn listed_speed(bytes: &[u8]) -> Result<Option<u32>, ReplyError> {
    let reply = Reply::new(bytes).require(8)?;
    let end = reply
        .u32(0)
        .and_then(|rest| usize::try_from(rest).ok()?.checked_add(4))
        .unwrap_or(reply.len());
    let list = reply.up_to(end).from(8).bytes();
    let speeds = list
        .chunks_exact(16)
        .filter_map(|entry| Reply::new(entry).u32(12))
        .filter(|&speed| speed > 0);

    Ok(speeds.max())
}

/// How often faster than 1x a CD-RW can be written, by its ATIP; [`None`] if that is not known.
///
/// # Errors
///
/// [`ReplyError::Short`] if the reply ends before; [`ReplyError::Other`] if it is not of a CD-RW.
pub fn atip_times(bytes: &[u8]) -> Result<Option<u32>, ReplyError> {
    let reply = Reply::new(bytes).self_sized().require(17)?;
    let kind = reply.u8(6).unwrap_or_default();

    if kind & 0x40 == 0 {
        return Err(ReplyError::Other);
    }
    if kind & 0x04 == 0 {
        return Ok(None);
    }
    let times: &[u32] = match kind >> 3 & 7 {
        0 => &[0, 2, 4, 6, 8],
        1 => &[0, 2, 4, 6, 10],
        2 => &[0, 2, 4, 8, 0, 0, 16, 0, 24, 32, 40, 48],
        _ => &[],
    };
    let code = usize::from(reply.u8(16).unwrap_or_default() & 0x0f);

    Ok(times.get(code).copied().filter(|&times| times > 0))
}

/// The write speed to set, in kB/s.
///
/// `medium` is [`atip_times`] in kB/s for a CD and [`listed_speed`] for others, `drive` is
/// [`drive_speed`]. A CD is written no faster than both allow, or 16x if neither is known; other
/// media as they say themselves, else as the drive says. There is always an answer.
pub fn choose(kind: Kind, medium: Option<u32>, drive: Option<u16>) -> u16 {
    let drive = drive.map(u32::from);
    let fallback = FALLBACK_TIMES.saturating_mul(CD_SPEED);
    let speed = if kind.is_cd() {
        medium.unwrap_or(fallback).min(drive.unwrap_or(fallback))
    } else {
        medium.or(drive).unwrap_or(fallback)
    };

    u16::try_from(speed).unwrap_or(u16::MAX)
}

/// Converts a multiple of 1x into kB/s.
pub const fn cd_speed(times: u32) -> u32 {
    times.saturating_mul(CD_SPEED)
}
