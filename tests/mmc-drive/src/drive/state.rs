// SPDX-License-Identifier: GPL-2.0-or-later
//! What a drive is at a time.

use super::speeds::Speeds;
use crate::cache::Cache;
use crate::fault::Faults;
use crate::journal::Journal;
use crate::medium::Medium;
use crate::modes::Modes;
use crate::options::{MediumOptions, Options};
use crate::sense::{self, Sense};
use crate::stats::Stats;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An operation during which the drive refuses commands that need the medium.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy {
    pub(super) since: Instant,
    pub(super) lasts: Duration,
    /// The sense of the commands that it refuses.
    pub(super) sense: Sense,
}

pub(super) type Reply = Result<Vec<u8>, Sense>;

/// A drive and the disc in it.
#[derive(Debug)]
pub struct Drive {
    /// Its rules.
    pub options: Options,
    /// Its faults.
    pub faults: Faults,
    /// What it counted.
    pub stats: Stats,
    pub(super) initial: (Options, Option<MediumOptions>),
    pub(super) medium: Option<Medium>,
    /// The disc at hand.
    pub(super) spare: Option<Medium>,
    pub(super) plugged: bool,
    pub(super) tray_open: bool,
    pub(super) locked: bool,
    pub(super) modes: Modes,
    pub(super) speeds: Speeds,
    pub(super) attentions: VecDeque<Sense>,
    pub(super) deferred: Option<Sense>,
    pub(super) events: VecDeque<u8>,
    pub(super) busy: Option<Busy>,
    /// Until when the background format was accounted for.
    pub(super) background: Instant,
    pub(super) cache: Cache,
    pub(super) journal: Option<Journal>,
    pub(super) recording: bool,
    pub(super) now: Instant,
    pub(super) takes: Duration,
    pub(super) head: u32,
    /// What tells it from others of its make.
    pub(super) serial: String,
}

impl Drive {
    /// A drive that was just switched on.
    pub fn new(options: Options, medium: Option<MediumOptions>) -> Result<Self, String> {
        let initial = (options.clone(), medium.clone());
        let medium = medium.map(|medium| medium.make()).transpose()?;
        Ok(Self {
            cache: Cache::new(options.cache),
            speeds: Speeds::new(medium.as_ref()),
            options,
            faults: Faults::default(),
            stats: Stats::new(),
            initial,
            medium,
            spare: None,
            plugged: true,
            tray_open: false,
            locked: false,
            modes: Modes::default(),
            attentions: VecDeque::from([sense::RESET]),
            deferred: None,
            events: VecDeque::new(),
            busy: None,
            background: Instant::now(),
            journal: None,
            recording: false,
            now: Instant::now(),
            takes: Duration::ZERO,
            head: 0,
            serial: "RBLK0000".into(),
        })
    }

    /// The same, as drive `number` of this make.
    pub fn numbered(mut self, number: usize) -> Self {
        self.serial = format!("RBLK{number:04}");
        self
    }

    /// Whether it is connected.
    pub fn is_plugged(&self) -> bool {
        self.plugged
    }

    pub(super) fn medium(&mut self) -> Result<&mut Medium, Sense> {
        self.medium.as_mut().ok_or(sense::NO_MEDIUM)
    }
}
