// SPDX-License-Identifier: GPL-2.0

//! Connects a device, and replaces its connections as they are lost.
//!
//! A connection is lost when the driver or the server has shut its socket down, which this process
//! has open, too. The driver says so as well (`LINK_DEAD`), but not of which connection; its list of
//! connections does.
//!
//! Each connection has a thread that tries to connect it again. This thread waits for nobody: not for
//! a server, nor for the driver to end I/O.

mod attempt;
mod driver;
mod link;
mod promise;
mod why;

use crate::cli::{Connect, MAX_CONNECTIONS};
use crate::device::Device;
use crate::disconnect;
use crate::guard;
use crate::lock::Lock;
use crate::nbd::{Nbd, Setup};
use crate::negotiate::Export;
use crate::notify::Notify;
use crate::say::Log;
use crate::uses::{swap_areas, Use};
use crate::{Error, Result};
use attempt::Outcome;
use driver::{Driver, Kernel};
use link::{connect_all, links, Link};
use promise::Promise;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::array;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use why::Why;

/// How often is looked whether the device is still swap space, when that is waited for.
const LOOK: Duration = Duration::from_secs(1);
/// The first of what is waited for that is a connection.
const LINKS: usize = 3;

/// The size of blocks.
fn block(options: &Connect, export: Export) -> Result<u32> {
    let least = export.block.unwrap_or(512).max(512);
    let wanted = options
        .block_size
        .unwrap_or(if options.swap { least.max(4096) } else { least });
    match wanted >= least {
        true => Ok(wanted),
        false => Err(Error::Usage(format!(
            "the server wants blocks of {least} bytes at least"
        ))),
    }
}

/// What a server is told apart by: the words that name it.
fn identifier(options: &Connect) -> String {
    let servers: Vec<_> = options.servers.iter().map(ToString::to_string).collect();
    format!("{} {}", servers.join(","), options.export)
        .trim_end()
        .to_owned()
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Somebody else has disconnected the device.
    Disconnected,
    /// A signal has come.
    Signal,
}

/// What keeps a device.
struct Keeper<'a, D> {
    options: &'a Connect,
    setup: Setup<'a>,
    promise: Promise,
    driver: D,
    links: Vec<Link>,
    signals: UnixStream,
    /// Rings when an attempt is done.
    bell: UnixStream,
    swaps: File,
    /// What `swaps` says.
    text: Vec<u8>,
    /// Whether the driver has said that a connection is lost, and its list was not looked at since.
    noticed: bool,
    /// Whether it ends when the device is swap space no more.
    leaving: bool,
    log: Log,
    notify: Notify,
    state: String,
}

/// Connects a device, and keeps it until a signal comes or somebody disconnects it.
pub fn run(options: &Connect) -> Result {
    let device = options.device;
    let _lock = Lock::take(device)?;
    let nbd = Nbd::open()?;
    device.is_ours()?;
    let mut links = links(options)?;
    let export = connect_all(&mut links, &options.export)?;
    if links.len() > 1 && !export.can_multi_conn() {
        return Err(Error::Refused(
            "the server allows one connection to the export, not several".into(),
        ));
    }
    let identifier = identifier(options);
    let setup = Setup {
        device,
        identifier: &identifier,
        export,
        block: block(options, export)?,
        timeout: options.timeout,
        dead_timeout: options.dead_timeout(),
        max_request: options.max_request(),
    };
    let (bell, ring) = pair().map_err(|err| Error::system("bell", err))?;
    // Threads take this over, and have their memory before it is locked.
    guard::go_before_others()?;
    let mut keeper = Keeper::new(options, setup, Kernel::new(nbd)?, links, bell)?;
    keeper
        .prepare(&ring)
        .map_err(|err| Error::system("threads", err))?;
    // From here on no new memory is needed.
    guard::keep_memory()?;
    keeper.connect()?;
    keeper.tell("READY=1\n");
    let end = keeper.keep()?;
    keeper.end(end)
}

/// Two ends, neither of which waits for the other.
fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    writer.set_nonblocking(true)?;
    Ok((reader, writer))
}

fn signals() -> io::Result<UnixStream> {
    let (reader, writer) = pair()?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}

impl<'a, D: Driver> Keeper<'a, D> {
    fn new(
        options: &'a Connect,
        setup: Setup<'a>,
        driver: D,
        links: Vec<Link>,
        bell: UnixStream,
    ) -> Result<Self> {
        let system = |what: &'static str| move |err| Error::system(what, err);
        Ok(Self {
            options,
            setup,
            promise: Promise::new(setup.export, setup.block, links.len() > 1),
            driver,
            links,
            signals: signals().map_err(system("signals"))?,
            bell,
            swaps: File::open("/proc/swaps").map_err(system("/proc/swaps"))?,
            text: vec![0; 64 << 10],
            noticed: false,
            leaving: false,
            log: Log::new().map_err(system("a thread for messages"))?,
            notify: Notify::from_env(),
            state: String::with_capacity(128 + setup.identifier.len()),
        })
    }

    fn device(&self) -> Device {
        self.setup.device
    }

    /// Starts the threads that try to connect, which ring `bell`.
    fn prepare(&mut self, bell: &UnixStream) -> io::Result<()> {
        let name: Arc<str> = self.options.export.as_str().into();
        let mut links = self.links.iter_mut();
        links.try_for_each(|link| link.prepare(&name, bell))
    }

    /// Connects the device, or goes on with it if it is connected to the same server.
    fn connect(&mut self) -> Result {
        let device = self.device();
        let sockets = self.links.iter().filter_map(|link| link.socket.as_ref());
        let sockets: Vec<_> = sockets.map(|socket| socket.as_fd()).collect();
        match self.driver.connect(&self.setup, &sockets) {
            Ok(None) if self.setup.max_request.is_some() => {
                let _ = self.driver.disconnect(&self.setup);
                Err(Error::NoDriver(format!(
                    "{device}: the driver does not set the size of requests: it is not rblk's"
                )))
            }
            Ok(_) => {
                self.log.say(format_args!("{device} is connected"));
                Ok(())
            }
            Err(err) => match Errno::from_io_error(&err) {
                Some(Errno::BUSY) => self.adopt(),
                Some(Errno::INVAL) => Err(Error::Failed(format!(
                    "{device}: the driver refuses the connection; the kernel's log says why"
                ))),
                _ => Err(Error::system(format!("cannot connect {device}"), err)),
            },
        }
    }

    /// Goes on with a device that an earlier process has connected: all its connections are replaced.
    fn adopt(&mut self) -> Result {
        let device = self.device();
        let several = self.links.len() > 1;
        let promised = self.driver.promised(&self.setup, several);
        let Some(promised) = promised.filter(|_| self.driver.is_connected(&self.setup)) else {
            return Err(Error::Busy(format!(
                "{device} is connected already, or was disconnected and is still open"
            )));
        };
        if let Some(what) = promised.broken_by(self.setup.export) {
            return Err(Error::Refused(format!("{device}: {what}")));
        }
        self.promise = promised;
        let sockets = self.links.iter().enumerate();
        let sockets =
            sockets.filter_map(|(place, link)| Some((place, link.socket.as_ref()?.as_fd())));
        self.driver
            .put(&self.setup, sockets)
            .map_err(|err| Error::system(format!("cannot go on with {device}"), err))?;
        self.log
            .say(format_args!("{device} was connected, and is kept now"));
        Ok(())
    }

    /// Runs until there is nothing to keep.
    fn keep(&mut self) -> Result<End> {
        loop {
            self.links.iter().for_each(Link::begin_if_due);
            if self.leaving && !self.is_swap() {
                return Ok(End::Signal);
            }
            let woken = self.wait().map_err(|err| Error::system("poll", err))?;
            if woken.signal && self.told_to_end() {
                return Ok(End::Signal);
            }
            if woken.attempt && !self.replace_all() {
                return Ok(End::Disconnected);
            }
            let lost = woken.lost | self.unseen();
            if lost != 0 && !self.lose(lost) {
                return Ok(End::Disconnected);
            }
        }
    }

    /// What is waited for in place `at`, and which event; a place that is not needed has no event.
    fn watched(&self, at: usize) -> PollFd<'_> {
        let driver = self.driver.listen();
        let socket = |at: usize| Some(self.links.get(at)?.socket.as_ref()?.as_fd());
        let watched: Option<(BorrowedFd<'_>, _)> = match at {
            0 => Some((self.signals.as_fd(), PollFlags::IN)),
            1 => Some((self.bell.as_fd(), PollFlags::IN)),
            2 => driver.map(|driver| (driver, PollFlags::IN)),
            at => socket(at - LINKS).map(|socket| (socket, PollFlags::RDHUP)),
        };
        let (fd, events) = watched.unwrap_or((self.signals.as_fd(), PollFlags::empty()));
        PollFd::from_borrowed_fd(fd, events)
    }

    /// Waits for what happens next.
    fn wait(&self) -> rustix::io::Result<Woken> {
        let mut fds: [_; LINKS + MAX_CONNECTIONS as usize] = array::from_fn(|at| self.watched(at));
        let left = self.pause().map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds, left.as_ref()) {
            Err(Errno::INTR) => return Ok(Woken::default()),
            other => other?,
        };
        let happened = |at: usize| !fds[at].revents().is_empty();
        let links = self.links.iter().enumerate();
        Ok(Woken {
            signal: happened(0),
            attempt: happened(1),
            lost: links
                .filter(|(at, link)| link.socket.is_some() && happened(LINKS + at))
                .fold(0, |bits, (at, _)| bits | 1 << at),
        })
    }

    /// How long there is nothing to do by itself.
    fn pause(&self) -> Option<Duration> {
        let due = self.links.iter().filter_map(Link::due).min();
        let due = due.map(|due| due.saturating_duration_since(Instant::now()));
        match self.leaving || self.noticed {
            true => Some(due.unwrap_or(LOOK).min(LOOK)),
            false => due,
        }
    }

    /// Which connections the driver has lost, of those that are thought to be there, if it has said that
    /// it has lost any.
    fn unseen(&mut self) -> u64 {
        self.noticed |= self.driver.has_lost(&self.setup);
        if !self.noticed {
            return 0;
        }
        // Without memory there is no list; then it is looked at later.
        let Some(states) = self.driver.links(&self.setup) else {
            return 0;
        };
        self.noticed = false;
        let pairs = self.links.iter().zip(&states).enumerate();
        pairs
            .filter(|(_, (link, state))| link.socket.is_some() && !state.alive)
            .fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// Gives connections up that are lost; fails if the device is not connected any more.
    fn lose(&mut self, lost: u64) -> bool {
        let device = self.device();
        if !self.driver.is_connected(&self.setup) {
            return false;
        }
        for (at, link) in self.links.iter_mut().enumerate() {
            if lost & (1 << at) != 0 {
                link.lose();
                self.log.say(format_args!(
                    "{device}: connection {at} to {} is lost",
                    link.address()
                ));
            }
        }
        self.tell("");
        true
    }

    /// Looks which attempts are done; fails if the device is not connected any more.
    fn replace_all(&mut self) -> bool {
        while matches!(self.bell.read(&mut [0; 64]), Ok(1..)) {}
        (0..self.links.len()).all(|at| match self.links[at].outcome() {
            Some(outcome) => self.replace(at, outcome),
            None => true,
        })
    }

    /// Replaces a connection, if that can be; fails if the device is not connected any more.
    fn replace(&mut self, at: usize, outcome: Outcome) -> bool {
        let device = self.device();
        let done = outcome.map_err(Why::Refused);
        let done = done.and_then(|(socket, export)| {
            if let Some(what) = self.promise.broken_by(export) {
                return Err(Why::Changed(what));
            }
            let sockets = std::iter::once((at, socket.as_fd()));
            self.driver.put(&self.setup, sockets).map_err(Why::Driver)?;
            Ok(socket)
        });
        let link = &mut self.links[at];
        match done {
            Ok(socket) => {
                link.put(socket);
                self.log.say(format_args!(
                    "{device}: connection {at} to {} is there again",
                    link.address()
                ));
                self.tell("");
                true
            }
            Err(why) => {
                // Whoever disconnects it may have been faster than this process. That is no failure.
                let is_connected = self.driver.is_connected(&self.setup);
                if is_connected && link.is_news(why.kind()) {
                    self.log.say(format_args!(
                        "{device}: connection {at} to {}: {why}; trying on",
                        link.address()
                    ));
                }
                link.failed();
                is_connected
            }
        }
    }

    /// What is to be done when a signal has come: whether it ends at once.
    fn told_to_end(&mut self) -> bool {
        let _ = self.signals.read(&mut [0; 64]);
        self.leaving = true;
        let device = self.device();
        if self.is_swap() {
            self.log.say(format_args!(
                "{device} is swap space, and is kept until swapoff"
            ));
            return false;
        }
        true
    }

    /// Whether the device is swap space; so if that cannot be known.
    fn is_swap(&mut self) -> bool {
        let length = self.swaps.read_at(&mut self.text, 0);
        let text = length.map(|length| std::str::from_utf8(&self.text[..length]));
        match text {
            Ok(Ok(text)) => swap_areas(text, self.setup.device).next().is_some(),
            _ => true,
        }
    }

    /// Tells systemd how many connections there are, and something before.
    fn tell(&mut self, before: &str) {
        let alive = self.links.iter().filter(|link| link.socket.is_some());
        let alive = alive.count();
        self.state.clear();
        let _ = write!(
            self.state,
            "{before}STATUS={alive} of {} connections to {}",
            self.links.len(),
            self.setup.identifier
        );
        self.notify.tell(&self.state);
    }

    fn end(&mut self, end: End) -> Result {
        let device = self.device();
        // Not before: what is told to end may have to wait for swapoff, which may never come.
        self.notify.tell("STOPPING=1");
        if end == End::Disconnected || !self.driver.is_connected(&self.setup) {
            self.log.say(format_args!("{device} was disconnected"));
            return Ok(());
        }
        if self.options.disconnect {
            let used = Use::of(device).map_err(|err| Error::system(device.node(), err))?;
            disconnect::refuse(device, used)?;
            return disconnect::failed(device, self.driver.disconnect(&self.setup));
        }
        self.log.say(format_args!(
            "{device} stays connected, and is not kept any more"
        ));
        Ok(())
    }
}

/// What has happened: a signal, the end of an attempt, and the numbers of connections that are lost, as
/// bits.
#[derive(Debug, Default)]
struct Woken {
    signal: bool,
    attempt: bool,
    lost: u64,
}

#[cfg(test)]
mod tests;
