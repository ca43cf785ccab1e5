// SPDX-License-Identifier: GPL-2.0

//! What the driver of the drive in the kernel keeps, and what it sends for I/O.

use super::outcome::Ended;
use rb::{
    block::bio::Command,
    sim::lower::Io, //
};
use rblk_mmc_drive::{
    drive::Answer,
    medium::BLOCK, //
};
use std::cell::Cell;

/// Sectors of a block.
pub const BLOCK_SECTORS: u64 = (BLOCK / 512) as u64;

/// What the kernel keeps of a drive.
#[derive(Debug, Default)]
pub(super) struct State {
    /// A unit attention was reported, and nobody has looked for another medium since.
    pub(super) changed: Cell<bool>,
    pub(super) attentions: Cell<u32>,
    pub(super) media_seq: Cell<u64>,
    pub(super) sectors: Cell<u64>,
    pub(super) present: Cell<bool>,
    pub(super) openers: Cell<u32>,
}

impl State {
    /// Notes what the drive has answered to anybody.
    pub(super) fn hear(&self, answer: Answer) {
        if let Answer::Check(sense) = answer {
            if sense.key == 6 && matches!(sense.asc, 0x28 | 0x29) {
                self.attentions.set(self.attentions.get() + 1);
            }
        }
    }

    /// Notes an answer to the driver of the drive; returns whether it was a unit attention.
    pub(super) fn note_attention(&self, ended: &Ended) -> bool {
        let is_attention = ended.sense().is_some_and(|sense| sense.key == 6);
        if is_attention {
            self.changed.set(true);
        }
        is_attention
    }
}

/// Returns the command and the data for an I/O.
pub(super) fn transfer(io: &Io) -> (Vec<u8>, Vec<u8>) {
    let (code, out) = match io.command {
        Command::Read => (0x28, Vec::new()),
        _ => (0x2a, io.data()),
    };
    let block = ((io.sector / BLOCK_SECTORS) as u32).to_be_bytes();
    let blocks = ((io.sectors() / BLOCK_SECTORS) as u16).to_be_bytes();
    let mut cdb = vec![code, 0];
    cdb.extend(block);
    cdb.push(0);
    cdb.extend(blocks);
    cdb.push(0);
    (cdb, out)
}
