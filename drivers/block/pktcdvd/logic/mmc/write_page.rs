// SPDX-License-Identifier: GPL-2.0

//! The write-parameter page: how the drive is told to write packets.
//!
//! CD-RW and DVD-RW need it before the first write, and again when the drive has lost it: after a
//! reset and with a new medium.

use super::{
    mode::{
        page_range,
        WRITE_PARAMETERS, //
    },
    reply::ReplyError,
};

/// Bytes of the page that have to be there: up to the packet size.
const NEEDED: usize = 14;

/// The contents of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteParameters {
    /// All packets have the same size.
    pub fixed: bool,
    /// The control field of the track.
    pub track_mode: u8,
    /// The mode of the data, 1 or 2.
    pub data_mode: u8,
    /// Blocks in a packet.
    pub packet_blocks: u32,
}

impl WriteParameters {
    /// The contents of the page for a DVD whose track is unknown.
    pub const fn of_dvd(packet_blocks: u32) -> Self {
        Self {
            fixed: true,
            track_mode: 4,
            data_mode: 1,
            packet_blocks,
        }
    }

    /// Bits of each byte that are set, as (place, mask, value).
    fn fields(&self) -> [(usize, u8, u8); 10] {
        let [p0, p1, p2, p3] = self.packet_blocks.to_be_bytes();
        let mode_2 = self.data_mode == 2;
        let pick = |two, one| if mode_2 { two } else { one };

        [
            // "Parameters can be saved" has no place in what is sent.
            (0, 0x80, 0),
            // Write packets, and not just as a test.
            (2, 0x1f, 0),
            // No session may follow; this kind of packet; this control field.
            (3, 0xef, u8::from(self.fixed) << 5 | self.track_mode & 0x0f),
            // Blocks of 2048 bytes in that mode.
            (4, 0x0f, pick(10, 8)),
            // The session is CD-ROM XA, or plain data.
            (8, 0xff, pick(0x20, 0x00)),
            (10, 0xff, p0),
            (11, 0xff, p1),
            (12, 0xff, p2),
            (13, 0xff, p3),
            // In the sub-header: data of form 1.
            (50, 0xff, pick(0x08, 0x20)),
        ]
    }

    /// Changes the reply to MODE SENSE into what MODE SELECT has to send.
    ///
    /// Returns how many bytes that is; [`None`] if the drive has it all set already. Everything
    /// that is not about packets stays as it was.
    ///
    /// # Errors
    ///
    /// Those of [`page_range`], and [`ReplyError::Short`] if the page ends before the packet size.
    /// Nothing is changed then.
    pub fn edit(&self, bytes: &mut [u8]) -> Result<Option<u16>, ReplyError> {
        let range = page_range(bytes, WRITE_PARAMETERS)?;
        let got = range.len();
        let end = u16::try_from(range.end).map_err(|_| ReplyError::Other)?;
        let page = bytes
            .get_mut(range)
            .filter(|page| page.len() >= NEEDED)
            .ok_or(ReplyError::Short {
                needed: NEEDED,
                got,
            })?;

        if !self.apply(page) {
            return Ok(None);
        }
        // The length of what is sent is known from the command, and the field is reserved.
        for byte in bytes.iter_mut().take(2) {
            *byte = 0;
        }
        Ok(Some(end))
    }

    /// Sets the fields; returns whether one that matters had another value.
    fn apply(&self, page: &mut [u8]) -> bool {
        let mut changed = false;

        for (at, mask, value) in self.fields() {
            if let Some(byte) = page.get_mut(at) {
                let wanted = *byte & !mask | value & mask;

                changed |= at > 0 && *byte != wanted;
                *byte = wanted;
            }
        }
        changed
    }
}
