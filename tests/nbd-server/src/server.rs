// SPDX-License-Identifier: GPL-2.0
//! What all connections share.

use crate::fault::Fault;
use crate::handshake::Export;
use crate::link::Link;
use crate::lock::lock;
use crate::stats::Stats;
use crate::store::Store;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

/// The export, its clients, and how to misbehave.
pub struct Server {
    /// What clients are told.
    pub export: Export,
    /// The contents.
    pub store: Store,
    stats: Mutex<Stats>,
    fault: Mutex<Option<Arc<Fault>>>,
    delay: AtomicU64,
    links: Mutex<Vec<Weak<Link>>>,
}

impl Server {
    /// Without connections.
    pub fn new(export: Export, store: Store, fault: Option<Fault>, delay: u64) -> Self {
        Self {
            export,
            store,
            stats: Mutex::default(),
            fault: Mutex::new(fault.map(Arc::new)),
            delay: AtomicU64::new(delay),
            links: Mutex::default(),
        }
    }

    /// The counters.
    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    /// The present way to misbehave.
    pub fn fault(&self) -> Option<Arc<Fault>> {
        lock(&self.fault).clone()
    }

    /// How long a request waits for its answer.
    pub fn delay(&self) -> Duration {
        Duration::from_micros(self.delay.load(Ordering::Relaxed))
    }

    /// Notes that a client is there.
    pub fn add(&self, link: &Arc<Link>) {
        lock(&self.links).push(Arc::downgrade(link));
    }

    /// The link of a client other than that of this one.
    pub fn other(&self, than: &Arc<Link>) -> Option<Arc<Link>> {
        let links = lock(&self.links);
        links
            .iter()
            .filter_map(Weak::upgrade)
            .find(|link| !Arc::ptr_eq(link, than))
    }

    /// Cuts the live link number `which` of those there are, or all: how many.
    fn drop_links(&self, which: Option<usize>) -> usize {
        let mut links = lock(&self.links);
        links.retain(|link| link.strong_count() > 0);
        let live = links.iter().filter_map(Weak::upgrade);
        live.enumerate()
            .filter(|(i, _)| which.is_none_or(|w| w == *i))
            .map(|(_, link)| link.cut())
            .count()
    }

    /// A command of the control socket, and the answer.
    pub fn control(&self, line: &str) -> Result<String, String> {
        let (word, argument) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match word {
            "stats" => return Ok(self.stats().text()),
            "reset" => self.stats().reset(),
            "fault" if argument == "none" => *lock(&self.fault) = None,
            "fault" => *lock(&self.fault) = Some(Arc::new(argument.parse()?)),
            "delay" => {
                let us = argument.parse().map_err(|e| format!("{argument}: {e}"))?;
                self.delay.store(us, Ordering::Relaxed);
            }
            "drop" => return Ok(format!("{}\n", self.drop_links(argument.parse().ok()))),
            "quit" => std::process::exit(0),
            _ => return Err(format!("no command {word}")),
        }
        Ok(String::new())
    }
}
