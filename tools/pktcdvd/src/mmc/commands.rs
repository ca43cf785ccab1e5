// SPDX-License-Identifier: GPL-2.0

//! The commands that the driver has no use for.

use super::{Command, COMMAND_SIZE};

/// The time limit of commands that the drive answers by itself.
const SHORT: u32 = 60;

/// The time limit of commands that change the disc; with the bit for an immediate answer they take
/// no longer than others, but some drives do not know that bit.
const LONG: u32 = 4 * 60 * 60;

/// How much is read at a time, in blocks of 2048 bytes.
pub const READ_BLOCKS: u16 = 16;

/// How far a CD-RW or DVD-RW is blanked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// Everything.
    Whole = 0,
    /// What says where the data is.
    Minimal = 1,
}

/// A descriptor for FORMAT UNIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatUnit {
    /// How many blocks to make, or [`u32::MAX`].
    pub blocks: u32,
    /// The format type.
    pub kind: u8,
    /// The format subtype.
    pub subtype: u8,
    /// What it means depends on the type; 24 bits.
    pub parameter: u32,
    /// The bits of the header are all meant, so that no certification can be asked for.
    pub options_valid: bool,
    /// The medium is not certified: each block written and read back.
    pub no_certification: bool,
    /// The known defects are kept, whatever else is said.
    pub complete_list: bool,
}

impl FormatUnit {
    /// A format with none of the options.
    pub const fn new(kind: u8, blocks: u32, parameter: u32) -> Self {
        Self {
            blocks,
            kind,
            subtype: 0,
            parameter,
            options_valid: false,
            no_certification: false,
            complete_list: false,
        }
    }

    /// The command.
    pub const fn command(&self) -> Command {
        let mut cdb = [0; COMMAND_SIZE];
        cdb[0] = 0x04;
        // Data follows, in the form that MMC has.
        cdb[1] = 0x11 | (self.complete_list as u8) << 3;
        command(cdb, 0, LONG)
    }

    /// The data of the command, which has the drive answer at once.
    pub const fn list(&self) -> [u8; 12] {
        let [b0, b1, b2, b3] = self.blocks.to_be_bytes();
        let [_, p0, p1, p2] = self.parameter.to_be_bytes();
        let flags = (self.options_valid as u8) << 7 | (self.no_certification as u8) << 5 | 0x02;
        let kind = self.kind << 2 | self.subtype & 3;
        [0, flags, 0, 8, b0, b1, b2, b3, kind, p0, p1, p2]
    }
}

/// What CLOSE TRACK/SESSION does to a disc that is formatted in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// Stops formatting.
    StopFormat = 0,
    /// Writes what readers need to find at the end of the disc.
    Finish = 2,
}

const fn command(cdb: [u8; COMMAND_SIZE], answer: usize, seconds: u32) -> Command {
    Command {
        cdb,
        answer,
        seconds,
    }
}

const fn asking(mut cdb: [u8; COMMAND_SIZE], len: u16) -> Command {
    let [high, low] = len.to_be_bytes();
    cdb[7] = high;
    cdb[8] = low;
    command(cdb, len as usize, SHORT)
}

const fn plain(opcode: u8) -> [u8; COMMAND_SIZE] {
    let mut cdb = [0; COMMAND_SIZE];
    cdb[0] = opcode;
    cdb
}

/// Whether the medium can be accessed.
pub const fn test_unit_ready() -> Command {
    command(plain(0x00), 0, SHORT)
}

/// What the drive is doing.
pub const fn request_sense() -> Command {
    let mut cdb = plain(0x03);
    cdb[4] = 18;
    command(cdb, 18, SHORT)
}

/// Who made the drive.
pub const fn inquiry() -> Command {
    let mut cdb = plain(0x12);
    cdb[4] = 36;
    command(cdb, 36, SHORT)
}

/// All features of the drive from `first` on.
pub const fn get_configuration(first: u16, len: u16) -> Command {
    let [high, low] = first.to_be_bytes();
    let mut cdb = plain(0x46);
    cdb[2] = high;
    cdb[3] = low;
    asking(cdb, len)
}

/// What the disc can be formatted to.
pub const fn read_format_capacities(len: u16) -> Command {
    asking(plain(0x23), len)
}

/// About the disc as a whole.
pub const fn read_disc_information(len: u16) -> Command {
    asking(plain(0x51), len)
}

/// The address of the last block, and the size of blocks.
pub const fn read_capacity() -> Command {
    command(plain(0x25), 8, SHORT)
}

/// A mode page.
pub const fn mode_sense(page: u8, len: u16) -> Command {
    let mut cdb = plain(0x5a);
    cdb[2] = page & 0x3f;
    asking(cdb, len)
}

/// Sets a mode page; `len` bytes follow.
pub const fn mode_select(len: u16) -> Command {
    let mut cdb = plain(0x55);
    cdb[1] = 0x10;
    let mut select = asking(cdb, len);
    select.answer = 0;
    select
}

/// The speeds at which the medium can be written.
pub const fn write_speeds(descriptors: u8) -> Command {
    let mut cdb = plain(0xac);
    cdb[9] = descriptors;
    cdb[10] = 3;
    command(cdb, 8 + 16 * descriptors as usize, SHORT)
}

/// Reads blocks.
pub const fn read(first: u32, blocks: u16) -> Command {
    let [b0, b1, b2, b3] = first.to_be_bytes();
    let [high, low] = blocks.to_be_bytes();
    let cdb = [0x28, 0, b0, b1, b2, b3, 0, high, low, 0, 0, 0];
    command(cdb, blocks as usize * 2048, SHORT)
}

/// Writes blocks.
pub const fn write(first: u32, blocks: u16) -> Command {
    let [b0, b1, b2, b3] = first.to_be_bytes();
    let [high, low] = blocks.to_be_bytes();
    let cdb = [0x2a, 0, b0, b1, b2, b3, 0, high, low, 0, 0, 0];
    command(cdb, 0, SHORT)
}

/// Puts what was written on the medium.
pub const fn synchronize_cache() -> Command {
    command(plain(0x35), 0, 300)
}

/// Blanks a CD-RW or DVD-RW; the drive answers at once.
pub const fn blank(how: Blank) -> Command {
    let mut cdb = plain(0xa1);
    cdb[1] = 0x10 | how as u8;
    command(cdb, 0, LONG)
}

/// Ends a format in the background; the drive answers at once.
pub const fn close(how: Close) -> Command {
    let mut cdb = plain(0x5b);
    cdb[1] = 1;
    cdb[2] = how as u8;
    command(cdb, 0, LONG)
}

/// Lets the tray be opened.
pub const fn allow_removal() -> Command {
    command(plain(0x1e), 0, SHORT)
}

/// Opens the tray.
pub const fn open_tray() -> Command {
    let mut cdb = plain(0x1b);
    cdb[4] = 2;
    command(cdb, 0, SHORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes as MMC-6 has them.
    #[test]
    fn bytes() {
        let mut format = FormatUnit::new(0x26, u32::MAX, 1);
        assert_eq!(format.command().cdb[..6], [0x04, 0x11, 0, 0, 0, 0]);
        assert_eq!(
            format.list(),
            [0, 0x02, 0, 8, 0xff, 0xff, 0xff, 0xff, 0x98, 0, 0, 1]
        );
        format.options_valid = true;
        format.no_certification = true;
        format.complete_list = true;
        format.subtype = 3;
        assert_eq!(format.command().cdb[1], 0x19);
        assert_eq!((format.list()[1], format.list()[8]), (0xa2, 0x9b));
        assert_eq!(blank(Blank::Minimal).cdb[..2], [0xa1, 0x11]);
        assert_eq!(close(Close::Finish).cdb[..3], [0x5b, 1, 2]);
        assert_eq!(
            read(0x01020304, 16).cdb[..10],
            [0x28, 0, 1, 2, 3, 4, 0, 0, 16, 0]
        );
        assert_eq!(
            get_configuration(0x23, 16).cdb[2..9],
            [0, 0x23, 0, 0, 0, 0, 16]
        );
        assert_eq!(open_tray().cdb[..5], [0x1b, 0, 0, 0, 2]);
    }
}
