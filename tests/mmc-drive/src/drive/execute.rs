// SPDX-License-Identifier: GPL-2.0-or-later
//! How a command is answered: by what does it, or by a fault.

use super::state::{Drive, Reply};
use crate::cdb::{op, Cdb};
use crate::fault::Act;
use crate::medium::BLOCK;
use crate::quirks::Quirk;
use crate::sense::{self, Sense};
use std::time::{Duration, Instant};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Status GOOD.
    Good,
    /// Status CHECK CONDITION.
    Check(Sense),
    /// Status BUSY.
    Busy,
    /// Not the drive answers but the transport, with this code.
    Transport(u8),
    /// Not at all.
    Never,
}

/// What comes of a command.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub answer: Answer,
    /// What it brought, also when it failed.
    pub data: Vec<u8>,
    /// How long it takes.
    pub takes: Duration,
}

/// The transport's code for "there is nobody".
pub const NOBODY: u8 = 3;

impl Drive {
    /// Does what a command says.
    pub fn execute(&mut self, cdb: &[u8], out: &[u8], now: Instant) -> Outcome {
        let cdb = Cdb::new(cdb);
        self.advance(now);
        self.now = now;
        self.takes = Duration::ZERO;
        let (answer, data) = self.answer(&cdb, out);
        self.account(&cdb, answer);
        Outcome {
            answer,
            data,
            takes: self.takes,
        }
    }

    fn answer(&mut self, cdb: &Cdb, out: &[u8]) -> (Answer, Vec<u8>) {
        if !self.plugged {
            return (Answer::Transport(NOBODY), Vec::new());
        }
        if !is_always_answered(cdb.op()) {
            if let Some(sense) = self.attentions.pop_front().or(self.deferred.take()) {
                return (Answer::Check(sense), Vec::new());
            }
        }
        match self.faults.hit(cdb) {
            None => answered(self.perform(cdb, out)),
            Some((act, first)) => {
                self.stats.add("faults", 1);
                self.misbehave(act, first, cdb, out)
            }
        }
    }

    fn misbehave(
        &mut self,
        act: Act,
        first: Option<u32>,
        cdb: &Cdb,
        out: &[u8],
    ) -> (Answer, Vec<u8>) {
        let nothing = Vec::new();
        match act {
            Act::Check(sense, done) => self.fail(sense, done, first, cdb, out),
            Act::Deferred(sense) => {
                self.deferred = Some(Sense {
                    deferred: true,
                    ..sense
                });
                (Answer::Good, nothing)
            }
            Act::Hang => (Answer::Never, nothing),
            Act::Delay(time) => {
                self.takes += time;
                answered(self.perform(cdb, out))
            }
            Act::Busy => (Answer::Busy, nothing),
            Act::Transport(code) => (Answer::Transport(code), nothing),
            Act::Lose => (Answer::Good, nothing),
            Act::Corrupt => {
                let mut result = self.perform(cdb, &flipped(out));
                if let Ok(data) = &mut result {
                    *data = flipped(data);
                }
                answered(result)
            }
            Act::PowerCut => {
                self.power_cut();
                self.answer(cdb, out)
            }
            Act::Unplug => {
                self.unplug();
                (Answer::Transport(NOBODY), nothing)
            }
            Act::Eject => {
                self.pull_out();
                answered(self.perform(cdb, out))
            }
            Act::Exchange => {
                let result = self.perform(cdb, out);
                self.exchange();
                answered(result)
            }
        }
    }

    /// Fails a command with `sense` after `done` blocks.
    fn fail(
        &mut self,
        sense: Sense,
        done: Option<u32>,
        first: Option<u32>,
        cdb: &Cdb,
        out: &[u8],
    ) -> (Answer, Vec<u8>) {
        let mut data = Vec::new();
        let Some((start, length)) = cdb.extent() else {
            return (Answer::Check(sense), data);
        };
        if sense.key == 1 {
            return match self.perform(cdb, out) {
                Ok(data) => (Answer::Check(sense), data),
                failed => answered(failed),
            };
        }
        let done = match (done, first) {
            (Some(done), _) => Some(done.min(length)),
            (None, Some(first)) if cdb.is_read() && sense.key == 3 => Some(first - start),
            _ => None,
        };
        let Some(done) = done else {
            return (Answer::Check(sense), data);
        };
        let result = if cdb.is_read() {
            self.read(start, done)
        } else {
            self.tear(start, length, &out[..out.len().min(done as usize * BLOCK)])
        };
        match result {
            Ok(bytes) => data = bytes,
            failed => return answered(failed),
        }
        (Answer::Check(sense.at(start + done)), data)
    }

    fn perform(&mut self, cdb: &Cdb, out: &[u8]) -> Reply {
        let code = cdb.op();
        if self.options.unsupported.contains(&code) {
            return Err(sense::OPCODE);
        }
        if needs_medium(code) {
            let ready = self.ready();
            let lies = self.options.quirks.has(Quirk::LiesReady) && self.busy.is_some();
            match ready {
                Err(_) if lies && code == op::TEST_UNIT_READY => {}
                Err(_) if lies => return Err(sense::WORKING),
                ready => ready?,
            }
        }
        let mut data = self.dispatch(cdb, out)?;
        for (op, offset, byte) in &self.options.patches {
            if let Some(place) = data.get_mut(*offset).filter(|_| *op == code) {
                *place = *byte;
            }
        }
        for (op, length) in &self.options.cuts {
            if *op == code {
                data.truncate(*length);
            }
        }
        Ok(data)
    }

    fn dispatch(&mut self, cdb: &Cdb, out: &[u8]) -> Reply {
        match cdb.op() {
            op::TEST_UNIT_READY => Ok(Vec::new()),
            op::REQUEST_SENSE => self.request_sense(cdb),
            op::INQUIRY => self.inquiry(cdb),
            op::REPORT_LUNS => self.report_luns(cdb),
            op::MODE_SENSE_6 | op::MODE_SENSE_10 => self.mode_sense(cdb),
            op::MODE_SELECT_6 | op::MODE_SELECT_10 => self.mode_select(cdb, out),
            op::START_STOP => self.start_stop(cdb),
            op::PREVENT_ALLOW => self.prevent(cdb),
            op::GET_EVENT => self.event(cdb),
            op::GET_CONFIGURATION => self.configuration(cdb),
            op::READ_FORMAT_CAPACITIES => self.format_capacities(cdb),
            op::READ_CAPACITY => self.capacity(),
            op::READ_TOC => self.toc(cdb),
            op::READ_DISC_INFO => self.disc_info(cdb),
            op::READ_TRACK_INFO => self.track_info(cdb),
            op::READ_BUFFER_CAPACITY => self.buffer_capacity(cdb),
            op::READ_10 | op::READ_12 | op::WRITE_10 | op::WRITE_12 | op::WRITE_VERIFY => {
                self.transfer(cdb, out)
            }
            op::VERIFY | op::SEEK => self.seek(cdb),
            op::SYNCHRONIZE_CACHE => self.synchronize(),
            op::FORMAT_UNIT => self.format_unit(cdb, out),
            op::BLANK => self.blank(cdb),
            op::RESERVE_TRACK => self.reserve(),
            op::CLOSE_TRACK => self.close(cdb),
            op::SEND_OPC => self.opc(),
            op::GET_PERFORMANCE => self.performance(cdb),
            op::SET_STREAMING => self.set_streaming(cdb, out),
            op::SET_CD_SPEED => self.set_cd_speed(cdb),
            op::READ_STRUCTURE => self.structure(cdb),
            _ => Err(sense::OPCODE),
        }
    }

    /// Whether there is a disc that can be worked with.
    fn ready(&mut self) -> Result<(), Sense> {
        if self.tray_open {
            return Err(sense::TRAY_OPEN);
        }
        if self.medium.is_none() {
            return Err(sense::NO_MEDIUM);
        }
        match self.is_busy() {
            None => Ok(()),
            Some(sense) => Err(sense),
        }
    }

    fn account(&mut self, cdb: &Cdb, answer: Answer) {
        let code = cdb.op();
        self.stats.add(&format!("op_{code:02x}"), 1);
        let result = match answer {
            Answer::Good => "ok".to_string(),
            Answer::Check(sense) => {
                self.stats.add(&format!("sense_{sense}"), 1);
                sense.to_string()
            }
            Answer::Busy => "busy".into(),
            Answer::Transport(code) => format!("transport:{code}"),
            Answer::Never => "never".into(),
        };
        self.stats.record(match cdb.extent() {
            Some((first, length)) => format!("{code:02x} {first} {length} {result}"),
            None => format!("{code:02x} {result}"),
        });
    }
}

fn answered(result: Reply) -> (Answer, Vec<u8>) {
    match result {
        Ok(data) => (Answer::Good, data),
        Err(sense) => (Answer::Check(sense), Vec::new()),
    }
}

fn flipped(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let middle = data.len() / 2;
    if let Some(byte) = data.get_mut(middle) {
        *byte ^= 0x10;
    }
    data
}

/// Commands that do not report unit attentions.
fn is_always_answered(code: u8) -> bool {
    matches!(
        code,
        op::INQUIRY | op::REPORT_LUNS | op::REQUEST_SENSE | op::GET_EVENT | op::GET_CONFIGURATION
    )
}

fn needs_medium(code: u8) -> bool {
    matches!(
        code,
        op::TEST_UNIT_READY
            | op::FORMAT_UNIT
            | op::READ_CAPACITY
            | op::READ_10
            | op::READ_12
            | op::WRITE_10
            | op::WRITE_12
            | op::WRITE_VERIFY
            | op::VERIFY
            | op::SEEK
            | op::SYNCHRONIZE_CACHE
            | op::READ_TOC
            | op::READ_DISC_INFO
            | op::READ_TRACK_INFO
            | op::RESERVE_TRACK
            | op::SEND_OPC
            | op::CLOSE_TRACK
            | op::READ_BUFFER_CAPACITY
            | op::BLANK
            | op::READ_STRUCTURE
    )
}
