// SPDX-License-Identifier: GPL-2.0-or-later
//! Who the drive is.

use super::state::{Drive, Reply};
use crate::cdb::Cdb;
use crate::sense::{self, Sense};

impl Drive {
    pub(super) fn inquiry(&mut self, cdb: &Cdb) -> Reply {
        let mut data = match (cdb.byte(1) & 1, cdb.byte(2)) {
            (0, 0) => standard(),
            (1, page) => vital(page, self.serial.as_bytes()).ok_or(sense::FIELD)?,
            _ => return Err(sense::FIELD),
        };
        data.truncate(cdb.u16(3));
        Ok(data)
    }

    pub(super) fn report_luns(&mut self, cdb: &Cdb) -> Reply {
        let mut data = vec![0; 16];
        data[3] = 8;
        data.truncate(cdb.u32(6) as usize);
        Ok(data)
    }

    /// The sense when no command failed: the progress of an operation, if one is under way.
    fn unasked(&mut self) -> Sense {
        let background = self.background_progress();
        let formatting = background.map(|_| Sense {
            progress: background,
            ..sense::FORMATTING
        });
        match self.is_busy().or(formatting) {
            Some(sense) => Sense { key: 0, ..sense },
            None => sense::NONE,
        }
    }

    pub(super) fn request_sense(&mut self, cdb: &Cdb) -> Reply {
        let pending = self.attentions.pop_front().or(self.deferred.take());
        let sense = pending.unwrap_or_else(|| self.unasked());
        let mut data = sense.bytes().to_vec();
        data.truncate(cdb.byte(4).into());
        Ok(data)
    }
}

fn standard() -> Vec<u8> {
    let mut data = vec![0x05, 0x80, 0x05, 0x02, 31, 0, 0, 0];
    data.extend(b"RBLK    MMC TEST DRIVE  0.01");
    data
}

fn vital(page: u8, serial: &[u8]) -> Option<Vec<u8>> {
    let body: Vec<u8> = match page {
        0x00 => vec![0x00, 0x80, 0x83],
        0x80 => serial.to_vec(),
        0x83 => {
            let mut id = vec![0x02, 0x01, 0, 8 + serial.len() as u8];
            id.extend(b"RBLK    ");
            id.extend(serial);
            id
        }
        _ => return None,
    };
    let mut data = vec![0x05, page, 0, body.len() as u8];
    data.extend(body);
    Some(data)
}
