// SPDX-License-Identifier: GPL-2.0

//! The text commands of the RAM disk.

pub use crate::disk_names::RemoveTarget;

use crate::{
    disk_names::name_of,
    tokens::{
        ParseError,
        Token,
        Tokens, //
    }, //
};

/// Logical block size in bytes if none is given, and the smallest possible.
pub const DEFAULT_BLOCK_SIZE: u32 = 512;

/// Largest logical block size in bytes of any kernel; the running one may allow less.
pub const MAX_BLOCK_SIZE: u32 = 64 << 10;

/// Largest disk in bytes: what a file offset can name.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// The front of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Front {
    /// Bio-based: each bio is carried out in the context of its submitter (`front=bio`).
    #[default]
    Bio,
    /// blk-mq, with tags and an I/O scheduler (`front=mq`).
    Mq,
}

/// The options of a disk that a write to `add` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddOptions<'a> {
    /// `size=`: bytes, a non-zero multiple of the block size up to [`MAX_SIZE`].
    pub size: u64,
    /// `block_size=`: logical block size in bytes, a power of two.
    pub block_size: u32,
    /// `mem_limit=`: bytes of memory that the disk may use; 0 for no limit.
    pub mem_limit: u64,
    /// `prealloc=`: whether all memory is allocated before the disk appears.
    pub prealloc: bool,
    /// `name=`: name of the disk, if the driver is not to choose one.
    pub name: Option<&'a str>,
    /// `front=`: `bio` or `mq`.
    pub front: Front,
}

/// Reads what was written to `add`:
/// `size= [block_size=] [mem_limit=] [prealloc=] [name=] [front=]`.
///
/// The words may come in any order. Sizes take the suffixes of [`crate::tokens::parse_size`].
/// Blocks may be as large as `max_block_size`, which is what the running kernel allows, in bytes.
///
/// # Errors
///
/// The first word that is wrong, or what is missing.
pub fn parse_add(text: &[u8], max_block_size: u32) -> Result<AddOptions<'_>, ParseError<'_>> {
    let mut size = None;
    let mut block_size = None;
    let mut mem_limit = None;
    let mut prealloc = None;
    let mut name = None;
    let mut front = None;

    for word in Tokens::new(text) {
        match word.value().map(|_| word.key()) {
            // Kept with its word: whether it is right depends on other words.
            Some(b"size") => word.store(&mut size, word)?,
            Some(b"block_size") => {
                word.store(&mut block_size, block_size_of(word, max_block_size)?)?
            }
            Some(b"mem_limit") => word.store(&mut mem_limit, word.size()?)?,
            Some(b"prealloc") => word.store(&mut prealloc, (word, word.switch()?))?,
            Some(b"name") => word.store(&mut name, name_of(word)?)?,
            Some(b"front") => word.store(&mut front, front_of(word)?)?,
            _ => return Err(ParseError::Unknown(word)),
        }
    }

    let size_word = size.ok_or(ParseError::Missing("size="))?;
    let block_size = block_size.unwrap_or(DEFAULT_BLOCK_SIZE);
    let size = disk_size(size_word, size_word.size(), block_size)?;
    let mem_limit = mem_limit.unwrap_or_default();

    Ok(AddOptions {
        size,
        block_size,
        mem_limit,
        prealloc: prealloc_within(prealloc, size, mem_limit)?,
        name,
        front: front.unwrap_or_default(),
    })
}

/// Reads what was written to the `size` attribute of a disk with blocks of `block_size` bytes: the
/// size, and whether `force` comes behind it.
///
/// # Errors
///
/// The word that is wrong, or that it is missing.
pub fn parse_resize(text: &[u8], block_size: u32) -> Result<(u64, bool), ParseError<'_>> {
    let mut words = Tokens::new(text);
    let word = words.next().ok_or(ParseError::Missing("size"))?;
    let force = words.next();

    if let Some(other) = force
        .filter(|word| word.as_bytes() != b"force")
        .or(words.next())
    {
        return Err(ParseError::Unknown(other));
    }
    Ok((
        disk_size(word, word.plain_size(), block_size)?,
        force.is_some(),
    ))
}

/// Reads what was written to the `mem_limit` attribute: bytes, 0 for no limit.
///
/// # Errors
///
/// The word that is wrong, or that it is missing.
pub fn parse_mem_limit(text: &[u8]) -> Result<u64, ParseError<'_>> {
    Tokens::only(text, "limit")?.plain_size()
}

/// Reads what was written to `remove`: a device number or the name of a disk.
///
/// No name holds a colon, so nothing can be both.
///
/// # Errors
///
/// The word that is wrong, or that it is missing.
pub fn parse_remove(text: &[u8]) -> Result<RemoveTarget<'_>, ParseError<'_>> {
    let word = Tokens::only(text, "disk")?;
    RemoveTarget::parse(word)
}

/// Checks the size in `word`. A number of more than 64 bits is too large as well.
fn disk_size<'a>(
    word: Token<'a>,
    size: Result<u64, ParseError<'a>>,
    block_size: u32,
) -> Result<u64, ParseError<'a>> {
    let size = match size {
        Err(ParseError::Range(_)) => return Err(ParseError::TooBig(word)),
        other => other?,
    };

    if size > MAX_SIZE {
        return Err(ParseError::TooBig(word));
    }
    // No size is a multiple of a block size of zero.
    if size == 0 || size.checked_rem(u64::from(block_size)) != Some(0) {
        return Err(ParseError::Unacceptable(
            word,
            "a multiple of the block size, and not zero",
        ));
    }
    Ok(size)
}

fn block_size_of(word: Token<'_>, max: u32) -> Result<u32, ParseError<'_>> {
    let max = max.min(MAX_BLOCK_SIZE);

    u32::try_from(word.size()?)
        .ok()
        .filter(|size| size.is_power_of_two() && (DEFAULT_BLOCK_SIZE..=max).contains(size))
        .ok_or(ParseError::Unacceptable(
            word,
            "a power of two, from 512 to what this kernel allows",
        ))
}

fn front_of(word: Token<'_>) -> Result<Front, ParseError<'_>> {
    match word.value() {
        Some(b"bio") => Ok(Front::Bio),
        Some(b"mq") => Ok(Front::Mq),
        _ => Err(ParseError::Malformed(word, "bio or mq")),
    }
}

/// Whether to allocate all memory first. A limit below the size rules that out.
fn prealloc_within<'a>(
    prealloc: Option<(Token<'a>, bool)>,
    size: u64,
    mem_limit: u64,
) -> Result<bool, ParseError<'a>> {
    match prealloc {
        Some((word, true)) if mem_limit != 0 && mem_limit < size => Err(ParseError::Unacceptable(
            word,
            "0 when mem_limit is below size",
        )),
        Some((_, wanted)) => Ok(wanted),
        None => Ok(false),
    }
}
