// SPDX-License-Identifier: GPL-2.0

//! The text commands of the packet driver.

use super::frames::{
    FRAME_SIZE,
    PACKET_MAX_FRAMES,
    SECTOR_SIZE, //
};
use crate::tokens::{
    DeviceNumber,
    ParseError,
    Token,
    Tokens, //
};

/// Default packet size in bytes, if neither the command nor the medium sets one.
pub const DEFAULT_PACKET_SIZE: u32 = 64 << 10;

/// Largest packet size in bytes.
pub const MAX_PACKET_SIZE: u32 = PACKET_MAX_FRAMES * FRAME_SIZE;

/// Default number of packet buffers of a device, if neither the command nor the class sets one.
pub const DEFAULT_PACKET_BUFFERS: u32 = 8;

/// Fewest packet buffers that a device works with.
pub const MIN_PACKET_BUFFERS: u32 = 2;

/// Most packet buffers that a device may have.
pub const MAX_PACKET_BUFFERS: u32 = 64;

/// What a write to `add` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddOptions {
    /// The lower device: the one word without a key.
    pub device: DeviceNumber,
    /// `packet_size=`: bytes in a packet, a multiple of 2048 up to [`MAX_PACKET_SIZE`].
    pub packet_size: Option<u32>,
    /// `packet_buffers=`: [`MIN_PACKET_BUFFERS`] to [`MAX_PACKET_BUFFERS`].
    pub packet_buffers: Option<u32>,
    /// `offset=`: bytes from the start of the lower device to the first packet, a multiple of
    /// 2048; 0 if not given. The space in front is not written.
    pub offset: u64,
}

impl AddOptions {
    /// Size of a packet in sectors, the default if none was given.
    pub fn packet_sectors(&self) -> u32 {
        self.packet_size.unwrap_or(DEFAULT_PACKET_SIZE) / SECTOR_SIZE
    }

    /// The sector of the lower device at which the first packet starts.
    pub fn start_sector(&self) -> u64 {
        self.offset / u64::from(SECTOR_SIZE)
    }
}

/// Reads what was written to `add`: `major:minor [packet_size=] [packet_buffers=] [offset=]`.
///
/// The words may come in any order. Sizes take the suffixes of [`crate::tokens::parse_size`].
///
/// # Errors
///
/// The first word that is wrong, or what is missing.
pub fn parse_add(text: &[u8]) -> Result<AddOptions, ParseError<'_>> {
    let mut device = None;
    let mut packet_size = None;
    let mut packet_buffers = None;
    let mut offset = None;

    for word in Tokens::new(text) {
        match word.key() {
            b"packet_size" => word.store(&mut packet_size, packet_size_of(word)?)?,
            b"packet_buffers" => word.store(&mut packet_buffers, packet_buffers_of(word)?)?,
            b"offset" => word.store(&mut offset, offset_of(word)?)?,
            _ if word.value().is_some() => return Err(ParseError::Unknown(word)),
            _ => word.store(&mut device, DeviceNumber::parse(word)?)?,
        }
    }

    Ok(AddOptions {
        device: device.ok_or(ParseError::Missing("major:minor"))?,
        packet_size,
        packet_buffers,
        offset: offset.unwrap_or_default(),
    })
}

/// Reads what was written to `remove`: `major:minor` and nothing else.
///
/// # Errors
///
/// The first word that is wrong, or what is missing.
pub fn parse_remove(text: &[u8]) -> Result<DeviceNumber, ParseError<'_>> {
    DeviceNumber::parse(Tokens::only(text, "major:minor")?)
}

/// Reads what was written to a `packet_buffers` attribute.
///
/// # Errors
///
/// The word that is wrong, or that it is missing.
pub fn parse_packet_buffers(text: &[u8]) -> Result<u32, ParseError<'_>> {
    let word = Tokens::only(text, "number of packet buffers")?;

    word.plain_number()
        .and_then(|number| packet_buffers_in_bounds(word, number))
}

fn packet_size_of(word: Token<'_>) -> Result<u32, ParseError<'_>> {
    u32::try_from(word.size()?)
        .ok()
        .filter(|size| (FRAME_SIZE..=MAX_PACKET_SIZE).contains(size) && size % FRAME_SIZE == 0)
        .ok_or(ParseError::Unacceptable(
            word,
            "a multiple of 2048, up to 256K",
        ))
}

fn packet_buffers_of(word: Token<'_>) -> Result<u32, ParseError<'_>> {
    packet_buffers_in_bounds(word, word.number()?)
}

fn packet_buffers_in_bounds(word: Token<'_>, number: u64) -> Result<u32, ParseError<'_>> {
    u32::try_from(number)
        .ok()
        .filter(|number| (MIN_PACKET_BUFFERS..=MAX_PACKET_BUFFERS).contains(number))
        .ok_or(ParseError::Unacceptable(word, "2 to 64"))
}

fn offset_of(word: Token<'_>) -> Result<u64, ParseError<'_>> {
    let offset = word.size()?;

    if offset % u64::from(FRAME_SIZE) != 0 {
        return Err(ParseError::Unacceptable(word, "a multiple of 2048"));
    }
    Ok(offset)
}
