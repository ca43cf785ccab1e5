// SPDX-License-Identifier: GPL-2.0-or-later
//! What a drive and its first disc are like: `MEDIA[,OPTION]...`.

use crate::disc::Disc;
use crate::format;
use crate::look::Look;
use crate::medium::{Kind, Medium, State, BLOCK};
use crate::quirks::Quirks;
use std::fs::OpenOptions;

/// Which discs a drive can write, by what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// CD-RW only.
    Cdrw,
    /// DVD+RW and others too.
    Multi,
    /// And DVD-RAM.
    Super,
}

/// The disc to put into a drive.
#[derive(Clone, Debug)]
pub struct MediumOptions {
    kind: Kind,
    blocks: u32,
    start: u32,
    file: Option<String>,
    blank: bool,
    quick: bool,
    recorder: Option<u32>,
    mrw: bool,
    state: Option<State>,
    formatted: Option<u32>,
    protected: bool,
    data_mode: u8,
    look: Look,
}

/// Rules and ways of a drive.
#[derive(Clone, Debug)]
pub struct Options {
    /// Refuse what is not a whole packet on media where other drives help themselves.
    pub strict: bool,
    /// Refuse several packets in one write; not told, as usual for the kind of disc.
    pub single: Option<bool>,
    /// Refuse reads while there is something in the cache.
    pub strict_cache: bool,
    /// Packets in the cache.
    pub cache: usize,
    /// Seconds of the drive for one of a real drive; 0 takes no time.
    pub time: f64,
    /// Milliseconds that each write takes in addition.
    pub slow: u64,
    /// Milliseconds that formatting and blanking take.
    pub format_time: u64,
    /// The power goes when the guest gives up the controller.
    pub guest_power: bool,
    /// The abilities.
    pub class: Class,
    /// What it does unlike others.
    pub quirks: Quirks,
    /// It knows Mount Rainier.
    pub rainier: bool,
    /// MODE SENSE(6) works.
    pub mode6: bool,
    /// Mode pages come behind a block descriptor.
    pub block_descriptor: bool,
    /// Operation codes that do not work.
    pub unsupported: Vec<u8>,
    /// Mode pages that are not there.
    pub no_pages: Vec<u8>,
    /// Bytes of answers that are replaced: operation code, offset, value.
    pub patches: Vec<(u8, usize, u8)>,
    /// Lengths at which answers end: operation code, bytes.
    pub cuts: Vec<(u8, usize)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            strict: false,
            single: None,
            strict_cache: false,
            cache: 32,
            time: 0.0,
            slow: 0,
            format_time: 0,
            guest_power: false,
            class: Class::Super,
            quirks: Quirks::default(),
            rainier: false,
            mode6: true,
            block_descriptor: false,
            unsupported: Vec::new(),
            no_pages: Vec::new(),
            patches: Vec::new(),
            cuts: Vec::new(),
        }
    }
}

impl Options {
    /// Changes what `option` says; whether there is such an option.
    pub fn set(&mut self, option: &str) -> Result<bool, String> {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        match key {
            "strict" => self.strict = flag(value)?,
            "tolerant" => self.strict = !flag(value)?,
            "multiples" => self.single = Some(!flag(value)?),
            "strict-cache" => self.strict_cache = flag(value)?,
            "cache" => self.cache = number(value)? as usize,
            "time" => self.time = value.parse().map_err(|_| format!("{value}: no factor"))?,
            "slow" => self.slow = number(value)?.into(),
            "format-time" => self.format_time = number(value)?.into(),
            "guest-power" => self.guest_power = flag(value)?,
            "class" => self.class = class(value)?,
            "quirks" => self.quirks = Quirks::parse(value)?,
            "rainier" => self.rainier = flag(value)?,
            "mode6" => self.mode6 = flag(value)?,
            "descriptor" => self.block_descriptor = flag(value)?,
            "unsupported" => self.unsupported = codes(value)?,
            "no-page" => self.no_pages = codes(value)?,
            "patch" => self.patch(value)?,
            "cut" => {
                let (op, length) = value.split_once('@').ok_or("cut=OP@LENGTH")?;
                self.cuts.push((hex(op)?, number(length)? as usize));
            }
            "pristine" => {
                self.patches.clear();
                self.cuts.clear();
                self.unsupported.clear();
                self.no_pages.clear();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `OP@OFFSET:BYTE[:BYTE]...`, operation code and bytes hexadecimal.
    fn patch(&mut self, text: &str) -> Result<(), String> {
        let wrong = || "patch=OP@OFFSET:BYTE[:BYTE]...".to_string();
        let (op, rest) = text.split_once('@').ok_or_else(wrong)?;
        let (offset, bytes) = rest.split_once(':').ok_or_else(wrong)?;
        let (op, offset) = (hex(op)?, number(offset)? as usize);
        for (i, byte) in codes(bytes)?.into_iter().enumerate() {
            self.patches.push((op, offset + i, byte));
        }
        Ok(())
    }
}

impl MediumOptions {
    /// A disc of that kind as it usually is.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            blocks: 32768,
            start: 0,
            file: None,
            blank: false,
            quick: false,
            recorder: None,
            mrw: false,
            state: None,
            formatted: None,
            protected: false,
            data_mode: if kind == Kind::CdRw { 2 } else { 1 },
            look: Look::default(),
        }
    }

    /// Changes what `option` says; whether there is such an option.
    fn set(&mut self, option: &str) -> Result<bool, String> {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let look = &mut self.look;
        match key {
            "blocks" => self.blocks = number(value)?,
            "file" => self.file = Some(value.into()),
            "blank" => self.blank = flag(value)?,
            "quick" => self.quick = flag(value)?,
            "recorder" => self.recorder = Some(number(value)?),
            "mrw" => self.mrw = flag(value)?,
            "state" => self.state = Some(state(value)?),
            "formatted" => self.formatted = Some(number(value)?),
            "read-only" => self.protected = flag(value)?,
            "start" => self.start = number(value)?,
            "data-mode" if (1..=2).contains(&number(value)?) => {
                self.data_mode = number(value)? as u8;
            }
            "data-mode" => look.data_mode = Some(number(value)? as u8 & 15),
            "id" => look.id = Some(hex32(value)?),
            "profile" => look.profile = Some(hex16(value)?),
            "type" => look.disc_type = Some(hex(value)?),
            "erasable" => look.not_erasable = !flag(value)?,
            "border" => look.border = Some(number(value)? as u8 & 3),
            "reserved-blank" => look.reserved_blank = flag(value)?,
            "varying" => look.varying = flag(value)?,
            "no-packets" => look.no_packets = flag(value)?,
            "packet" => look.packet = Some(number(value)?),
            "last-recorded" => look.last_recorded = flag(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The disc.
    pub fn make(&self) -> Result<Medium, String> {
        let packet = self.kind.packet();
        if self.blocks == 0 || self.blocks % packet != 0 {
            return Err(format!("{}: not a number of packets", self.blocks));
        }
        let disc = match &self.file {
            Some(path) => over_file(path, packet, self.blocks),
            None => Ok(Disc::new(packet)),
        }?;
        let (state, size, formatted) = self.state()?;
        let mut medium = Medium {
            kind: self.kind,
            capacity: self.blocks,
            state,
            size,
            formatted,
            mrw: self.mrw,
            no_spares: false,
            minimal: false,
            unclosed: false,
            start: self.start,
            packet,
            data_mode: self.data_mode,
            protected: self.protected,
            reserved: false,
            gap: self.recorder.unwrap_or(0),
            look: self.look.clone(),
            disc,
        };
        if state == State::Blank {
            medium.blank();
        }
        Ok(medium)
    }
}

impl MediumOptions {
    fn may_be_sequential(&self) -> bool {
        self.recorder.is_none() || (self.kind.is_picky() && !self.mrw && !self.quick)
    }

    /// State, blocks of the whole format, and how many of them are formatted.
    fn state(&self) -> Result<(State, u32, u32), String> {
        let name = self.kind.name();
        let background = self.kind.is_plus() || self.mrw;
        if self.mrw && !format::has_rainier(self.kind) {
            return Err(format!("mrw: there is no such {name}"));
        }
        if self.quick && self.kind != Kind::DvdRw {
            return Err(format!("quick: there is no such {name}"));
        }
        if self.recorder.is_some_and(|gap| gap > self.blocks) || !self.may_be_sequential() {
            return Err(format!("recorder: there is no such {name}"));
        }
        let state = match self.state {
            Some(_) if !background => return Err(format!("state: there is none of a {name}")),
            _ if self.blank => State::Blank,
            _ if self.quick => State::Intermediate,
            _ if self.recorder.is_some() => State::Sequential { open: true },
            state => state.unwrap_or(State::Formatted),
        };
        let size = match self.mrw {
            true => format::rainier_size(self.kind, self.blocks),
            false => self.blocks,
        };
        let packet = self.kind.packet();
        let usual = match state {
            State::Stopped | State::Running => size / 2 / packet * packet,
            State::Intermediate | State::Blank => 0,
            _ => size,
        };
        let formatted = self.formatted.unwrap_or(usual);
        let partly = match state {
            State::Formatted => self.kind == Kind::DvdRw,
            state => state != State::Blank,
        };
        if formatted > size || formatted % packet != 0 || !(partly || formatted == usual) {
            return Err(format!("formatted={formatted}: not of such a {name}"));
        }
        Ok((state, size, formatted))
    }
}

fn over_file(path: &str, packet: u32, blocks: u32) -> Result<Disc, String> {
    let wrong = |error| format!("{path}: {error}");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(wrong)?;
    let bytes = u64::from(blocks) * BLOCK as u64;
    if file.metadata().map_err(wrong)?.len() < bytes {
        file.set_len(bytes).map_err(wrong)?;
    }
    Disc::over(packet, file).map_err(wrong)
}

/// Reads `MEDIA[,OPTION]...`; MEDIA may be `none`.
pub fn parse(text: &str) -> Result<(Options, Option<MediumOptions>), String> {
    let mut words = text.split(',');
    let media = words.next().unwrap_or("");
    let mut options = Options::default();
    let mut medium = match Kind::parse(media) {
        Some(kind) => Some(MediumOptions::new(kind)),
        None if media == "none" => None,
        None => {
            let names = Kind::ALL.map(Kind::name).join(", ");
            return Err(format!("{media}: the media are {names}, and none"));
        }
    };
    let mut strict = None;
    for word in words {
        let of_medium = match &mut medium {
            Some(medium) => medium.set(word)?,
            None => false,
        };
        if !of_medium && !options.set(word)? {
            return Err(format!("{word}: no such option of a drive"));
        }
        if matches!(word.split('=').next(), Some("strict" | "tolerant")) {
            strict = Some(options.strict);
        }
    }
    if let Some(medium) = &medium {
        let picky = medium.kind.is_picky() && !medium.mrw;
        options.strict = strict.unwrap_or(picky);
        options.rainier |= medium.mrw;
    }
    Ok((options, medium))
}

fn state(text: &str) -> Result<State, String> {
    match text {
        "none" => Ok(State::Blank),
        "stopped" => Ok(State::Stopped),
        "running" => Ok(State::Running),
        "complete" => Ok(State::Formatted),
        _ => Err(format!(
            "{text}: state is none, stopped, running or complete"
        )),
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text}: not a number"))
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "" | "1" => Ok(true),
        "0" => Ok(false),
        _ => Err(format!("{text}: not 0 or 1")),
    }
}

fn hex32(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 16).map_err(|_| format!("{text}: not hexadecimal"))
}

fn hex16(text: &str) -> Result<u16, String> {
    let digits = text.trim_start_matches("0x");
    u16::from_str_radix(digits, 16).map_err(|_| format!("{text}: not hexadecimal"))
}

fn hex(text: &str) -> Result<u8, String> {
    u8::try_from(hex16(text)?).map_err(|_| format!("{text}: not a byte"))
}

fn codes(text: &str) -> Result<Vec<u8>, String> {
    text.split(':').map(hex).collect()
}

fn class(text: &str) -> Result<Class, String> {
    match text {
        "cdrw" => Ok(Class::Cdrw),
        "multi" => Ok(Class::Multi),
        "super" => Ok(Class::Super),
        _ => Err(format!("{text}: class is cdrw, multi or super")),
    }
}
