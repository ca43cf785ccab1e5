// SPDX-License-Identifier: GPL-2.0

//! What is wrong with an image, each with the field and its value.

use core::fmt;

/// Why some bytes are not the header of an image that can be used: `EINVAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The file ends before its header does.
    Header {
        /// Bytes that the header of this version has.
        needs: u64,
        /// Bytes that are there.
        has: u64,
    },
    /// The magic number is another one: these bytes.
    Magic([u8; 4]),
    /// There is no such version, or not in this byte order.
    Version(u32),
    /// The path of the backing file has no NUL byte behind it.
    BackingEnd,
    /// A path of so many bytes has no room in the header, or it is empty.
    BackingLength(usize),
    /// A size of zero bytes, or of more than a file can have.
    Size(u64),
    /// Another sector size than 512 bytes.
    SectorSize(u32),
    /// An alignment of zero, or of more than 16 MiB.
    Alignment(u32),
    /// Another format than a bitmap.
    CowFormat(u32),
    /// The file ends before the data begins, or the device before the data ends.
    Length {
        /// Bytes that must be there.
        needs: u64,
        /// Bytes that are there.
        has: u64,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { needs, has } => {
                write!(f, "header: {has} bytes are there, {needs} are needed")
            }
            Self::Magic(bytes) => write!(f, "magic: '{}' is not 'OOOM'", bytes.escape_ascii()),
            Self::Version(version) => write!(f, "version: {version} is not known"),
            Self::BackingEnd => write!(f, "backing file: no NUL byte ends the path"),
            Self::BackingLength(length) => {
                write!(
                    f,
                    "backing file: a path of {length} bytes is none or has no room"
                )
            }
            Self::Size(size) => write!(f, "size: {size} bytes are none or too many"),
            Self::SectorSize(size) => write!(f, "sector size: {size} is not 512"),
            Self::Alignment(align) => write!(f, "alignment: {align} is not 1 to 16777216"),
            Self::CowFormat(format) => write!(f, "cow_format: {format} is not 0"),
            Self::Length { needs, has } => {
                write!(f, "length: {has} bytes are there, {needs} are needed")
            }
        }
    }
}

/// Why a backing file is not the one that an image was made over: `ESTALE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// Its size is another one, in bytes.
    Size {
        /// What the header of the image has.
        header: u64,
        /// What the backing file has.
        actual: u64,
    },
    /// It was changed at another time, in seconds since 1970 modulo 2^32.
    Mtime {
        /// What the header of the image has.
        header: u32,
        /// What the backing file has.
        actual: u32,
    },
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { header, actual } => write!(
                f,
                "size of the backing file: {actual} bytes, the header has {header}"
            ),
            Self::Mtime { header, actual } => write!(
                f,
                "mtime of the backing file: {actual}, the header has {header}"
            ),
        }
    }
}
