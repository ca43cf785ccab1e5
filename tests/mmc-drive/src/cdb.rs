// SPDX-License-Identifier: GPL-2.0-or-later
//! Command descriptor blocks.

/// Operation codes.
#[allow(missing_docs)]
pub mod op {
    pub const TEST_UNIT_READY: u8 = 0x00;
    pub const REQUEST_SENSE: u8 = 0x03;
    pub const FORMAT_UNIT: u8 = 0x04;
    pub const INQUIRY: u8 = 0x12;
    pub const MODE_SELECT_6: u8 = 0x15;
    pub const MODE_SENSE_6: u8 = 0x1a;
    pub const START_STOP: u8 = 0x1b;
    pub const PREVENT_ALLOW: u8 = 0x1e;
    pub const READ_FORMAT_CAPACITIES: u8 = 0x23;
    pub const READ_CAPACITY: u8 = 0x25;
    pub const READ_10: u8 = 0x28;
    pub const WRITE_10: u8 = 0x2a;
    pub const SEEK: u8 = 0x2b;
    pub const WRITE_VERIFY: u8 = 0x2e;
    pub const VERIFY: u8 = 0x2f;
    pub const SYNCHRONIZE_CACHE: u8 = 0x35;
    pub const READ_TOC: u8 = 0x43;
    pub const GET_CONFIGURATION: u8 = 0x46;
    pub const GET_EVENT: u8 = 0x4a;
    pub const READ_DISC_INFO: u8 = 0x51;
    pub const READ_TRACK_INFO: u8 = 0x52;
    pub const RESERVE_TRACK: u8 = 0x53;
    pub const SEND_OPC: u8 = 0x54;
    pub const MODE_SELECT_10: u8 = 0x55;
    pub const MODE_SENSE_10: u8 = 0x5a;
    pub const CLOSE_TRACK: u8 = 0x5b;
    pub const READ_BUFFER_CAPACITY: u8 = 0x5c;
    pub const REPORT_LUNS: u8 = 0xa0;
    pub const BLANK: u8 = 0xa1;
    pub const READ_12: u8 = 0xa8;
    pub const WRITE_12: u8 = 0xaa;
    pub const GET_PERFORMANCE: u8 = 0xac;
    pub const READ_STRUCTURE: u8 = 0xad;
    pub const SET_STREAMING: u8 = 0xb6;
    pub const SET_CD_SPEED: u8 = 0xbb;
}

/// A command. Senders pad as they like: its length tells nothing.
#[derive(Clone, Copy, Debug)]
pub struct Cdb([u8; 16]);

impl Cdb {
    /// Takes the first 16 bytes; what is missing is zero.
    pub fn new(bytes: &[u8]) -> Self {
        let mut cdb = [0; 16];
        let n = bytes.len().min(16);
        cdb[..n].copy_from_slice(&bytes[..n]);
        Self(cdb)
    }

    /// The operation code.
    pub fn op(&self) -> u8 {
        self.0[0]
    }

    /// The byte at `i`.
    pub fn byte(&self, i: usize) -> u8 {
        self.0[i]
    }

    /// The 16-bit number at `i`.
    pub fn u16(&self, i: usize) -> usize {
        usize::from(self.0[i]) << 8 | usize::from(self.0[i + 1])
    }

    /// The 24-bit number at `i`.
    pub fn u24(&self, i: usize) -> usize {
        usize::from(self.0[i]) << 16 | self.u16(i + 1)
    }

    /// The 32-bit number at `i`.
    pub fn u32(&self, i: usize) -> u32 {
        (self.u16(i) as u32) << 16 | self.u16(i + 2) as u32
    }

    /// Whether it writes user data.
    pub fn is_write(&self) -> bool {
        matches!(self.op(), op::WRITE_10 | op::WRITE_12 | op::WRITE_VERIFY)
    }

    /// Whether it reads user data.
    pub fn is_read(&self) -> bool {
        matches!(self.op(), op::READ_10 | op::READ_12)
    }

    /// First block and number of blocks of a read or write.
    pub fn extent(&self) -> Option<(u32, u32)> {
        match self.op() {
            op::READ_12 | op::WRITE_12 => Some((self.u32(2), self.u32(6))),
            _ if self.is_read() || self.is_write() => Some((self.u32(2), self.u16(7) as u32)),
            _ => None,
        }
    }

    /// Whether a write must reach the medium before it is answered.
    pub fn forced(&self) -> bool {
        self.is_write() && (self.byte(1) & 0x08 != 0 || self.op() == op::WRITE_VERIFY)
    }
}
