// SPDX-License-Identifier: GPL-2.0-or-later
//! Faults: rules that say which commands go wrong, and how.

use crate::cdb::Cdb;
use crate::random::Random;
use crate::sense::Sense;
use std::time::Duration;

/// What happens to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It fails; of a read or write that many blocks are transferred all the same.
    /// With the key "recovered error" it does its work first.
    Check(Sense, Option<u32>),
    /// It is said to have worked, does not, and a later command is told.
    Deferred(Sense),
    /// No answer, until it is aborted or released.
    Hang,
    /// It is late.
    Delay(Duration),
    /// SCSI status BUSY.
    Busy,
    /// This answer of the transport instead of the drive's.
    Transport(u8),
    /// It is said to have worked, and nothing is stored.
    Lose,
    /// It works, with one bit wrong.
    Corrupt,
    /// The power fails and comes back.
    PowerCut,
    /// The drive is gone.
    Unplug,
    /// The disc is taken out.
    Eject,
    /// It works, and then the disc at hand is in the drive, which says nothing of that.
    Exchange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Any,
    Read,
    Write,
    Code(u8),
}

#[derive(Debug)]
struct Rule {
    text: String,
    which: Which,
    blocks: Option<(u32, u32)>,
    skip: u64,
    count: Option<u64>,
    per_mille: u64,
    act: Act,
}

/// The rules of a drive.
#[derive(Debug)]
pub struct Faults {
    rules: Vec<Rule>,
    random: Random,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            random: Random::new(1),
        }
    }
}

impl Faults {
    /// Adds `[op=OP] [lba=FIRST[-LAST]] [skip=N] [count=N|inf] [prob=PER-MILLE] act=ACT [done=N]`.
    pub fn add(&mut self, words: &[&str]) -> Result<(), String> {
        self.rules.push(Rule::parse(words)?);
        Ok(())
    }

    /// Forgets all rules.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The rules that are left, a line each.
    pub fn list(&self) -> String {
        let line = |rule: &Rule| match rule.count {
            Some(n) => format!("{} ({n} left)\n", rule.text),
            None => format!("{}\n", rule.text),
        };
        self.rules.iter().map(line).collect()
    }

    /// What happens to this command, and the first of its blocks that is concerned.
    pub fn hit(&mut self, cdb: &Cdb) -> Option<(Act, Option<u32>)> {
        let random = &mut self.random;
        let at = self.rules.iter_mut().position(|rule| {
            rule.matches(cdb) && random.below(1000) < rule.per_mille && rule.is_due()
        })?;
        let rule = &mut self.rules[at];
        let hit = (rule.act, rule.first_block(cdb));
        if let Some(left) = &mut rule.count {
            *left -= 1;
            if *left == 0 {
                self.rules.remove(at);
            }
        }
        Some(hit)
    }
}

impl Rule {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let (mut act, mut done) = (None, None);
        let mut rule = Rule {
            text: words.join(" "),
            which: Which::Any,
            blocks: None,
            skip: 0,
            count: Some(1),
            per_mille: 1000,
            act: Act::Hang,
        };
        for word in words {
            let (key, value) = word.split_once('=').ok_or(format!("{word}: no value"))?;
            match key {
                "op" => rule.which = which(value)?,
                "lba" => rule.blocks = Some(range(value)?),
                "skip" => rule.skip = number(value)?,
                "count" if value == "inf" => rule.count = None,
                "count" => rule.count = Some(number(value)?.max(1)),
                "prob" => rule.per_mille = number(value)?,
                "act" => act = Some(parse_act(value)?),
                "done" => done = Some(number(value)? as u32),
                _ => return Err(format!("{key}: no such field of a fault")),
            }
        }
        rule.act = match (act.ok_or("a fault wants act=")?, done) {
            (Act::Check(sense, _), done) => Act::Check(sense, done),
            (_, Some(_)) => return Err("done= is for act=sense".into()),
            (act, None) => act,
        };
        Ok(rule)
    }

    fn matches(&self, cdb: &Cdb) -> bool {
        let which = match self.which {
            Which::Any => true,
            Which::Read => cdb.is_read(),
            Which::Write => cdb.is_write(),
            Which::Code(op) => cdb.op() == op,
        };
        which && (self.blocks.is_none() || self.first_block(cdb).is_some())
    }

    /// The first block of the command that the rule is about.
    fn first_block(&self, cdb: &Cdb) -> Option<u32> {
        let (first, length) = cdb.extent()?;
        let (from, to) = self.blocks.unwrap_or((0, u32::MAX));
        let end = u64::from(first) + u64::from(length);
        (first <= to && u64::from(from) < end).then_some(first.max(from))
    }

    fn is_due(&mut self) -> bool {
        let due = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        due
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text}: not a number"))
}

fn range(text: &str) -> Result<(u32, u32), String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Ok((number(from)? as u32, number(to)? as u32))
}

fn which(text: &str) -> Result<Which, String> {
    match text {
        "any" => Ok(Which::Any),
        "read" => Ok(Which::Read),
        "write" => Ok(Which::Write),
        _ => u8::from_str_radix(text.trim_start_matches("0x"), 16)
            .map(Which::Code)
            .map_err(|_| format!("{text}: op is any, read, write or a hexadecimal code")),
    }
}

fn parse_act(text: &str) -> Result<Act, String> {
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    Ok(match name {
        "sense" => Act::Check(Sense::parse(value)?, None),
        "deferred" => Act::Deferred(Sense::parse(value)?),
        "hang" => Act::Hang,
        "delay" => Act::Delay(Duration::from_millis(number(value)?)),
        "busy" => Act::Busy,
        "transport" => Act::Transport(number(value)? as u8),
        "lose" => Act::Lose,
        "corrupt" => Act::Corrupt,
        "powercut" => Act::PowerCut,
        "unplug" => Act::Unplug,
        "eject" => Act::Eject,
        "exchange" => Act::Exchange,
        _ => return Err(format!("{name}: no such act")),
    })
}
