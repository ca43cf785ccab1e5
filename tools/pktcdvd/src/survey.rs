// SPDX-License-Identifier: GPL-2.0

//! All that a drive reports of itself and of the disc in it.

use crate::contents::{self, Contents};
use crate::driver::logic::mmc::cdb;
use crate::driver::logic::mmc::configuration::{Configuration, FeatureList};
use crate::driver::logic::mmc::disc::{self, DiscInfo, Formatted, Recorded};
use crate::driver::logic::mmc::medium::Medium;
use crate::driver::logic::mmc::mode;
use crate::driver::logic::mmc::probe::{Outcome, BUFFER_LEN};
use crate::driver::logic::mmc::profile::Profile;
use crate::driver::logic::mmc::refusal::Refusal;
use crate::driver::logic::mmc::reply::Reply;
use crate::driver::logic::mmc::sense::{Failure, Fault};
use crate::driver::logic::mmc::speed;
use crate::medium;
use crate::mmc::capacities::{self, Capacities, Capacity};
use crate::mmc::{commands, CommandError, Data, Talk, Transport};

/// How much of the features is asked for, in bytes.
const FEATURES_LEN: u16 = 1024;
/// The feature of drives that format.
const FORMATTABLE: u16 = 0x23;
/// The feature of drives that can write Mount Rainier media.
const MRW: u16 = 0x28;

/// What a disc is that is in a drive.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Its profile.
    pub profile: Profile,
    /// It is in the Mount Rainier format.
    pub mrw: bool,
    /// By READ DISC INFORMATION.
    pub disc: Option<DiscInfo>,
    /// Where the lead-out of a CD begins at the latest, in blocks.
    pub last_lead_out: Option<u32>,
    /// What it can be formatted to.
    pub capacities: Capacities,
    /// How the drive can format it.
    pub abilities: Abilities,
}

impl Survey {
    /// Whether nothing was ever recorded on the disc, by what the drive says.
    ///
    /// A disc that is recorded in sequence has no format, which says nothing of what is on it.
    pub fn is_empty(&self) -> bool {
        match self.disc.map(|disc| disc.disc) {
            Some(Recorded::Empty) => true,
            Some(Recorded::Incomplete | Recorded::Complete) => false,
            Some(Recorded::Other) | None => {
                matches!(self.capacities.current, Some(Capacity::Unformatted(_)))
            }
        }
    }

    /// Whether something may be on the disc although its first blocks hold nothing, or cannot be
    /// read: it can be recorded in sequence, in tracks of which the first may be reserved.
    ///
    /// The format of a DVD-RW for restricted overwrite (profile 13h) grows from the first block on:
    /// if that is not there, nothing is.
    fn may_begin_later(&self) -> bool {
        matches!(self.profile.0, 0x0a | 0x14 | 0xffff) && !self.mrw && !self.is_empty()
    }

    /// How far the drive has formatted the disc in the background, if it does so.
    pub fn formatted(&self) -> Formatted {
        self.disc.map_or(Formatted::No, |disc| disc.formatted)
    }
}

/// What a drive can do when it formats, by its features.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// BD-RE: it can certify all of the medium.
    pub full_certification: bool,
    /// BD-RE: it can certify the medium quickly.
    pub quick_certification: bool,
    /// It writes CD-MRW.
    pub cd_mrw: bool,
    /// It writes DVD+MRW.
    pub dvd_mrw: bool,
}

/// Waits until the drive has looked at what is in it.
///
/// # Errors
///
/// What the drive says, if it has no disc or does not become ready. A drive that formats its disc
/// is ready enough.
pub fn wait_until_ready(drive: &mut dyn Transport) -> Result<(), CommandError> {
    match drive.ask(&commands::test_unit_ready()) {
        Err(error) if error.failure.fault() != Fault::Formatting => Err(error),
        _ => Ok(()),
    }
}

/// Asks for all of it. What the drive does not answer is left out.
///
/// # Errors
///
/// What the drive says, if it has no disc or does not become ready.
pub fn survey(drive: &mut dyn Transport) -> Result<Survey, CommandError> {
    wait_until_ready(drive)?;
    let features = drive.ask(&commands::get_configuration(0, FEATURES_LEN));
    let features = features.unwrap_or_default();
    let configuration = Configuration::parse(&features).unwrap_or(Configuration::UNKNOWN);
    let info = drive.ask(&commands::read_disc_information(disc::REPLY_LEN));
    let info = info.unwrap_or_default();
    let capacities = drive.ask(&commands::read_format_capacities(capacities::REPLY_LEN));

    Ok(Survey {
        profile: configuration.profile,
        mrw: configuration.mrw,
        disc: DiscInfo::parse(&info).ok(),
        last_lead_out: last_lead_out(&info),
        capacities: Capacities::parse(&capacities.unwrap_or_default()),
        abilities: abilities(&features),
    })
}

/// Minutes, seconds and frames in the disc information, in blocks.
fn last_lead_out(info: &[u8]) -> Option<u32> {
    let [m, s, f] = *info.get(21..24)?.first_chunk::<3>()?;
    if [m, s, f] == [0xff; 3] {
        return None;
    }
    ((u32::from(m) * 60 + u32::from(s)) * 75 + u32::from(f)).checked_sub(150)
}

fn abilities(features: &[u8]) -> Abilities {
    let mut found = Abilities::default();
    for feature in FeatureList(Reply::new(features).from(8)) {
        match feature.code {
            FORMATTABLE => {
                found.full_certification = feature.data.has(0, 0x01);
                found.quick_certification = feature.data.has(0, 0x02);
            }
            MRW => {
                found.cd_mrw = feature.data.has(0, 0x01);
                found.dvd_mrw = feature.data.has(0, 0x04);
            }
            _ => {}
        }
    }
    found
}

/// Whether packets can be written on the disc, by the driver's own rules; see [`medium::look`].
///
/// # Errors
///
/// Why not.
pub fn verdict(drive: &mut dyn Transport) -> Result<Medium, Refusal> {
    look(drive).and_then(|medium| medium.writing.map(|_| medium))
}

/// What the driver makes of the disc.
///
/// # Errors
///
/// Why it can be neither read nor written.
pub fn look(drive: &mut dyn Transport) -> Result<Medium, Refusal> {
    // Both ask the drive, one after the other.
    let drive = std::cell::RefCell::new(drive);
    medium::look(
        |command, buffer| send(&mut **drive.borrow_mut(), command, buffer),
        |time| drive.borrow_mut().pause(time),
    )
}

/// Carries a command of the driver to the drive, unless it changes the drive.
fn send(
    drive: &mut dyn Transport,
    command: &cdb::Command,
    answer: &mut [u8; BUFFER_LEN],
) -> Outcome {
    let seconds = command.patience().seconds();
    let data = match command.transfer() {
        cdb::Transfer::None => Data::None,
        cdb::Transfer::In(len) => Data::In(answer.get_mut(..len.into()).ok_or(Failure::Transport)?),
        cdb::Transfer::Out(_) => return Err(Failure::Transport),
    };
    drive.send(command.cdb(), data, seconds)
}

/// What is on the disc.
///
/// # Errors
///
/// What the drive says of a disc that it cannot read: something may be on it.
pub fn contents(
    drive: &mut dyn Transport,
    survey: &Survey,
) -> Result<Option<Contents>, CommandError> {
    if survey.is_empty() {
        return Ok(None);
    }
    // Some drives do not read what is still to be written.
    let _ = drive.ask(&commands::synchronize_cache());
    let found = contents::find(|first, blocks| {
        let mut bytes = Vec::new();
        for block in (first..first.saturating_add(blocks)).step_by(commands::READ_BLOCKS.into()) {
            let count = first.saturating_add(blocks).saturating_sub(block);
            let count = u16::try_from(count).unwrap_or(u16::MAX);
            match drive.ask(&commands::read(block, count.min(commands::READ_BLOCKS))) {
                Ok(mut more) => bytes.append(&mut more),
                // The disc ends here.
                Err(error) if is_unrecorded(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    })?;
    // Of a disc in packets, all of which can be written, the first ones tell.
    if found.is_none() && survey.may_begin_later() && verdict(drive).is_err() {
        return Ok(Some(Contents::UNKNOWN));
    }
    Ok(found)
}

/// Whether a read has failed because there are no such blocks, or nothing is recorded there.
fn is_unrecorded(error: &CommandError) -> bool {
    match error.failure {
        Failure::Sense(sense) => (sense.key, sense.asc) == (5, 0x21) || sense.key == 8,
        Failure::Transport => false,
    }
}

/// What the drive is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// Who made it.
    pub vendor: String,
    /// What it is called.
    pub product: String,
    /// Which version of its firmware it has.
    pub revision: String,
}

/// Asks the drive who it is; what it does not tell is empty.
pub fn identity(drive: &mut dyn Transport) -> Identity {
    let answer = drive.ask(&commands::inquiry()).unwrap_or_default();
    let text = |from: usize, to: usize| {
        let bytes = answer.get(from..to.min(answer.len())).unwrap_or_default();
        let text = bytes.iter().map(|&byte| match byte {
            0x20..=0x7e => char::from(byte),
            _ => ' ',
        });
        text.collect::<String>().trim().to_owned()
    };
    Identity {
        vendor: text(8, 16),
        product: text(16, 32),
        revision: text(32, 36),
    }
}

/// How fast a disc is read and written, in kB/s; what the drive does not tell is [`None`].
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Speeds {
    /// At which the drive reads now.
    pub read_now: Option<u32>,
    /// At which the drive writes now.
    pub write_now: Option<u32>,
    /// At which the disc can be written, the fastest first.
    pub write: Vec<u32>,
}

/// Asks for the speeds.
pub fn speeds(drive: &mut dyn Transport) -> Speeds {
    let page = drive.ask(&commands::mode_sense(mode::CAPABILITIES, mode::REPLY_LEN));
    let page = page.unwrap_or_default();
    let read_now = mode::page(&page, mode::CAPABILITIES)
        .ok()
        .and_then(|page| page.u16(14));
    let list = drive.ask(&commands::write_speeds(speed::SPEED_DESCRIPTORS));
    let list = list.unwrap_or_default();
    let entries = list.get(8..).unwrap_or_default().chunks_exact(16);
    let mut write: Vec<_> = entries
        .filter_map(|entry| Reply::new(entry).u32(12))
        .filter(|&speed| speed > 0)
        .collect();
    write.sort_unstable_by(|a, b| b.cmp(a));
    write.dedup();
    Speeds {
        read_now: read_now.map(u32::from).filter(|&speed| speed > 0),
        write_now: speed::drive_speed(&page).ok().flatten().map(u32::from),
        write,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_out_of_a_cd() {
        let mut info = [0; 24];
        info[21..24].copy_from_slice(&[0, 2, 5]);
        assert_eq!(last_lead_out(&info), Some(5));
        info[21..24].copy_from_slice(&[0xff; 3]);
        assert_eq!(last_lead_out(&info), None);
        assert_eq!(last_lead_out(&[0; 24]), None);
        assert_eq!(last_lead_out(&[0; 23]), None);
    }

    #[test]
    fn features() {
        let features = [
            0, 0, 0, 20, 0, 0, 0, 0x43, 0, 0x23, 5, 4, 3, 0, 0, 0, 0, 0x28, 0, 4, 4, 0, 0, 0,
        ];
        let found = abilities(&features);
        assert!(found.full_certification && found.quick_certification);
        assert!(found.dvd_mrw && !found.cd_mrw);
        assert_eq!(abilities(&features[..9]), Abilities::default());
    }
}
