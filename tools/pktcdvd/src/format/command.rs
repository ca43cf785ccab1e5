// SPDX-License-Identifier: GPL-2.0

//! `pktcdvd format`.

use super::plan::{Effort, Wish};
use super::progress::{Display, Style};
use super::{format, Done, FormatError};
use crate::cli::Format;
use crate::drive::Target;
use crate::driver::logic::mmc::sense::Fault;
use crate::mapped::LOOKERS;
use crate::medium::PLACE;
use crate::output;
use crate::paths::Paths;
use crate::units;
use crate::{Error, Result};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// What JSON ends with.
#[derive(Serialize)]
struct Event {
    event: &'static str,
    drive: String,
    /// What packets can be written on.
    medium: Option<&'static str>,
    size_bytes: Option<u64>,
    packet_bytes: Option<u64>,
    /// The drive goes on with it while the disc is used.
    in_background: bool,
    warning: Option<&'static str>,
}

/// Formats the disc in a drive, and shows how far it is.
pub fn run(paths: &Paths, options: &Format) -> Result {
    let target = Target::find_drive(paths, &options.target)?;
    let name = target.node.display().to_string();
    let mut drive = target.open_alone(paths, LOOKERS)?;
    let out = io::stdout();
    let style = match (options.json, out.is_terminal()) {
        (true, _) => Style::Json,
        (false, true) => Style::Bar,
        (false, false) => Style::Lines,
    };
    let mut display = Display::new(out, style);
    // A reader that has had enough does not stop the drive either.
    let outcome = format(&mut drive, &wish(options), options.force, &mut |progress| {
        let _ = display.show(&progress);
    });
    let _ = display.end();
    let done = outcome.map_err(|error| explain(&name, error))?;
    let text = match options.json {
        true => output::line(&event(&name, &done)),
        false => text(&name, &done),
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::system("standard output", err))
        }
        _ => Ok(()),
    }
}

/// What the options ask for.
pub fn wish(options: &Format) -> Wish {
    Wish {
        effort: match (options.full, options.quick) {
            (true, _) => Effort::Full,
            (false, true) => Effort::Quick,
            (false, false) => Effort::Usual,
        },
        mrw: options.mrw,
        spare: options.spare.unwrap_or_default(),
        resume: options.resume,
    }
}

fn explain(name: &str, error: FormatError) -> Error {
    let text = format!("{name}: {error}").replace(PLACE, name);
    match error {
        FormatError::Holds(_) | FormatError::HoldsUnfinished(_) | FormatError::Unreadable(_) => {
            Error::Holds(text)
        }
        FormatError::Command(error) if error.failure.fault() == Fault::NoMedium => {
            Error::Medium(format!("{name}: no medium; put a disc in"))
        }
        FormatError::Command(_)
        | FormatError::Unfinished(_)
        | FormatError::OtherSize { .. }
        | FormatError::StillNot(_) => Error::Failed(text),
        FormatError::Impossible(_) | FormatError::Protected(_) => Error::Medium(text),
    }
}

fn event(name: &str, done: &Done) -> Event {
    let writing = done.medium.and_then(|medium| medium.writing.ok());
    Event {
        event: "done",
        drive: name.to_owned(),
        medium: writing.map(|writing| writing.kind.name()),
        size_bytes: done.medium.map(|medium| medium.blocks * 2048),
        packet_bytes: writing.map(|writing| u64::from(writing.geometry.packet_frames()) * 2048),
        in_background: done.in_background,
        warning: done.warning,
    }
}

fn text(name: &str, done: &Done) -> String {
    let event = event(name, done);
    let mut text = match (event.medium, event.size_bytes, event.packet_bytes) {
        (Some(medium), Some(size), Some(packet)) => format!(
            "{name}: {medium} of {}, in packets of {}\n",
            units::size(size),
            units::size(packet)
        ),
        _ => format!("{name}: formatted\n"),
    };
    if done.in_background {
        text += "It can be used; the drive goes on formatting meanwhile.\n";
    }
    if let Some(warning) = done.warning {
        text += &format!("Mind: {warning}.\n");
    }
    text
}
