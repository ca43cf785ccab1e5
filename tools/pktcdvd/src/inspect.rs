// SPDX-License-Identifier: GPL-2.0

//! Shows what is in a drive, and what can be done with it.

use crate::cli::Info;
use crate::contents::Contents;
use crate::drive::Target;
use crate::driver::logic::mmc::disc::{Formatted, Recorded};
use crate::driver::logic::mmc::sense::Sense;
use crate::medium;
use crate::mmc::capacities::Capacity;
use crate::mmc::{commands, CommandError, Talk, Transport};
use crate::paths::Paths;
use crate::survey::{self, Identity, Speeds, Survey};
use crate::units;
use crate::Result;
use serde::Serialize;
use std::fmt::Write;

/// Bytes in a block.
const BLOCK: u64 = 2048;

/// A drive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its node.
    pub drive: String,
    /// What it is.
    pub identity: Identity,
    /// The packet device that it is mapped to.
    pub mapped: Option<String>,
    /// What it is used for now, if it is.
    pub in_use: bool,
    /// The disc; [`None`] if there is none, or the drive is not ready.
    pub disc: Option<Disc>,
    /// Why nothing is known of a disc.
    pub no_disc: Option<String>,
}

/// How far a disc is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing was ever recorded.
    Blank,
    /// Formatting in the background was stopped.
    FormatStopped,
    /// The drive formats it in the background.
    Formatting,
    /// The size of its format is not known: a DVD-RW after a quick format.
    FormattedQuickly,
    /// It is formatted.
    Formatted,
    /// Something is recorded, but not in packets.
    Recorded,
}

impl State {
    /// For people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::FormatStopped => "formatted in part; the driver goes on when it writes",
            Self::Formatting => "being formatted in the background",
            Self::FormattedQuickly => "formatted quickly, to be written in sequence only",
            Self::Formatted => "formatted",
            Self::Recorded => "recorded, not in packets",
        }
    }
}

/// A disc.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disc {
    /// The number of its profile.
    pub profile: u16,
    /// What people call it.
    pub medium: &'static str,
    /// How far it is formatted.
    pub state: State,
    /// How much of the background format is done, from 0 to 1, if the drive reports it.
    pub format_done: Option<f64>,
    /// The bytes that the drive says are formatted.
    pub formatted_bytes: Option<u64>,
    /// The most bytes that it can be formatted to.
    pub most_bytes: Option<u64>,
    /// The bytes of a packet device on it.
    pub size_bytes: Option<u64>,
    /// The bytes in a packet.
    pub packet_bytes: Option<u64>,
    /// Whether packets can be written on it.
    pub writable: bool,
    /// Why not, and what to do.
    pub reason: Option<String>,
    /// Why what is on it is not known.
    pub unreadable: Option<String>,
    /// What is on it.
    pub holds: Option<Contents>,
    /// In kB/s.
    pub speeds: Speeds,
}

/// Asks a drive.
pub fn inspect(paths: &Paths, options: &Info) -> Result<Report> {
    let target = Target::find_drive(paths, &options.target)?;
    let in_use = target.is_in_use()?;
    let mut drive = target.open()?;
    let mapped = target.mapping.as_ref().map(|map| map.name.clone());
    let name = target.node.display().to_string();
    Ok(report(&mut drive, &name, mapped, in_use))
}

/// What a drive reports. What is on the disc is not read if the drive is in use.
pub fn report(
    drive: &mut dyn Transport,
    name: &str,
    mapped: Option<String>,
    in_use: bool,
) -> Report {
    let identity = survey::identity(drive);
    let (disc, no_disc) = match survey::survey(drive) {
        Ok(found) => (Some(disc(drive, name, &found, in_use)), None),
        Err(error) => (None, Some(reason(&error))),
    };
    Report {
        drive: name.to_owned(),
        identity,
        mapped,
        in_use,
        disc,
        no_disc,
    }
}

fn reason(error: &CommandError) -> String {
    error.failure.to_string()
}

fn disc(drive: &mut dyn Transport, name: &str, found: &Survey, in_use: bool) -> Disc {
    let looked = survey::look(drive);
    let writing = looked.and_then(|medium| medium.writing.map(|writing| (medium, writing)));
    let contents = match in_use {
        true => Ok(None),
        false => survey::contents(drive, found),
    };
    let bytes = |blocks: u32| u64::from(blocks) * BLOCK;
    let most = found
        .capacities
        .offers
        .iter()
        .filter(|offer| offer.kind != 0x01);
    let state = state(found, writing.is_ok());
    Disc {
        profile: found.profile.0,
        medium: match writing {
            Ok((_, writing)) => writing.kind.name(),
            Err(_) => found.profile.name(),
        },
        state,
        format_done: (state == State::Formatting)
            .then(|| format_done(drive))
            .flatten(),
        formatted_bytes: match found.capacities.current {
            Some(Capacity::Formatted(blocks)) => Some(bytes(blocks)),
            _ => None,
        },
        most_bytes: match (
            found.capacities.current,
            most.map(|offer| offer.blocks).max(),
        ) {
            (_, Some(blocks)) if blocks != u32::MAX => Some(bytes(blocks)),
            (Some(Capacity::Unformatted(blocks)), _) => Some(bytes(blocks)),
            _ => None,
        },
        size_bytes: looked.ok().map(|medium| medium.blocks * BLOCK),
        packet_bytes: writing
            .ok()
            .map(|(_, writing)| u64::from(writing.geometry.packet_frames()) * BLOCK),
        writable: writing.is_ok(),
        reason: writing.err().map(|refusal| {
            let text = medium::objection(&refusal, name);
            let text = text.unwrap_or_else(|| "the drive does not answer".into());
            text.strip_prefix(&format!("{name}: "))
                .unwrap_or(&text)
                .to_owned()
        }),
        unreadable: contents.as_ref().err().map(reason),
        holds: contents.unwrap_or_default(),
        speeds: survey::speeds(drive),
    }
}

fn state(found: &Survey, writable: bool) -> State {
    let recorded = found.disc.map(|disc| disc.disc);
    match (found.formatted(), found.capacities.current) {
        (Formatted::Stopped, _) => State::FormatStopped,
        (Formatted::Running, _) => State::Formatting,
        (Formatted::Complete, _) => State::Formatted,
        _ if writable => State::Formatted,
        (_, Some(Capacity::Unformatted(_))) => State::Blank,
        _ if recorded == Some(Recorded::Empty) => State::Blank,
        (_, Some(Capacity::Unknown)) if found.profile.0 == 0x13 => State::FormattedQuickly,
        _ => State::Recorded,
    }
}

fn format_done(drive: &mut dyn Transport) -> Option<f64> {
    let sense = drive.ask(&commands::request_sense()).ok()?;
    let progress = Sense::parse(&sense).ok()?.progress?;
    Some(f64::from(progress) / 65536.0)
}

/// For people.
pub fn text(report: &Report) -> String {
    let Identity {
        vendor,
        product,
        revision,
    } = &report.identity;
    let identity = [vendor.as_str(), product, revision].join(" ");
    let mut text = format!("{}: {}\n", report.drive, identity.trim());
    let mut line = |key: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {key:<16}{value}");
    };
    match (&report.mapped, report.in_use) {
        (Some(name), true) => line("mapped", &format!("{name}, in use")),
        (Some(name), false) => line("mapped", name),
        (None, true) => line("mapped", "no, but in use"),
        (None, false) => line("mapped", "no"),
    }
    if let Some(reason) = &report.no_disc {
        line("disc", reason);
    }
    if let Some(disc) = &report.disc {
        disc_lines(disc, &mut line);
    }
    text
}

fn disc_lines(disc: &Disc, line: &mut dyn FnMut(&str, &str)) {
    line(
        "disc",
        &format!("{} (profile {:#06x})", disc.medium, disc.profile),
    );
    let done = disc.format_done;
    let done = done.map_or(String::new(), |done| format!(", {:.0} %", done * 100.0));
    line("state", &format!("{}{done}", disc.state.text()));
    if let Some(bytes) = disc.size_bytes {
        let packet = disc.packet_bytes.map(units::size);
        let packet = packet.map_or(String::new(), |size| format!(", in packets of {size}"));
        line("size", &format!("{}{packet}", units::size(bytes)));
    }
    for (key, bytes) in [
        ("formatted", disc.formatted_bytes),
        ("can be", disc.most_bytes),
    ] {
        if let Some(bytes) = bytes.filter(|bytes| disc.size_bytes != Some(*bytes)) {
            line(key, &units::size(bytes));
        }
    }
    match &disc.reason {
        Some(reason) => line("writable", &format!("no: {reason}")),
        None => line("writable", "yes"),
    }
    if let Some(reason) = &disc.unreadable {
        line("holds", &format!("cannot be read: {reason}"));
    }
    if let Some(contents) = &disc.holds {
        line("holds", &contents.to_string());
    }
    let speed = |kb: Option<u32>| kb.map_or("?".to_owned(), |kb| format!("{kb} kB/s"));
    if disc.speeds.write_now.is_some() || disc.speeds.read_now.is_some() {
        line(
            "speed now",
            &format!(
                "read {}, write {}",
                speed(disc.speeds.read_now),
                speed(disc.speeds.write_now)
            ),
        );
    }
    if !disc.speeds.write.is_empty() {
        let speeds: Vec<_> = disc.speeds.write.iter().map(u32::to_string).collect();
        line("write speeds", &format!("{} kB/s", speeds.join(", ")));
    }
}
