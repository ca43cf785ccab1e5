// SPDX-License-Identifier: GPL-2.0

//! Sense data: why a command failed, and what to do about it.

use super::reply::{
    Reply,
    ReplyError, //
};
use core::fmt;

/// Sense data of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sense {
    /// The sense key, 0 to 15.
    pub key: u8,
    /// The additional sense code.
    pub asc: u8,
    /// The additional sense code qualifier.
    pub ascq: u8,
    /// A deferred error: of an earlier command whose success was reported. This command was not
    /// done.
    pub deferred: bool,
    /// The address that it is about, if there is one.
    pub information: Option<u64>,
    /// Progress of what the drive is busy with, in 65536ths.
    pub progress: Option<u16>,
}

impl Sense {
    /// Takes sense data that the kernel has decoded.
    ///
    /// [`None`] if the response code is not one of sense data, which includes zeroes.
    pub const fn new(response: u8, key: u8, asc: u8, ascq: u8) -> Option<Self> {
        let deferred = match response & 0x7f {
            0x70 | 0x72 => false,
            0x71 | 0x73 => true,
            _ => return None,
        };
        Some(Self {
            key: key & 0x0f,
            asc,
            ascq,
            deferred,
            information: None,
            progress: None,
        })
    }

    /// Reads sense data in the fixed or the descriptor format.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if there is no sense key; [`ReplyError::Other`] if this is no sense
    /// data. Codes that did not come are zero, which means "no additional information".
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::new(bytes).require(1)?;

        match reply.u8(0).map(|byte| byte & 0x7f) {
            Some(0x70 | 0x71) => Self::parse_fixed(reply.require(3)?),
            Some(0x72 | 0x73) => Self::parse_descriptors(reply.require(4)?),
            _ => None,
        }
        .ok_or(ReplyError::Other)
    }

    fn parse_fixed(reply: Reply<'_>) -> Option<Self> {
        let end = reply
            .u8(7)
            .map_or(8, |more| usize::from(more).saturating_add(8));
        let reply = reply.up_to(end.max(8));
        let mut sense = Self::new(
            reply.u8(0)?,
            reply.u8(2)?,
            reply.u8(12).unwrap_or_default(),
            reply.u8(13).unwrap_or_default(),
        )?;

        sense.information = reply.u32(3).filter(|_| reply.has(0, 0x80)).map(u64::from);
        sense.progress = reply.u16(16).filter(|_| reply.has(15, 0x80));
        Some(sense)
    }

    fn parse_descriptors(reply: Reply<'_>) -> Option<Self> {
        let end = reply
            .u8(7)
            .map_or(8, |more| usize::from(more).saturating_add(8));
        let mut sense = Self::new(reply.u8(0)?, reply.u8(1)?, reply.u8(2)?, reply.u8(3)?)?;
        let mut rest = reply.up_to(end).from(8);

        while let Some(len) = rest.u8(1).map(|more| usize::from(more).saturating_add(2)) {
            sense.take_descriptor(rest.up_to(len));
            rest = rest.from(len);
        }
        Some(sense)
    }

    fn take_descriptor(&mut self, descriptor: Reply<'_>) {
        match descriptor.u8(0) {
            Some(0) if descriptor.has(2, 0x80) => {
                let number = descriptor.u32(4).zip(descriptor.u32(8));
                self.information = number.map(|(h, l)| u64::from(h) << 32 | u64::from(l));
            }
            Some(2) if descriptor.has(4, 0x80) => self.progress = descriptor.u16(5),
            _ => {}
        }
    }

    /// Whether the drive is not ready but will be, however long that takes.
    ///
    /// While a drive does something long, it may report any reason, or none. Only two reasons do
    /// not end by themselves: the drive has to be started, or needs a person.
    pub const fn is_becoming_ready(&self) -> bool {
        let not_ready = matches!((self.deferred, self.key, self.asc), (false, 0x2, 0x04));

        not_ready && !matches!(self.ascq, 0x02 | 0x03)
    }

    /// What it means for the sender of the command.
    pub const fn fault(&self) -> Fault {
        match (self.key, self.asc, self.ascq) {
            (0x0 | 0x1, ..) => Fault::None,
            (0x2, 0x3a, _) => Fault::NoMedium,
            (0x2, 0x04, 0x01 | 0x07 | 0x08) => Fault::Busy,
            (0x2, 0x04, 0x04) => Fault::Formatting,
            (0x2, ..) => Fault::NotReady,
            (0x3 | 0x8, ..) => Fault::Medium,
            (0x4, ..) => Fault::Hardware,
            (0x5, 0x64, _) => Fault::WrongMode,
            (0x5, 0x20 | 0x24 | 0x25 | 0x26, _) => Fault::Unsupported,
            (0x5, 0x2c, _) => Fault::Sequence,
            (0x5, ..) => Fault::Refused,
            (0x6, 0x28, _) => Fault::MediumChanged,
            (0x6, 0x29 | 0x2a, _) => Fault::Reset,
            (0x6, ..) => Fault::Attention,
            (0x7, ..) => Fault::WriteProtected,
            (0xb, ..) => Fault::Aborted,
            _ => Fault::Hardware,
        }
    }
}

impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, asc, ascq, .. } = self;

        write!(
            f,
            "{} ({key:x}/{asc:02x}/{ascq:02x})",
            self.fault().reason()
        )?;
        if self.deferred {
            f.write_str(" of an earlier command")?;
        }
        Ok(())
    }
}

/// What sense data means for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault: the command was done, perhaps after more than one try of the drive.
    None,
    /// The drive has no medium.
    NoMedium,
    /// The drive will be ready soon.
    Busy,
    /// The medium is being formatted, which takes long.
    Formatting,
    /// The drive cannot access the medium, and waiting does not help.
    NotReady,
    /// The medium is bad there.
    Medium,
    /// The drive is broken.
    Hardware,
    /// The drive does not have that command, or not with these parameters.
    Unsupported,
    /// The write parameters do not fit the track, and have to be sent again.
    WrongMode,
    /// The cache has to be flushed before.
    Sequence,
    /// The drive does not accept the command: a bad address, say.
    Refused,
    /// The medium was changed, or may have been.
    MediumChanged,
    /// The drive has lost the write parameters and speeds.
    Reset,
    /// Something else happened in the drive that says nothing of the command.
    Attention,
    /// The medium cannot be written.
    WriteProtected,
    /// The drive gave up; another try may work.
    Aborted,
}

impl Fault {
    /// How often a command is repeated that a drive is too busy for.
    pub const BUSY_RETRIES: u32 = 30;

    /// How often a command is repeated for any other reason.
    pub const RETRIES: u32 = 3;

    /// Whether a command that failed is to be sent again after `retries` times, and after how many
    /// milliseconds.
    ///
    /// All waits together are less than a minute, if `retries` for a busy drive is counted over all
    /// commands.
    pub const fn retry_after_ms(self, retries: u32) -> Option<u32> {
        match self {
            Self::Busy if retries < 5 => Some(100 << retries),
            Self::Busy if retries < Self::BUSY_RETRIES => Some(2000),
            Self::MediumChanged | Self::Reset | Self::Attention | Self::Aborted
                if retries < Self::RETRIES =>
            {
                Some(0)
            }
            _ => None,
        }
    }

    /// Whether the write parameters have to be sent again before the next write.
    pub const fn lost_parameters(self) -> bool {
        matches!(self, Self::Reset | Self::WrongMode | Self::MediumChanged)
    }

    /// Whether what is known of the medium is no longer true.
    pub const fn lost_medium(self) -> bool {
        matches!(self, Self::NoMedium | Self::MediumChanged)
    }

    /// The fault in a few words, for the log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::None => "no error",
            Self::NoMedium => "no medium",
            Self::Busy => "the drive is busy",
            Self::Formatting => "the medium is being formatted",
            Self::NotReady => "the drive is not ready",
            Self::Medium => "medium error",
            Self::Hardware => "hardware error",
            Self::Unsupported => "not supported by the drive",
            Self::WrongMode => "the write parameters do not go with the track",
            Self::Sequence => "the cache was not flushed",
            Self::Refused => "refused by the drive",
            Self::MediumChanged => "the medium may have changed",
            Self::Reset => "the drive was reset",
            Self::Attention => "the drive wants attention",
            Self::WriteProtected => "the medium is write protected",
            Self::Aborted => "the drive has aborted the command",
        }
    }
}

/// Why there is no reply to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The drive has said why.
    Sense(Sense),
    /// The command did not reach the drive, or did not end in time.
    Transport,
}

impl Failure {
    /// What it means for the sender of the command. A failed transport is taken for broken
    /// hardware.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Sense(sense) => sense.fault(),
            Self::Transport => Fault::Hardware,
        }
    }

    /// Whether the drive is not ready but will be, however long that takes.
    pub const fn is_becoming_ready(&self) -> bool {
        match self {
            Self::Sense(sense) => sense.is_becoming_ready(),
            Self::Transport => false,
        }
    }

    /// Whether the command was done all the same, perhaps after more than one try.
    pub const fn is_success(&self) -> bool {
        match self {
            Self::Sense(sense) => !sense.deferred && matches!(sense.fault(), Fault::None),
            Self::Transport => false,
        }
    }

    /// Whether the command is to be sent again after `retries` times, and after how many
    /// milliseconds.
    ///
    /// As [`Fault::retry_after_ms`]. But a command that was not done because of a deferred error is
    /// simply sent again.
    pub const fn retry_after_ms(&self, retries: u32) -> Option<u32> {
        match self {
            Self::Sense(sense) if sense.deferred && retries < Fault::RETRIES => Some(0),
            Self::Sense(sense) => sense.fault().retry_after_ms(retries),
            Self::Transport => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sense(sense) => sense.fmt(f),
            Self::Transport => f.write_str("the drive does not answer"),
        }
    }
}

/// The result of SYNCHRONIZE CACHE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// All that was written is on the medium.
    Done,
    /// The drive still writes: ask again after so many milliseconds.
    Again(u32),
    /// Something may not be on the medium.
    Failed,
}

impl Flushed {
    /// Judges SYNCHRONIZE CACHE that was sent `retries` times before.
    ///
    /// Unlike other commands, it is not repeated when the drive was reset or reports a deferred
    /// error: the cache is empty then because its data is lost. A drive that does not support the
    /// command has no cache.
    pub const fn judge(outcome: Result<usize, Failure>, retries: u32) -> Self {
        let failure = match outcome {
            Ok(_) => return Self::Done,
            Err(failure) if failure.is_success() => return Self::Done,
            Err(failure) => failure,
        };
        let Failure::Sense(sense) = failure else {
            return Self::Failed;
        };

        match (sense.deferred, sense.fault(), sense.asc) {
            (false, Fault::Busy, _) => match Fault::Busy.retry_after_ms(retries) {
                Some(after_ms) => Self::Again(after_ms),
                None => Self::Failed,
            },
            (false, Fault::Unsupported, 0x20) => Self::Done,
            _ => Self::Failed,
        }
    }
}
