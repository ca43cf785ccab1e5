// SPDX-License-Identifier: GPL-2.0
//! What all connections share.

use crate::connection::Connection;
use crate::fault::Fault;
use crate::handshake::Export;
use crate::stats::Stats;
use crate::store::Store;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The export, its connections, and how to misbehave.
pub struct Server {
    /// What clients are told.
    pub export: Export,
    /// The contents.
    pub store: Store,
    stats: Mutex<Stats>,
    fault: Mutex<Option<Arc<Fault>>>,
    delay: AtomicU64,
    connections: Mutex<Vec<Weak<Connection>>>,
}

/// A panic elsewhere does not make what is in there wrong.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            connections: Mutex::default(),
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

    /// Serves a client until it goes.
    pub fn serve(self: &Arc<Self>, link: File) -> std::io::Result<()> {
        let connection = Arc::new(Connection::new(self.clone(), link)?);
        lock(&self.connections).push(Arc::downgrade(&connection));
        connection.run()
    }

    /// A connection other than this one.
    pub fn other(&self, than: &Connection) -> Option<Arc<Connection>> {
        let connections = lock(&self.connections);
        connections
            .iter()
            .filter_map(Weak::upgrade)
            .find(|c| !std::ptr::eq(c.as_ref(), than))
    }

    /// Cuts the live connection number `which` of those there are, or all: how many.
    fn drop_links(&self, which: Option<usize>) -> usize {
        let mut connections = lock(&self.connections);
        connections.retain(|c| c.strong_count() > 0);
        let live = connections.iter().filter_map(Weak::upgrade);
        live.enumerate()
            .filter(|(i, _)| which.is_none_or(|w| w == *i))
            .map(|(_, c)| c.cut())
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
