// SPDX-License-Identifier: GPL-2.0-or-later
//! What a line of the control socket can ask of a drive.

use super::state::Drive;
use crate::journal::{Journal, Keep};
use crate::options::{self, MediumOptions, Options};
use crate::sense;
use crate::stats::Stats;
use std::fmt::Write;
use std::time::Instant;

type Text = Result<String, String>;

impl Drive {
    /// Does what a line says, and tells what there is to tell.
    pub fn command(&mut self, words: &[&str]) -> Text {
        let (name, rest) = words.split_first().ok_or("no command")?;
        let now = self.now.max(Instant::now());
        self.advance(now);
        self.now = now;
        match (*name, rest) {
            ("stats", []) => Ok(self.list()),
            ("get", [name]) => Ok(format!("{}\n", self.value(name))),
            ("reset-stats", []) => self.quietly(|drive| drive.stats = Stats::new()),
            ("reset", []) => {
                let (options, medium) = self.initial.clone();
                self.begin_anew(options, medium)
            }
            ("reset", [text]) => {
                let (options, medium) = options::parse(text)?;
                self.begin_anew(options, medium)
            }
            ("fault", ["list"]) => Ok(self.faults.list()),
            ("fault", ["clear"]) => self.quietly(|drive| drive.faults.clear()),
            ("fault", rule) => self.faults.add(rule).map(|()| String::new()),
            ("set", [option]) => self.set(option),
            ("powercut", []) => self.quietly(Drive::power_cut),
            ("eject", []) => self.quietly(Drive::pull_out),
            ("button", []) => {
                let opens = self.press_button();
                Ok(format!("{}\n", if opens { "open" } else { "locked" }))
            }
            ("load", []) => self.quietly(Drive::load),
            ("insert", [text]) => self.insert_line(text),
            ("spare", [text]) => self.spare_line(text),
            ("log", ["start"]) => self.start_log(),
            ("log", ["stop"]) => self.quietly(|drive| drive.recording = false),
            ("log", ["count"]) => Ok(format!("{}\n", self.log()?.len())),
            ("log", ["list"]) => self.list_log("1"),
            ("log", ["list", from]) => self.list_log(from),
            ("cut", [n]) => self.cut(n, "none"),
            ("cut", [n, keep]) => self.cut(n, keep),
            ("wear", []) => Ok(self.list_wear()),
            ("trace", []) => self.list_trace("40"),
            ("trace", [n]) => self.list_trace(n),
            ("page5", []) => Ok(self.page5()),
            _ => Err(format!("{}: no such command", words.join(" "))),
        }
    }

    fn quietly(&mut self, act: impl FnOnce(&mut Self)) -> Text {
        act(self);
        Ok(String::new())
    }

    fn list(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.stats.list().chain(self.gauges()) {
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }

    fn value(&self, name: &str) -> u64 {
        let gauge = self.gauges().into_iter().find(|(gauge, _)| *gauge == name);
        gauge.map_or_else(|| self.stats.get(name), |(_, value)| value)
    }

    fn gauges(&self) -> [(&'static str, u64); 11] {
        let medium = self.medium.as_ref();
        [
            ("cache", self.cache.len() as u64),
            ("locked", self.locked.into()),
            ("tray_open", self.tray_open.into()),
            ("plugged", self.plugged.into()),
            ("strict", self.options.strict.into()),
            ("read_speed", self.speeds.read().into()),
            ("write_speed", self.speeds.write().into()),
            ("blocks", medium.map_or(0, |medium| medium.blocks().into())),
            ("bgformat", medium.map_or(0, |m| m.background().into())),
            ("formatted", medium.map_or(0, |m| m.formatted.into())),
            ("packet", medium.map_or(0, |medium| medium.packet.into())),
        ]
    }

    /// Everything as it is at first in such a drive: disc, rules, counters. What is open in the
    /// guest sees a new disc. What the drive was at its very first stays, and
    /// which one it is.
    fn begin_anew(&mut self, options: Options, medium: Option<MediumOptions>) -> Text {
        let mut new = Self::new(options, medium)?;
        new.initial = self.initial.clone();
        new.serial.clone_from(&self.serial);
        new.plugged = self.plugged;
        new.attentions = [sense::RESET, sense::CHANGED].into();
        new.events.push_back(super::tray::NEW_MEDIUM);
        *self = new;
        Ok(String::new())
    }

    fn set(&mut self, option: &str) -> Text {
        if !self.options.set(option)? {
            return Err(format!("{option}: no such option of a drive"));
        }
        self.cache.limit = self.options.cache;
        Ok(String::new())
    }

    fn insert_line(&mut self, text: &str) -> Text {
        let (options, medium) = options::parse(text)?;
        let medium = medium.map(|medium| medium.make()).transpose()?;
        self.options.strict = options.strict;
        self.insert(medium);
        Ok(String::new())
    }

    fn spare_line(&mut self, text: &str) -> Text {
        let (_, medium) = options::parse(text)?;
        self.spare = medium.map(|medium| medium.make()).transpose()?;
        Ok(String::new())
    }

    /// The log begins with a cache that is empty.
    fn start_log(&mut self) -> Text {
        self.recording = false;
        self.empty_cache().map_err(|sense| sense.to_string())?;
        let medium = self.medium.as_ref().ok_or("there is no disc")?;
        self.journal = Some(Journal::new(medium.disc.snapshot()));
        self.recording = true;
        Ok(String::new())
    }

    fn log(&self) -> Result<&Journal, String> {
        self.journal.as_ref().ok_or("there is no log".into())
    }

    fn list_log(&self, from: &str) -> Text {
        let medium = self.medium.as_ref().ok_or("there is no disc")?;
        let journal = self.log()?;
        Ok(journal.list(number(from)?, medium.start, medium.packet))
    }

    /// Makes the disc what it would be had the power been cut after so many entries of the log.
    fn cut(&mut self, n: &str, keep: &str) -> Text {
        let keep = match keep {
            "none" => Keep::Nothing,
            "all" => Keep::All,
            seed => Keep::Some(number(seed)? as u64),
        };
        let journal = self.log()?;
        let n = number(n)?;
        if n > journal.len() {
            return Err(format!("the log has {} entries", journal.len()));
        }
        let packets = journal.cut(n, keep);
        self.recording = false;
        self.power_cut();
        let medium = self.medium.as_mut().ok_or("there is no disc")?;
        medium.disc.restore(packets);
        self.attentions.push_back(sense::CHANGED);
        self.events.push_back(super::tray::NEW_MEDIUM);
        Ok(String::new())
    }

    fn list_wear(&self) -> String {
        let mut text = String::new();
        let medium = self.medium.as_ref();
        let (start, packet) = medium.map_or((0, 1), |m| (m.start, m.packet));
        for (number, n) in self.stats.wear() {
            let _ = writeln!(text, "{} {n}", start + number * packet);
        }
        text
    }

    fn list_trace(&self, n: &str) -> Text {
        let mut text = String::new();
        for line in self.stats.trace(number(n)?) {
            let _ = writeln!(text, "{line}");
        }
        Ok(text)
    }

    fn page5(&self) -> String {
        let bytes = self.modes.write_page().iter();
        let text: Vec<String> = bytes.map(|byte| format!("{byte:02x}")).collect();
        format!("{}\n", text.join(" "))
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text}: not a number"))
}
