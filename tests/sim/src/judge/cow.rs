// SPDX-License-Identifier: GPL-2.0

//! Images of User-Mode Linux: a header, a bitmap of the sectors that the image has, and these.
//!
//! Written from what the tools of User-Mode Linux do, and nothing of the driver.

/// Bytes of a sector.
pub const SECTOR: u64 = 512;

const MAGIC: u32 = 0x4f4f_4f4d;

/// A version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 1, of a machine that writes the highest byte of a number first.
    OneBig,
    /// Version 1, of one that writes the lowest byte first.
    OneLittle,
    /// Version 2.
    Two,
    /// Version 3.
    Three,
    /// Version 3 with a longer time, as it was written by mistake.
    ThreeLong,
}

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which version it is.
    pub version: Version,
    /// Path of the backing file.
    pub backing: Vec<u8>,
    /// When the backing file was modified.
    pub mtime: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Of what the bitmap and the data begin at a multiple, in version 3.
    pub align: u32,
}

/// Where everything is, in bytes from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Where the bitmap is.
    pub bitmap: u64,
    /// How long it is.
    pub bitmap_bytes: u64,
    /// Where the sectors are.
    pub data: u64,
    /// How many there are.
    pub sectors: u64,
}

impl Version {
    fn number(self) -> u32 {
        match self {
            Self::OneBig | Self::OneLittle => 1,
            Self::Two => 2,
            Self::Three | Self::ThreeLong => 3,
        }
    }

    /// Returns the offsets of the path, the time, the size and the sector size, and how long the path is.
    fn offsets(self) -> ([usize; 4], usize) {
        match self {
            Self::OneBig | Self::OneLittle => ([8, 264, 268, 276], 256),
            Self::Two => ([8, 4104, 4108, 4116], 4096),
            Self::Three => ([32, 8, 12, 20], 4096),
            Self::ThreeLong => ([36, 8, 16, 24], 4096),
        }
    }

    fn header_bytes(self) -> u64 {
        match self {
            Self::OneBig | Self::OneLittle => 280,
            Self::Two => 4120,
            Self::Three => 4128,
            Self::ThreeLong => 4136,
        }
    }
}

impl Header {
    /// Returns the bytes of the header.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.version.header_bytes() as usize];
        let mut put = |at: usize, number: u64, len: usize| {
            let all = number.to_be_bytes();
            let mut part = all[8 - len..].to_vec();
            if self.version == Version::OneLittle {
                part.reverse();
            }
            bytes[at..at + len].copy_from_slice(&part);
        };
        let ([path, mtime, size, sector], _) = self.version.offsets();
        put(0, u64::from(MAGIC), 4);
        put(4, u64::from(self.version.number()), 4);
        put(mtime, u64::from(self.mtime), 4);
        put(size, self.size, 8);
        put(sector, SECTOR, 4);
        if self.version.number() == 3 {
            put(sector + 4, u64::from(self.align), 4);
            put(sector + 8, 0, 4);
        }
        bytes[path..path + self.backing.len()].copy_from_slice(&self.backing);
        bytes
    }

    /// Reads a header; says what is wrong with it.
    pub fn decode(image: &[u8]) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("the image has {what}"));
        let little = image.get(..4) == Some(&MAGIC.to_le_bytes()[..]);
        let number = |at: usize, len: usize| {
            let bytes = image.get(at..at + len).unwrap_or_default().iter();
            let place = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            if little {
                bytes.rev().fold(0, place)
            } else {
                bytes.fold(0, place)
            }
        };
        let version = match (number(4, 4), little) {
            _ if number(0, 4) != u64::from(MAGIC) => return wrong("another magic number"),
            (1, true) => Version::OneLittle,
            (1, false) => Version::OneBig,
            (2, false) => Version::Two,
            (3, false) if number(32, 4) == 0 => Version::ThreeLong,
            (3, false) => Version::Three,
            _ => return wrong("another version"),
        };
        let ([path, mtime, size, sector], path_bytes) = version.offsets();
        if number(sector, 4) != SECTOR {
            return wrong("sectors of another size");
        }
        let has_align = version.number() == 3;
        if has_align && number(sector + 8, 4) != 0 {
            return wrong("no bitmap");
        }
        let path = image.get(path..path + path_bytes).unwrap_or_default();
        Ok(Self {
            version,
            backing: path.iter().copied().take_while(|byte| *byte != 0).collect(),
            mtime: number(mtime, 4) as u32,
            size: number(size, 8),
            align: if has_align {
                number(sector + 4, 4) as u32
            } else {
                SECTOR as u32
            },
        })
    }

    /// Returns where everything is.
    pub fn geometry(&self) -> Geometry {
        let header = self.version.header_bytes();
        let sectors = self.size.div_ceil(SECTOR);
        let align = u64::from(self.align);
        match self.version {
            Version::Three | Version::ThreeLong => {
                let bitmap = header.div_ceil(align) * align;
                let bitmap_bytes = sectors.div_ceil(8);
                Geometry {
                    bitmap,
                    bitmap_bytes,
                    data: (bitmap + bitmap_bytes).div_ceil(align) * align,
                    sectors,
                }
            }
            _ => {
                let bitmap_bytes = (self.size + SECTOR - 1) / (8 * SECTOR);
                Geometry {
                    bitmap: header,
                    bitmap_bytes,
                    data: (header + bitmap_bytes).div_ceil(SECTOR) * SECTOR,
                    sectors,
                }
            }
        }
    }
}

impl Geometry {
    /// Returns the byte of the image that has the bit of a sector, if any has it, and the bit in it.
    pub fn bit(&self, sector: u64) -> Option<(u64, u8)> {
        (sector / 8 < self.bitmap_bytes).then_some((self.bitmap + sector / 8, 1 << (sector % 8)))
    }

    /// Returns how many sectors can be written.
    pub fn writable(&self) -> u64 {
        self.sectors.min(self.bitmap_bytes * 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: Version, size: u64, align: u32) -> Header {
        Header {
            version,
            backing: b"/base".to_vec(),
            mtime: 0x1234_5678,
            size,
            align,
        }
    }

    #[test]
    fn places_are_those_of_the_tools() {
        let places = |version, size, align| {
            let place = of(version, size, align).geometry();
            (place.bitmap, place.bitmap_bytes, place.data)
        };
        assert_eq!(places(Version::Three, 2 << 20, 4096), (8192, 512, 12288));
        assert_eq!(places(Version::Three, 2 << 20, 512).0, 4608);
        assert_eq!(places(Version::Three, 2 << 20, 65536).0, 65536);
        assert_eq!(places(Version::Three, 2 << 20, 12).0, 4128);
        assert_eq!(
            places(Version::ThreeLong, 2 << 20, 4096),
            (8192, 512, 12288)
        );
        // The last sectors have no bits.
        assert_eq!(places(Version::Two, 12 * 512, 512), (4120, 1, 4608));
        assert_eq!(places(Version::OneBig, 16 * 512, 512), (280, 2, 512));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for version in [
            Version::OneBig,
            Version::OneLittle,
            Version::Two,
            Version::Three,
            Version::ThreeLong,
        ] {
            let header = of(version, 12345, 512);
            assert_eq!(Header::decode(&header.encode()), Ok(header));
        }
        assert_eq!(&of(Version::OneLittle, 1, 512).encode()[..4], b"MOOO");
        assert_eq!(&of(Version::Three, 1, 512).encode()[..4], b"OOOM");
    }
}
