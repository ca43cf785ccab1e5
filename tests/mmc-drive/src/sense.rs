// SPDX-License-Identifier: GPL-2.0-or-later
//! Sense data: why a command failed.

use std::fmt;

/// Sense key, additional code and qualifier, with what else fixed-format sense tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// Sense key.
    pub key: u8,
    /// Additional sense code.
    pub asc: u8,
    /// Its qualifier.
    pub ascq: u8,
    /// The block it is about; not valid (and zero) if not given.
    pub info: Option<u32>,
    /// It is about an earlier command, which was told that all went well.
    pub deferred: bool,
    /// How far a long operation got, of 65536.
    pub progress: Option<u16>,
}

impl Sense {
    /// Sense data without block and progress.
    pub const fn new(key: u8, asc: u8, ascq: u8) -> Self {
        Self {
            key,
            asc,
            ascq,
            info: None,
            deferred: false,
            progress: None,
        }
    }

    /// The same about a block.
    pub const fn at(self, block: u32) -> Self {
        Self {
            info: Some(block),
            ..self
        }
    }

    /// Fixed format, 18 bytes.
    pub fn bytes(&self) -> [u8; 18] {
        let mut b = [0; 18];
        b[0] = if self.deferred { 0x71 } else { 0x70 };
        if let Some(block) = self.info {
            b[0] |= 0x80;
            b[3..7].copy_from_slice(&block.to_be_bytes());
        }
        b[2] = self.key;
        b[7] = 10;
        b[12] = self.asc;
        b[13] = self.ascq;
        if let Some(progress) = self.progress {
            b[15] = 0x80;
            b[16..].copy_from_slice(&progress.to_be_bytes());
        }
        b
    }

    /// Reads `KEY/ASC/ASCQ`, all hexadecimal.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/').map(|part| u8::from_str_radix(part, 16));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(key)), Some(Ok(asc)), Some(Ok(ascq)), None) if key < 16 => {
                Ok(Self::new(key, asc, ascq))
            }
            _ => Err(format!("{text}: sense is KEY/ASC/ASCQ, hexadecimal")),
        }
    }
}

impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}/{:02x}/{:02x}", self.key, self.asc, self.ascq)
    }
}

/// No sense.
pub const NONE: Sense = Sense::new(0, 0, 0);
/// Format or blank in progress.
pub const FORMATTING: Sense = Sense::new(2, 0x04, 0x04);
/// Becoming ready.
pub const BECOMING_READY: Sense = Sense::new(2, 0x04, 0x01);
/// Operation in progress.
pub const WORKING: Sense = Sense::new(2, 0x04, 0x07);
/// Medium not present, tray closed.
pub const NO_MEDIUM: Sense = Sense::new(2, 0x3a, 0x01);
/// Medium not present, tray open.
pub const TRAY_OPEN: Sense = Sense::new(2, 0x3a, 0x02);
/// Parameter list length error.
pub const PARAMETER_LENGTH: Sense = Sense::new(5, 0x1a, 0x00);
/// Invalid operation code.
pub const OPCODE: Sense = Sense::new(5, 0x20, 0x00);
/// Address out of range.
pub const RANGE: Sense = Sense::new(5, 0x21, 0x00);
/// Invalid address for write.
pub const ALIGNMENT: Sense = Sense::new(5, 0x21, 0x02);
/// Nothing that could be read.
pub const UNREADABLE: Sense = Sense::new(3, 0x11, 0x05);
/// Invalid field in the command.
pub const FIELD: Sense = Sense::new(5, 0x24, 0x00);
/// Invalid field in the parameter list.
pub const PARAMETER: Sense = Sense::new(5, 0x26, 0x00);
/// Command sequence error.
pub const SEQUENCE: Sense = Sense::new(5, 0x2c, 0x00);
/// Cannot write medium, incompatible format.
pub const FORMAT: Sense = Sense::new(5, 0x30, 0x05);
/// Medium removal prevented.
pub const PREVENTED: Sense = Sense::new(5, 0x53, 0x02);
/// End of the user area.
pub const PAST_END: Sense = Sense::new(5, 0x63, 0x00);
/// Illegal mode for this track.
pub const MODE: Sense = Sense::new(5, 0x64, 0x00);
/// Invalid packet size.
pub const PACKET_SIZE: Sense = Sense::new(5, 0x64, 0x01);
/// Not ready to ready: the medium may have changed.
pub const CHANGED: Sense = Sense::new(6, 0x28, 0x00);
/// Power on or reset.
pub const RESET: Sense = Sense::new(6, 0x29, 0x00);
/// Write protected.
pub const PROTECTED: Sense = Sense::new(7, 0x27, 0x00);
