// SPDX-License-Identifier: GPL-2.0

//! What comes of a command, as the SCSI layer of the kernel tells it.

use kernel::error::{
    code::*,
    Error, //
};
use rb::block::{
    error::{
        BlkError,
        BlkResult, //
    },
    optical::Sense, //
};
use rblk_mmc_drive::{
    drive::{
        Answer,
        NOBODY, //
    },
    sense, //
};

pub use rb::sim::lower::Payload;

/// How a command has ended.
#[derive(Debug)]
pub struct Ended {
    answer: Answer,
    /// What the drive has sent.
    pub data: Vec<u8>,
}

impl Ended {
    /// Makes one of an answer.
    pub fn of(answer: Answer, data: Vec<u8>) -> Self {
        Self { answer, data }
    }

    /// Returns whether the SCSI layer sends an I/O again.
    pub fn is_worth_another_try(&self) -> bool {
        match self.answer {
            Answer::Busy => true,
            Answer::Transport(code) => code != NOBODY,
            Answer::Check(sense) => match sense.key {
                3 => !matches!(sense.asc, 0x11 | 0x13 | 0x14),
                2 => (sense.asc, sense.ascq) == (4, 1),
                4 | 0xb => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Returns what comes of an I/O.
    pub fn of_io(&self) -> BlkResult {
        match self.answer {
            Answer::Good => Ok(()),
            Answer::Check(sense) if sense.key == 1 => Ok(()),
            Answer::Check(sense) if sense.key == 3 => Err(BlkError::MEDIUM),
            Answer::Never => Err(BlkError::TIMEOUT),
            _ => Err(BlkError::IOERR),
        }
    }

    /// Returns what comes of a command of a task.
    pub fn of_command(&self) -> Result<(), Result<Sense, Error>> {
        match self.answer {
            Answer::Good => Ok(()),
            Answer::Check(sense) => Err(Ok(told(sense))),
            Answer::Transport(NOBODY) => Err(Err(ENODEV)),
            Answer::Never => Err(Err(ETIMEDOUT)),
            Answer::Busy | Answer::Transport(_) => Err(Err(EIO)),
        }
    }

    /// Returns the sense, if the drive has refused the command.
    pub fn sense(&self) -> Option<sense::Sense> {
        match self.answer {
            Answer::Check(sense) => Some(sense),
            _ => None,
        }
    }

    /// Returns whether the drive has done it.
    pub fn is_good(&self) -> bool {
        self.answer == Answer::Good
    }
}

fn told(sense: sense::Sense) -> Sense {
    Sense {
        response: if sense.deferred { 0x71 } else { 0x70 },
        key: sense.key,
        asc: sense.asc,
        ascq: sense.ascq,
    }
}
