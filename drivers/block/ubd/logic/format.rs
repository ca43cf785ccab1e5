// SPDX-License-Identifier: GPL-2.0

//! The headers of images of User-Mode Linux.
//!
//! All versions begin with a magic number and a version. Numbers are big-endian, except in version 1,
//! which has the byte order of the machine that wrote it. Fields are packed. Offsets in bytes:
//!
//! ```text
//!                        1     2     3   3, broken
//!   path of backing      8     8    32    36
//!   mtime (32 bits)    264  4104     8     8
//!   size (64 bits)     268  4108    12    16
//!   sector size        276  4116    20    24
//!   alignment            -     -    24    28
//!   cow_format           -     -    28    32
//!   end                280  4120  4128  4136
//! ```
//!
//! Machines with 64 bits wrote the broken form of version 3 for some time. It is known by the four
//! zero bytes where the path should begin.

use super::layout::{
    Layout,
    Rule, //
};
use super::malformed::{
    Malformed,
    Stale, //
};

/// The first bytes of an image, as a big-endian number; `OOOM` in ASCII.
pub const MAGIC: u32 = 0x4f4f_4f4d;

/// Bytes of the longest header; as much of an image is enough to decode it.
pub const MAX_HEADER: usize = 4136;

/// Bytes of the header of an image that was made by [`create`].
pub const HEADER: usize = 4128;

/// Alignment of an image that was made by [`create`], in bytes.
pub const ALIGNMENT: u32 = 4096;

/// Sector size of all images that can be used, in bytes.
pub const SECTOR_SIZE: u32 = 512;

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The highest.
    Big,
    /// The lowest.
    Little,
}

/// A version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Version 1, with paths of up to 255 bytes.
    V1(ByteOrder),
    /// Version 2, with paths of up to 4095 bytes.
    V2,
    /// Version 3, with an alignment.
    V3,
    /// Version 3 as some machines with 64 bits wrote it.
    V3Broken,
}

/// Offsets of the fields of a version, in bytes.
#[derive(Debug, Clone, Copy)]
struct Fields {
    backing: usize,
    backing_bytes: usize,
    mtime: usize,
    size: usize,
    sector_size: usize,
    /// The alignment; cow_format is behind it.
    alignment: Option<usize>,
    end: usize,
}

impl Version {
    fn fields(self) -> Fields {
        match self {
            Self::V1(_) => Fields {
                backing: 8,
                backing_bytes: 256,
                mtime: 264,
                size: 268,
                sector_size: 276,
                alignment: None,
                end: 280,
            },
            Self::V2 => Fields {
                backing: 8,
                backing_bytes: 4096,
                mtime: 4104,
                size: 4108,
                sector_size: 4116,
                alignment: None,
                end: 4120,
            },
            Self::V3 => Fields {
                backing: 32,
                backing_bytes: 4096,
                mtime: 8,
                size: 12,
                sector_size: 20,
                alignment: Some(24),
                end: HEADER,
            },
            Self::V3Broken => Fields {
                backing: 36,
                backing_bytes: 4096,
                mtime: 8,
                size: 16,
                sector_size: 24,
                alignment: Some(28),
                end: MAX_HEADER,
            },
        }
    }

    /// The number in the header.
    pub fn number(self) -> u32 {
        match self {
            Self::V1(_) => 1,
            Self::V2 => 2,
            Self::V3 | Self::V3Broken => 3,
        }
    }

    /// Bytes of the header.
    pub fn header_bytes(self) -> usize {
        self.fields().end
    }

    fn order(self) -> ByteOrder {
        match self {
            Self::V1(order) => order,
            _ => ByteOrder::Big,
        }
    }

    fn rule(self) -> Rule {
        match self {
            Self::V1(_) | Self::V2 => Rule::Packed,
            Self::V3 | Self::V3Broken => Rule::Aligned,
        }
    }

    fn detect(image: &[u8], order: ByteOrder, number: u32) -> Result<Self, Malformed> {
        match (number, order) {
            (1, order) => Ok(Self::V1(order)),
            (2, ByteOrder::Big) => Ok(Self::V2),
            (3, ByteOrder::Big) => match u32_at(image, Self::V3.fields().backing, order)? {
                0 => Ok(Self::V3Broken),
                _ => Ok(Self::V3),
            },
            _ => Err(Malformed::Version(number)),
        }
    }
}

/// The header of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which version it is.
    pub version: Version,
    /// Path of the backing file, which may be relative; without the NUL byte.
    pub backing: &'a [u8],
    /// When the backing file was changed: seconds since 1970 modulo 2^32.
    pub mtime: u32,
    /// Bytes of the backing file.
    pub size: u64,
    /// Bytes for which there is a bit.
    pub sector_size: u32,
    /// Bytes of which the data, and in version 3 the bitmap, begins at a multiple.
    pub alignment: u32,
    /// What is behind the header: 0 for a bitmap.
    pub cow_format: u32,
}

impl<'a> Header<'a> {
    /// Reads the header of an image from its first bytes, [`MAX_HEADER`] of them if it has as many.
    ///
    /// This says what is there; [`Header::layout`] also checks whether it can be used.
    ///
    /// # Errors
    ///
    /// [`Malformed`], if it is no header or has no path in it.
    pub fn parse(image: &'a [u8]) -> Result<Self, Malformed> {
        let magic = array_at(image, 0)?;
        let order = match u32::from_be_bytes(magic) {
            MAGIC => ByteOrder::Big,
            other if other.swap_bytes() == MAGIC => ByteOrder::Little,
            _ => return Err(Malformed::Magic(magic)),
        };
        let version = Version::detect(image, order, u32_at(image, 4, order)?)?;
        let fields = version.fields();
        // All of it is there, or none is taken.
        slice_at(image, 0, fields.end)?;

        let sector_size = u32_at(image, fields.sector_size, order)?;
        let (alignment, cow_format) = match fields.alignment {
            Some(at) => (
                u32_at(image, at, order)?,
                u32_at(image, at.saturating_add(4), order)?,
            ),
            None => (sector_size, 0),
        };
        Ok(Self {
            version,
            backing: path_in(slice_at(image, fields.backing, fields.backing_bytes)?)?,
            mtime: u32_at(image, fields.mtime, order)?,
            size: u64_at(image, fields.size, order)?,
            sector_size,
            alignment,
            cow_format,
        })
    }

    /// Writes the header to the first bytes of `image`, and zeros where it has no field; returns how
    /// many bytes that are. The rest of `image` stays as it is.
    ///
    /// # Errors
    ///
    /// [`Malformed::BackingLength`] if the path does not fit, [`Malformed::Header`] if the header does
    /// not.
    pub fn encode(&self, image: &mut [u8]) -> Result<usize, Malformed> {
        let fields = self.version.fields();
        let order = self.version.order();
        // A path that begins with NUL bytes is none, and would make another version of it.
        if self.backing.len() >= fields.backing_bytes || self.backing.contains(&0) {
            return Err(Malformed::BackingLength(self.backing.len()));
        }
        let has = image.len() as u64;
        let needs = fields.end as u64;
        let header = image
            .get_mut(..fields.end)
            .ok_or(Malformed::Header { needs, has })?;

        header.fill(0);
        put(header, 0, &u32_bytes(MAGIC, order));
        put(header, 4, &u32_bytes(self.version.number(), order));
        put(header, fields.backing, self.backing);
        put(header, fields.mtime, &u32_bytes(self.mtime, order));
        put(header, fields.size, &u64_bytes(self.size, order));
        put(
            header,
            fields.sector_size,
            &u32_bytes(self.sector_size, order),
        );
        if let Some(at) = fields.alignment {
            put(header, at, &u32_bytes(self.alignment, order));
            let at = at.saturating_add(4);
            put(header, at, &u32_bytes(self.cow_format, order));
        }
        Ok(fields.end)
    }

    /// Where the parts of the image are.
    ///
    /// # Errors
    ///
    /// [`Malformed`], if the image cannot be used.
    pub fn layout(&self) -> Result<Layout, Malformed> {
        if self.cow_format != 0 {
            return Err(Malformed::CowFormat(self.cow_format));
        }
        if self.sector_size != SECTOR_SIZE {
            return Err(Malformed::SectorSize(self.sector_size));
        }
        let header_bytes = self.version.header_bytes() as u64;
        Layout::new(self.version.rule(), header_bytes, self.size, self.alignment)
    }

    /// Checks whether a backing file is the one that the image was made over. It must have the same size.
    /// Without `force`, it must have been changed in the same second, `mtime` seconds after 1970.
    ///
    /// # Errors
    ///
    /// [`Stale`].
    pub fn check_backing(&self, size: u64, mtime: i64, force: bool) -> Result<(), Stale> {
        if size != self.size {
            return Err(Stale::Size {
                header: self.size,
                actual: size,
            });
        }
        let actual = seconds(mtime);
        if actual != self.mtime && !force {
            return Err(Stale::Mtime {
                header: self.mtime,
                actual,
            });
        }
        Ok(())
    }
}

/// What an image has of a time in seconds since 1970.
pub fn seconds(mtime: i64) -> u32 {
    // CAST: The field has 32 bits; it counts anew in 2106.
    mtime as u32
}

/// Makes the header of a new image of version 3, as `uml_mkcow` does. The rest of the image is zeros, up
/// to [`Layout::file_bytes`].
///
/// # Errors
///
/// [`Malformed::BackingLength`] or [`Malformed::Size`].
pub fn create(
    backing: &[u8],
    size: u64,
    mtime: i64,
    header: &mut [u8; HEADER],
) -> Result<Layout, Malformed> {
    let new = Header {
        version: Version::V3,
        backing,
        mtime: seconds(mtime),
        size,
        sector_size: SECTOR_SIZE,
        alignment: ALIGNMENT,
        cow_format: 0,
    };
    let layout = new.layout()?;
    // Without a path it would be taken for the broken form.
    if backing.is_empty() {
        return Err(Malformed::BackingLength(0));
    }
    new.encode(header)?;
    Ok(layout)
}

fn slice_at(image: &[u8], at: usize, bytes: usize) -> Result<&[u8], Malformed> {
    let end = at.saturating_add(bytes);
    image.get(at..end).ok_or(Malformed::Header {
        needs: end as u64,
        has: image.len() as u64,
    })
}

fn array_at<const N: usize>(image: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    let rest = image.get(at..).unwrap_or_default();
    rest.first_chunk().copied().ok_or(Malformed::Header {
        needs: at.saturating_add(N) as u64,
        has: image.len() as u64,
    })
}

fn u32_at(image: &[u8], at: usize, order: ByteOrder) -> Result<u32, Malformed> {
    let bytes = array_at(image, at)?;
    Ok(match order {
        ByteOrder::Big => u32::from_be_bytes(bytes),
        ByteOrder::Little => u32::from_le_bytes(bytes),
    })
}

fn u64_at(image: &[u8], at: usize, order: ByteOrder) -> Result<u64, Malformed> {
    let bytes = array_at(image, at)?;
    Ok(match order {
        ByteOrder::Big => u64::from_be_bytes(bytes),
        ByteOrder::Little => u64::from_le_bytes(bytes),
    })
}

fn path_in(field: &[u8]) -> Result<&[u8], Malformed> {
    let end = field.iter().position(|&byte| byte == 0);
    end.and_then(|end| field.get(..end))
        .ok_or(Malformed::BackingEnd)
}

fn u32_bytes(number: u32, order: ByteOrder) -> [u8; 4] {
    match order {
        ByteOrder::Big => number.to_be_bytes(),
        ByteOrder::Little => number.to_le_bytes(),
    }
}

fn u64_bytes(number: u64, order: ByteOrder) -> [u8; 8] {
    match order {
        ByteOrder::Big => number.to_be_bytes(),
        ByteOrder::Little => number.to_le_bytes(),
    }
}

/// Writes `bytes` into a header that has room for them.
fn put(header: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in header.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}
