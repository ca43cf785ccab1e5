// SPDX-License-Identifier: GPL-2.0

//! Formats discs so that packets can be written on them.

pub mod command;
pub mod plan;
pub mod progress;
pub mod spare;

use crate::contents::Contents;
use crate::driver::logic::mmc::disc::{self, Formatted};
use crate::driver::logic::mmc::medium::Medium;
use crate::driver::logic::mmc::mode;
use crate::driver::logic::mmc::profile::{Kind, Profile};
use crate::driver::logic::mmc::refusal::Refusal;
use crate::driver::logic::mmc::sense::{Failure, Fault, Sense};
use crate::driver::logic::mmc::write_page::WriteParameters;
use crate::mmc::capacities::Capacity;
use crate::mmc::commands::{self, Blank, FormatUnit};
use crate::mmc::{CommandError, Data, Talk, Transport};
use crate::survey::{self, Survey};
use plan::{Effort, Impossible, Plan, Step, Wish};
use spare::Spare;
use std::time::Duration;

/// How often the drive is asked how far it is.
const POLL: Duration = Duration::from_secs(1);
/// Longer than any drive formats any disc.
const LIMIT: Duration = Duration::from_secs(12 * 60 * 60);
/// How often in a row a drive may not answer while it formats.
const MAX_SILENT: u32 = 10;
/// How much of the start of a disc is written so that nothing is found there: more than all file
/// systems need that begin anywhere else than with their first super block.
const WIPED: u32 = 320;
/// A plan is made again after a disc was blanked, and no more.
const MAX_PLANS: u32 = 2;

/// How far the drive is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress<'a> {
    /// What it is doing, for people.
    pub title: &'a str,
    /// How much of that is done, from 0 to 1, if the drive reports it.
    pub done: Option<f64>,
    /// For how long it has been at it.
    pub since: Duration,
}

/// Why a disc was not formatted.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// That is not possible.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// The disc is not empty, and nobody has said that it may be lost.
    #[error("the disc holds {0}: --force formats it, and what it holds is lost")]
    Holds(Contents),
    /// The disc is not empty, but it need not be lost.
    #[error(
        "the disc holds {0}, and its format is unfinished: --resume goes on with that and keeps \
         it, --force begins anew and loses it"
    )]
    HoldsUnfinished(Contents),
    /// Nobody knows what is on the disc.
    #[error("what the disc holds cannot be read ({0}): --force formats it all the same")]
    Unreadable(CommandError),
    /// The drive refuses, or fails.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The disc must not be written.
    #[error("the disc is write protected{}", advice(*.0))]
    Protected(Profile),
    /// The drive has not ended, or has stopped.
    #[error("the drive {0}")]
    Unfinished(&'static str),
    /// The drive has not made of the disc what it was told to.
    #[error("the drive was told to format {ordered} blocks, and the disc has {has} now")]
    OtherSize {
        /// How many blocks the disc was to have.
        ordered: u32,
        /// How many it has.
        has: u64,
    },
    /// The drive has done all, and still the disc cannot be written.
    #[error("the drive has formatted the disc, but: {0}")]
    StillNot(Refusal),
}

/// What to do about a disc that is write protected: no others have a slide.
const fn advice(profile: Profile) -> &'static str {
    match profile.0 {
        0x12 => ": open the slide of its cartridge",
        _ => "",
    }
}

impl FormatError {
    /// The same of a disc that is known.
    fn of(self, profile: Profile) -> Self {
        match self {
            Self::Command(error) if error.failure.fault() == Fault::WriteProtected => {
                Self::Protected(profile)
            }
            error => error,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// What the disc is now; [`None`] if it was to become one that packets cannot be written on.
    pub medium: Option<Medium>,
    /// The drive still formats it, and it can be used.
    pub in_background: bool,
    /// What is to be known besides.
    pub warning: Option<&'static str>,
}

/// Formats the disc in a drive. `tell` is told how far it is, once a second or so.
///
/// # Errors
///
/// [`FormatError`]. Nothing was changed if the disc holds something, or cannot be formatted so.
pub fn format(
    drive: &mut dyn Transport,
    wish: &Wish,
    force: bool,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Done, FormatError> {
    let found = survey::survey(drive)?;
    let profile = found.profile;
    format_disc(drive, found, wish, force, tell).map_err(|error| error.of(profile))
}

fn format_disc(
    drive: &mut dyn Transport,
    mut found: Survey,
    wish: &Wish,
    force: bool,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Done, FormatError> {
    let mut plan = plan::plan(&found, wish)?;
    if !force && !plan.keeps_data {
        check_empty(drive, &found)?;
    }
    for _ in 0..MAX_PLANS {
        for step in &plan.steps {
            carry_out(drive, &plan.title, step, tell)?;
        }
        if !matches!(plan.steps.last(), Some(Step::Blank(_))) {
            break;
        }
        found = survey::survey(drive)?;
        plan = plan::plan(&found, wish)?;
    }
    conclude(drive, &plan, wish, tell)
}

/// Checks that nothing can be lost.
fn check_empty(drive: &mut dyn Transport, found: &Survey) -> Result<(), FormatError> {
    match survey::contents(drive, found) {
        Ok(None) => Ok(()),
        Ok(Some(contents)) => Err(match found.formatted() {
            Formatted::Stopped | Formatted::Running => FormatError::HoldsUnfinished(contents),
            _ => FormatError::Holds(contents),
        }),
        Err(error) => Err(FormatError::Unreadable(error)),
    }
}

fn carry_out(
    drive: &mut dyn Transport,
    title: &str,
    step: &Step,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FormatError> {
    match step {
        Step::Packets(blocks) => return set_packets(drive, *blocks),
        Step::Blank(how) => blank(drive, *how)?,
        Step::Close(how) => {
            // A drive that has just come to the end by itself has nothing to stop.
            let _ = drive.ask(&commands::close(*how));
        }
        Step::Format(format) => format_unit(drive, format)?,
    }
    wait(drive, title, tell)
}

/// Some drives offer certification, and do not take it, or cannot leave it out.
fn format_unit(drive: &mut dyn Transport, format: &FormatUnit) -> Result<(), FormatError> {
    let plain = FormatUnit::new(format.kind, format.blocks, format.parameter);
    let outcome = match drive.tell(&format.command(), &format.list()) {
        Err(error) if error.failure.fault() == Fault::Unsupported && *format != plain => {
            drive.tell(&plain.command(), &plain.list())
        }
        outcome => outcome,
    };
    outcome.map_err(FormatError::from)
}

/// A drive that cannot blank quickly may be able to do so in full, and the other way round.
fn blank(drive: &mut dyn Transport, how: Blank) -> Result<(), FormatError> {
    let other = match how {
        Blank::Whole => Blank::Minimal,
        Blank::Minimal => Blank::Whole,
    };
    match drive.ask(&commands::blank(how)) {
        Err(error) if error.failure.fault() == Fault::Unsupported => {
            drive.ask(&commands::blank(other))
        }
        outcome => outcome,
    }
    .map(drop)
    .map_err(FormatError::from)
}

/// Has the drive write fixed packets, as it has to know before it formats a CD-RW.
fn set_packets(drive: &mut dyn Transport, packet_blocks: u32) -> Result<(), FormatError> {
    let parameters = WriteParameters {
        fixed: true,
        // Data, written in pieces.
        track_mode: 5,
        // CD-ROM XA, as mkudffs and other systems have it on such discs.
        data_mode: 2,
        packet_blocks,
    };
    let page = drive.ask(&commands::mode_sense(
        mode::WRITE_PARAMETERS,
        mode::REPLY_LEN,
    ));
    let mut page = page.unwrap_or_default();
    // A drive without that page, or that does not take it with this disc, has the size of packets
    // from the format alone.
    if let Ok(Some(len)) = parameters.edit(&mut page) {
        let page = page.get(..len.into()).unwrap_or_default();
        match drive.tell(&commands::mode_select(len), page) {
            Err(error)
                if !matches!(
                    error.failure.fault(),
                    Fault::Unsupported | Fault::Refused | Fault::Sequence | Fault::WrongMode
                ) =>
            {
                return Err(error.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Waits until the drive is done with what it does to the disc.
fn wait(
    drive: &mut dyn Transport,
    title: &str,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FormatError> {
    let start = drive.elapsed();
    let mut silent = 0;
    loop {
        let since = drive.elapsed().saturating_sub(start);
        let Some(CommandError { opcode, failure }) = is_busy(drive) else {
            return Ok(());
        };
        let done = match failure {
            Failure::Sense(sense) => progress_of(&sense),
            Failure::Transport => None,
        };
        match failure.fault() {
            Fault::Busy | Fault::Formatting if !is_final(&failure) => silent = 0,
            // It is said once.
            _ if is_final(&failure) => return Err(CommandError { opcode, failure }.into()),
            // The drive has something to tell before, or was asked too early.
            _ if silent < MAX_SILENT => silent += 1,
            _ => return Err(CommandError { opcode, failure }.into()),
        }
        if since > LIMIT {
            return Err(FormatError::Unfinished("is not ready after 12 hours"));
        }
        tell(Progress { title, done, since });
        drive.pause(POLL);
    }
}

/// Whether the drive reports that it has failed with what it was doing.
fn is_final(failure: &Failure) -> bool {
    match failure {
        Failure::Sense(sense) => {
            sense.deferred || matches!(failure.fault(), Fault::Medium | Fault::Hardware)
        }
        Failure::Transport => false,
    }
}

/// Whether the drive cannot be used now, and what it says.
fn is_busy(drive: &mut dyn Transport) -> Option<CommandError> {
    let ready = commands::test_unit_ready();
    let info = commands::read_disc_information(disc::REPLY_LEN);
    let mut buffer = vec![0; info.answer];
    // Some drives say that they are ready, and do nothing else yet.
    for (command, is_question) in [(ready, false), (info, true)] {
        let data = match is_question {
            true => Data::In(&mut buffer),
            false => Data::None,
        };
        let failure = match drive.send(&command.cdb, data, command.seconds) {
            Ok(_) => continue,
            Err(failure) if failure.is_success() => continue,
            Err(failure) => failure,
        };
        let is_busy = matches!(failure.fault(), Fault::Busy | Fault::Formatting);
        if !is_question || is_busy || is_final(&failure) {
            return Some(CommandError {
                opcode: command.cdb[0],
                failure,
            });
        }
    }
    None
}

fn progress_of(sense: &Sense) -> Option<f64> {
    sense.progress.map(|part| f64::from(part) / 65536.0)
}

/// Waits until the drive has formatted the disc in the background, too.
fn wait_for_background(
    drive: &mut dyn Transport,
    title: &str,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FormatError> {
    let start = drive.elapsed();
    loop {
        let since = drive.elapsed().saturating_sub(start);
        match survey::survey(drive)?.formatted() {
            // A drive that does not tell has said that it is ready.
            Formatted::Complete | Formatted::No => return Ok(()),
            Formatted::Running => {}
            _ => return Err(FormatError::Unfinished("has stopped formatting the disc")),
        }
        if since > LIMIT {
            return Err(FormatError::Unfinished("is not ready after 12 hours"));
        }
        let sense = drive.ask(&commands::request_sense()).ok();
        let done = sense.and_then(|bytes| progress_of(&Sense::parse(&bytes).ok()?));
        tell(Progress { title, done, since });
        drive.pause(POLL);
    }
}

/// Looks at the disc as the driver will.
fn conclude(
    drive: &mut dyn Transport,
    plan: &Plan,
    wish: &Wish,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Done, FormatError> {
    if plan.background && wish.effort == Effort::Full {
        wait_for_background(drive, &plan.title, tell)?;
    }
    if plan.warning.is_some() {
        return Ok(Done {
            medium: None,
            in_background: false,
            warning: plan.warning,
        });
    }
    let found = survey::survey(drive)?;
    match survey::verdict(drive) {
        Ok(medium) => {
            check_size(&found, &medium, plan, wish)?;
            if !plan.keeps_data {
                forget_contents(drive, &found, &medium)?;
            }
            Ok(Done {
                medium: Some(medium),
                in_background: found.formatted() == Formatted::Running,
                warning: None,
            })
        }
        Err(Refusal::Command(_, Failure::Transport)) => {
            Err(FormatError::Unfinished("does not answer any more"))
        }
        Err(refusal) => Err(FormatError::StillNot(refusal)),
    }
}

/// Checks that the drive has done what it was told: some stop, or keep the size that a disc had.
fn check_size(
    found: &Survey,
    medium: &Medium,
    plan: &Plan,
    wish: &Wish,
) -> Result<(), FormatError> {
    let Some(ordered) = plan.ordered() else {
        return Ok(());
    };
    let has = match found.capacities.current {
        Some(Capacity::Unformatted(_)) => 0,
        Some(Capacity::Formatted(blocks)) => blocks.into(),
        Some(Capacity::Unknown) | None => medium.blocks,
    };
    // Drives differ in how they count what lies between packets.
    let packet = medium
        .writing
        .map_or(1, |writing| writing.geometry.packet_frames());
    let (least, most) = (
        u64::from(ordered.saturating_sub(packet)),
        u64::from(ordered).saturating_add(packet.into()),
    );
    let is_wanted = wish.spare != Spare::Default;
    if has <= least || (is_wanted && has >= most) {
        return Err(FormatError::OtherSize { ordered, has });
    }
    Ok(())
}

/// Writes zeroes over what is still found on a disc: to format one again need not erase it.
fn forget_contents(
    drive: &mut dyn Transport,
    found: &Survey,
    medium: &Medium,
) -> Result<(), FormatError> {
    let Ok(writing) = medium.writing else {
        return Ok(());
    };
    // These are blanked, or written as a whole.
    if matches!(writing.kind, Kind::CdRw | Kind::DvdRw) {
        return Ok(());
    }
    if matches!(survey::contents(drive, found), Ok(None)) {
        return Ok(());
    }
    let packet = writing.geometry.packet_frames().max(1);
    let blocks = u32::try_from(medium.blocks).unwrap_or(u32::MAX);
    let packets = blocks / packet;
    let wiped = WIPED.div_ceil(packet).min(packets);
    // A drive that still formats would have to come as far before the disc can be taken out.
    let last = match found.formatted() {
        Formatted::No | Formatted::Complete => packets.saturating_sub(wiped).max(wiped),
        Formatted::Stopped | Formatted::Running => packets,
    };
    let zeroes = vec![0; packet as usize * 2048];
    for number in (0..wiped).chain(last..packets) {
        let count = u16::try_from(packet).unwrap_or(u16::MAX);
        drive.tell(
            &commands::write(number.saturating_mul(packet), count),
            &zeroes,
        )?;
    }
    drive.ask(&commands::synchronize_cache())?;
    Ok(())
}
