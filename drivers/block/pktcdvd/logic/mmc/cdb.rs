// SPDX-License-Identifier: GPL-2.0

//! Command descriptor blocks.

/// Most bytes in a command that goes to an optical drive.
pub const CDB_LEN: usize = 12;

/// The speed in kB/s by which SET CD SPEED means "as fast as possible".
pub const MAX_SPEED: u16 = 0xffff;

/// Which way the data of a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// There is no data.
    None,
    /// The drive sends up to so many bytes.
    In(u16),
    /// The drive is sent so many bytes.
    Out(u16),
}

/// How long a command may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// The drive knows the answer, or has to read it from the medium.
    Answer,
    /// The medium has to be written: a cache full of scattered packets.
    Flush,
    /// The drive begins something long. It should answer at once, but some drives end it first.
    Long,
    /// The drive closes the medium, perhaps before it answers. If the command times out, the kernel
    /// resets the drive while it does so.
    Close,
}

impl Patience {
    /// The limit in seconds.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Answer => 60,
            Self::Flush | Self::Long => 300,
            Self::Close => 3000,
        }
    }
}

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    cdb: [u8; CDB_LEN],
    transfer: Transfer,
    patience: Patience,
}

impl Command {
    const fn new(cdb: [u8; CDB_LEN], transfer: Transfer) -> Self {
        Self {
            cdb,
            transfer,
            patience: Patience::Answer,
        }
    }

    const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Returns all twelve bytes, with zeroes behind a shorter command.
    pub const fn cdb(&self) -> &[u8; CDB_LEN] {
        &self.cdb
    }

    /// Returns the bytes that the command has by the group of its code: 6, 10 or 12.
    pub fn bytes(&self) -> &[u8] {
        let len = match self.opcode() >> 5 {
            0 => 6,
            1 | 2 => 10,
            _ => CDB_LEN,
        };
        self.cdb.get(..len).unwrap_or(&self.cdb)
    }

    /// Returns the operation code.
    pub const fn opcode(&self) -> u8 {
        let [opcode, ..] = self.cdb;
        opcode
    }

    /// Returns which way how much data goes.
    pub const fn transfer(&self) -> Transfer {
        self.transfer
    }

    /// Returns how many bytes of a buffer the command takes, in either direction.
    pub const fn data_len(&self) -> usize {
        match self.transfer {
            Transfer::None => 0,
            Transfer::In(len) | Transfer::Out(len) => len as usize,
        }
    }

    /// Returns how long the command may take.
    pub const fn patience(&self) -> Patience {
        self.patience
    }

    /// The name of the command, for the log.
    pub const fn name(&self) -> &'static str {
        match self.opcode() {
            TEST_UNIT_READY => "TEST UNIT READY",
            REQUEST_SENSE => "REQUEST SENSE",
            FORMAT_UNIT => "FORMAT UNIT",
            START_STOP => "START STOP UNIT",
            PREVENT_ALLOW => "PREVENT ALLOW MEDIUM REMOVAL",
            READ_FORMAT_CAPACITIES => "READ FORMAT CAPACITIES",
            READ_CAPACITY => "READ CAPACITY",
            SYNCHRONIZE_CACHE => "SYNCHRONIZE CACHE",
            READ_TOC => "READ TOC/PMA/ATIP",
            GET_CONFIGURATION => "GET CONFIGURATION",
            GET_EVENT_STATUS => "GET EVENT STATUS NOTIFICATION",
            READ_DISC_INFORMATION => "READ DISC INFORMATION",
            READ_TRACK_INFORMATION => "READ TRACK INFORMATION",
            MODE_SELECT => "MODE SELECT",
            MODE_SENSE => "MODE SENSE",
            CLOSE => "CLOSE TRACK SESSION",
            GET_PERFORMANCE => "GET PERFORMANCE",
            READ_DISC_STRUCTURE => "READ DISC STRUCTURE",
            SET_CD_SPEED => "SET CD SPEED",
            _ => "a command",
        }
    }
}

const TEST_UNIT_READY: u8 = 0x00;
const REQUEST_SENSE: u8 = 0x03;
const FORMAT_UNIT: u8 = 0x04;
const START_STOP: u8 = 0x1b;
const PREVENT_ALLOW: u8 = 0x1e;
const READ_FORMAT_CAPACITIES: u8 = 0x23;
const READ_CAPACITY: u8 = 0x25;
const SYNCHRONIZE_CACHE: u8 = 0x35;
const READ_TOC: u8 = 0x43;
const GET_CONFIGURATION: u8 = 0x46;
const GET_EVENT_STATUS: u8 = 0x4a;
const READ_DISC_INFORMATION: u8 = 0x51;
const READ_TRACK_INFORMATION: u8 = 0x52;
const MODE_SELECT: u8 = 0x55;
const MODE_SENSE: u8 = 0x5a;
const CLOSE: u8 = 0x5b;
const GET_PERFORMANCE: u8 = 0xac;
const READ_DISC_STRUCTURE: u8 = 0xad;
const SET_CD_SPEED: u8 = 0xbb;

/// Which features GET CONFIGURATION reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Features {
    /// All that the drive has.
    All = 0,
    /// Those that go with the medium in it.
    Current = 1,
    /// The one asked for.
    One = 2,
}

/// TEST UNIT READY: asks whether the medium can be accessed.
pub const fn test_unit_ready() -> Command {
    Command::new(six([TEST_UNIT_READY, 0, 0, 0, 0, 0]), Transfer::None)
}

/// Asks why the last command failed, or what the drive is busy with.
pub const fn request_sense() -> Command {
    Command::new(six([REQUEST_SENSE, 0, 0, 0, 18, 0]), Transfer::In(18))
}

/// Locks the tray, or unlocks it.
pub const fn prevent_removal(prevent: bool) -> Command {
    let cdb = six([PREVENT_ALLOW, 0, 0, 0, prevent as u8, 0]);

    Command::new(cdb, Transfer::None)
}

/// Opens the tray, which must not be locked.
pub const fn eject() -> Command {
    Command::new(six([START_STOP, 0, 0, 0, 2, 0]), Transfer::None)
}

/// FORMAT UNIT: formats, or resumes a format, as the `len` bytes of data say.
pub const fn format_unit(len: u16) -> Command {
    /// "There is data, and in it a descriptor."
    const BY_DESCRIPTOR: u8 = 1 << 4 | 1;

    let cdb = six([FORMAT_UNIT, BY_DESCRIPTOR, 0, 0, 0, 0]);
    Command::new(cdb, Transfer::Out(len)).with_patience(Patience::Long)
}

/// What to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Close {
    /// Formatting in the background is stopped.
    Format = 0,
    /// The session: the medium gets what other drives need to read it.
    Session = 2,
}

/// Begins to close something. The drive is busy until it has.
pub const fn close(what: Close) -> Command {
    let cdb = ten([CLOSE, 1, what as u8, 0, 0, 0, 0, 0, 0, 0]);

    Command::new(cdb, Transfer::None).with_patience(Patience::Close)
}

/// Asks how much of the medium is formatted, and how much can be.
pub const fn read_format_capacities(len: u16) -> Command {
    let [h, l] = len.to_be_bytes();

    Command::new(
        ten([READ_FORMAT_CAPACITIES, 0, 0, 0, 0, 0, 0, h, l, 0]),
        Transfer::In(len),
    )
}

/// Asks whether the medium is write protected, and how.
///
/// The reply has four bytes of header; then bits 0 to 3 of a byte, each for one way.
pub const fn read_write_protection(is_bd: bool) -> Command {
    const WRITE_PROTECTION: u8 = 0xc0;
    const LEN: u16 = 8;

    let mut cdb = [0; CDB_LEN];
    cdb[0] = READ_DISC_STRUCTURE;
    cdb[1] = is_bd as u8;
    cdb[7] = WRITE_PROTECTION;
    cdb[9] = LEN as u8;
    Command::new(cdb, Transfer::In(LEN))
}

/// Asks for the address of the last block and the size of blocks.
pub const fn read_capacity() -> Command {
    Command::new(
        ten([READ_CAPACITY, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Transfer::In(8),
    )
}

/// SYNCHRONIZE CACHE: flushes the cache, and answers when that is done.
pub const fn synchronize_cache() -> Command {
    Command::new(
        ten([SYNCHRONIZE_CACHE, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Transfer::None,
    )
    .with_patience(Patience::Flush)
}

/// Asks for the ATIP of a recordable CD.
pub const fn read_atip(len: u16) -> Command {
    let [h, l] = len.to_be_bytes();

    Command::new(
        ten([READ_TOC, 0x02, 0x04, 0, 0, 0, 0, h, l, 0]),
        Transfer::In(len),
    )
}

/// Asks for the profile, and features from `first` on.
pub const fn get_configuration(features: Features, first: u16, len: u16) -> Command {
    let [fh, fl] = first.to_be_bytes();
    let [h, l] = len.to_be_bytes();

    Command::new(
        ten([GET_CONFIGURATION, features as u8, fh, fl, 0, 0, 0, h, l, 0]),
        Transfer::In(len),
    )
}

/// Asks what happened to the medium since it was asked last.
pub const fn get_media_event() -> Command {
    Command::new(
        ten([GET_EVENT_STATUS, 1, 0, 0, 1 << 4, 0, 0, 0, 8, 0]),
        Transfer::In(8),
    )
}

/// Asks about the disc as a whole.
pub const fn read_disc_information(len: u16) -> Command {
    let [h, l] = len.to_be_bytes();

    Command::new(
        ten([READ_DISC_INFORMATION, 0, 0, 0, 0, 0, 0, h, l, 0]),
        Transfer::In(len),
    )
}

/// Asks about the track with a number.
pub const fn read_track_information(track: u16, len: u16) -> Command {
    let [th, tl] = track.to_be_bytes();
    let [h, l] = len.to_be_bytes();

    Command::new(
        ten([READ_TRACK_INFORMATION, 1, 0, 0, th, tl, 0, h, l, 0]),
        Transfer::In(len),
    )
}

/// Asks for the current values of a mode page.
pub const fn mode_sense(page: u8, len: u16) -> Command {
    let [h, l] = len.to_be_bytes();

    Command::new(
        ten([MODE_SENSE, 0, page & 0x3f, 0, 0, 0, 0, h, l, 0]),
        Transfer::In(len),
    )
}

/// Sets a mode page, until the drive is reset or the medium changes.
pub const fn mode_select(len: u16) -> Command {
    let [h, l] = len.to_be_bytes();

    Command::new(
        ten([MODE_SELECT, 0x10, 0, 0, 0, 0, 0, h, l, 0]),
        Transfer::Out(len),
    )
}

/// Asks for the speeds at which the medium in the drive can be written.
pub const fn get_write_speeds(descriptors: u8) -> Command {
    let mut cdb = [0; CDB_LEN];

    cdb[0] = GET_PERFORMANCE;
    cdb[9] = descriptors;
    cdb[10] = 3;
    Command::new(cdb, Transfer::In(8 + 16 * descriptors as u16))
}

/// Sets the speeds in kB/s, or [`MAX_SPEED`].
pub const fn set_cd_speed(read: u16, write: u16) -> Command {
    let [rh, rl] = read.to_be_bytes();
    let [wh, wl] = write.to_be_bytes();

    Command::new(
        [SET_CD_SPEED, 0, rh, rl, wh, wl, 0, 0, 0, 0, 0, 0],
        Transfer::None,
    )
}

const fn six([a, b, c, d, e, f]: [u8; 6]) -> [u8; CDB_LEN] {
    [a, b, c, d, e, f, 0, 0, 0, 0, 0, 0]
}

const fn ten([a, b, c, d, e, f, g, h, i, j]: [u8; 10]) -> [u8; CDB_LEN] {
    [a, b, c, d, e, f, g, h, i, j, 0, 0]
}
