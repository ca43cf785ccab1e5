// SPDX-License-Identifier: GPL-2.0

//! Connects a device, and replaces its connections as they are lost.
//!
//! A connection is lost when the driver or the server has shut its socket down, which this process
//! has open, too. The driver says so as well (`LINK_DEAD`), but not of which connection; if no
//! socket shows it, the driver's list of connections does.

use crate::backoff::Backoff;
use crate::cli::Connect;
use crate::device::Device;
use crate::disconnect;
use crate::genl::Notices;
use crate::guard;
use crate::lock::Lock;
use crate::nbd::{self, Nbd, Setup};
use crate::negotiate::{negotiate, Export, Refusal};
use crate::notify::Notify;
use crate::say::Log;
use crate::server::Address;
use crate::status;
use crate::stream::Stream;
use crate::uses::{swap_areas, Use};
use crate::{Error, Result};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// For an attempt to connect and to agree.
const ATTEMPT: Duration = Duration::from_secs(10);
/// What lasted for so long was no attempt that failed.
const LASTED: Duration = Duration::from_secs(10);
/// How often is looked whether the device is still swap space, when that is waited for.
const LOOK: Duration = Duration::from_secs(1);

/// One of the connections.
struct Link {
    /// While it is not lost: what the kernel has, too.
    socket: Option<OwnedFd>,
    /// Where it may go to.
    addresses: Vec<Address>,
    /// Which of them is next.
    turn: usize,
    backoff: Backoff,
    /// When it was connected last.
    since: Instant,
    /// When to try next, if it is lost.
    due: Instant,
    /// Which kind of failure was told last.
    told: Option<Kind>,
}

impl Link {
    fn new(addresses: Vec<Address>) -> Self {
        Self {
            socket: None,
            addresses,
            turn: 0,
            backoff: Backoff::new(),
            since: Instant::now(),
            due: Instant::now(),
            told: None,
        }
    }

    fn address(&self) -> &Address {
        &self.addresses[self.turn % self.addresses.len()]
    }

    /// Connects to the address whose turn it is, and agrees on an export.
    fn attempt(&self, name: &str) -> std::result::Result<(OwnedFd, Export), Refusal> {
        let mut stream = Stream::connect(self.address(), ATTEMPT)?;
        let export = negotiate(&mut stream, name.as_bytes())?;
        Ok((stream.into_socket(), export))
    }

    fn put(&mut self, socket: OwnedFd) {
        self.socket = Some(socket);
        self.since = Instant::now();
        self.told = None;
    }

    fn lose(&mut self) {
        self.socket = None;
        if self.since.elapsed() > LASTED {
            self.backoff.reset();
        }
        self.due = Instant::now() + self.backoff.pause();
    }

    /// An attempt was in vain; the next one goes elsewhere, if there is more than one address.
    fn failed(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        self.due = Instant::now() + self.backoff.pause();
    }
}

/// The links that a device is to have; each begins with another server.
fn links(options: &Connect) -> Result<Vec<Link>> {
    let servers = options
        .servers
        .iter()
        .map(|server| server.addresses())
        .collect::<Result<Vec<_>>>()?;
    let first = |number: usize| {
        let mut order = servers.clone();
        order.rotate_left(number % servers.len());
        Link::new(order.concat())
    };
    Ok((0..options.connections()).map(first).collect())
}

/// Connects all links. Returns what the servers serve.
fn connect_all(links: &mut [Link], name: &str) -> Result<Export> {
    let mut common = None;
    for link in links {
        let (socket, export) = connect_first(link, name)?;
        let first = *common.get_or_insert(export);
        if let Some(what) = changed(first, export) {
            return Err(Error::Refused(format!("{}: {what}", link.address())));
        }
        link.put(socket);
    }
    common.ok_or_else(|| Error::Usage("no server is given".into()))
}

/// Connects a link for the first time; any of its addresses will do.
///
/// # Errors
///
/// What the first server says that can be reached.
fn connect_first(link: &mut Link, name: &str) -> Result<(OwnedFd, Export)> {
    let mut worst = None;
    for turn in 0..link.addresses.len() {
        link.turn = turn;
        let error = match link.attempt(name) {
            Ok(found) => return Ok(found),
            Err(refusal) => first_error(link.address(), name, refusal),
        };
        if matches!(worst, None | Some(Error::Unreachable(_))) {
            worst = Some(error);
        }
    }
    Err(worst.unwrap_or_else(|| Error::Usage("no server is given".into())))
}

fn first_error(address: &Address, name: &str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Io(_) => Error::Unreachable(format!("{address}: {refusal}")),
        Refusal::Unknown => Error::Refused(format!("{address}: {refusal} ({name:?})")),
        _ => Error::Refused(format!("{address}: {refusal}")),
    }
}

/// In which way an export is not the one that it was.
fn changed(was: Export, is: Export) -> Option<&'static str> {
    if was.size != is.size {
        Some("the export has another size")
    } else if is.read_only() && !was.read_only() {
        Some("the export cannot be written any more")
    } else {
        None
    }
}

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
struct Keeper<'a> {
    options: &'a Connect,
    setup: Setup<'a>,
    nbd: Nbd,
    links: Vec<Link>,
    notices: Option<Notices>,
    signals: UnixStream,
    swaps: File,
    /// What `swaps` says.
    text: Vec<u8>,
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
    let mut keeper = Keeper::new(options, setup, nbd, links)?;
    // From here on no new memory is needed.
    guard::prepare()?;
    keeper.connect()?;
    keeper.tell("READY=1\n");
    let end = keeper.keep()?;
    keeper.end(end)
}

fn signals() -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}

impl<'a> Keeper<'a> {
    fn new(options: &'a Connect, setup: Setup<'a>, nbd: Nbd, links: Vec<Link>) -> Result<Self> {
        let system = |what: &'static str| move |err| Error::system(what, err);
        Ok(Self {
            options,
            setup,
            notices: nbd.notices().map_err(system("netlink"))?,
            nbd,
            links,
            signals: signals().map_err(system("signals"))?,
            swaps: File::open("/proc/swaps").map_err(system("/proc/swaps"))?,
            text: vec![0; 64 << 10],
            leaving: false,
            log: Log::new(),
            notify: Notify::from_env(),
            state: String::with_capacity(256),
        })
    }

    fn device(&self) -> Device {
        self.setup.device
    }

    /// Connects the device, or goes on with it if it is connected to the same server.
    fn connect(&mut self) -> Result {
        let device = self.device();
        let sockets: Vec<_> = self
            .links
            .iter()
            .filter_map(|link| link.socket.as_ref())
            .collect();
        let sockets: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
        match self.nbd.connect(&self.setup, &sockets) {
            Ok(None) if self.setup.max_request.is_some() => {
                let _ = self.nbd.disconnect(device);
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
        if device.read("backend").as_deref() != Some(self.setup.identifier) {
            return Err(Error::Busy(format!(
                "{device} is connected already, or was disconnected and is still open"
            )));
        }
        let bytes = device
            .read("size")
            .and_then(|sectors| sectors.parse::<u64>().ok());
        let whole =
            self.setup.export.size / u64::from(self.setup.block) * u64::from(self.setup.block);
        if bytes.and_then(|sectors| sectors.checked_mul(512)) != Some(whole) {
            return Err(Error::Refused(format!(
                "{device}: the export has another size"
            )));
        }
        let sockets = self.links.iter().enumerate();
        let sockets =
            sockets.filter_map(|(place, link)| Some((place, link.socket.as_ref()?.as_fd())));
        self.nbd
            .put(&self.setup, sockets)
            .map_err(|err| Error::system(format!("cannot go on with {device}"), err))?;
        self.log
            .say(format_args!("{device} was connected, and is kept now"));
        Ok(())
    }

    /// Runs until there is nothing to keep.
    fn keep(&mut self) -> Result<End> {
        loop {
            for at in 0..self.links.len() {
                let link = &self.links[at];
                if link.socket.is_none() && link.due <= Instant::now() && !self.replace(at) {
                    return Ok(End::Disconnected);
                }
            }
            if self.leaving && !self.is_swap() {
                return Ok(End::Signal);
            }
            let woken = self.wait().map_err(|err| Error::system("poll", err))?;
            if woken.signal && self.told_to_end() {
                return Ok(End::Signal);
            }
            let lost = woken.lost | self.unseen(woken.lost);
            if lost != 0 && !self.lose(lost) {
                return Ok(End::Disconnected);
            }
        }
    }

    /// Waits for what happens next.
    fn wait(&self) -> rustix::io::Result<Woken> {
        let mut fds = Vec::with_capacity(self.links.len() + 2);
        fds.push(PollFd::new(&self.signals, PollFlags::IN));
        for link in &self.links {
            match &link.socket {
                Some(socket) => fds.push(PollFd::new(socket, PollFlags::RDHUP)),
                // Takes the place; it is not looked at.
                None => fds.push(PollFd::new(&self.signals, PollFlags::empty())),
            }
        }
        if let Some(notices) = &self.notices {
            fds.push(PollFd::new(notices, PollFlags::IN));
        }
        let left = self.pause();
        let left = left.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds, left.as_ref()) {
            Err(Errno::INTR) => return Ok(Woken::default()),
            other => other?,
        };
        let mut woken = Woken {
            signal: !fds[0].revents().is_empty(),
            lost: 0,
        };
        for (at, (link, fd)) in self.links.iter().zip(&fds[1..]).enumerate() {
            if link.socket.is_some() && !fd.revents().is_empty() {
                woken.lost |= 1 << at;
            }
        }
        Ok(woken)
    }

    /// How long there is nothing to do by itself.
    fn pause(&self) -> Option<Duration> {
        let lost = self.links.iter().filter(|link| link.socket.is_none());
        let due = lost.map(|link| link.due).min();
        let due = due.map(|due| due.saturating_duration_since(Instant::now()));
        match self.leaving {
            true => Some(due.unwrap_or(LOOK).min(LOOK)),
            false => due,
        }
    }

    /// Which connections the driver has lost though no socket shows it, if it has said that it has lost
    /// any, and none is known to be lost.
    fn unseen(&self, lost: u64) -> u64 {
        let device = self.device();
        let notices = self.notices.as_ref();
        let noticed = notices.is_some_and(|notices| nbd::has_lost(notices, device));
        let known = lost != 0 || self.links.iter().any(|link| link.socket.is_none());
        if !noticed || known {
            return 0;
        }
        let states = status::links_of(device).unwrap_or_default();
        let dead = states.iter().take(self.links.len()).enumerate();
        dead.filter(|(_, state)| !state.alive)
            .fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// Gives connections up that are lost; fails if the device is not connected any more.
    fn lose(&mut self, lost: u64) -> bool {
        let device = self.device();
        if !device.is_connected() {
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

    /// Tries to replace a connection; fails if the device is not connected any more.
    fn replace(&mut self, at: usize) -> bool {
        let device = self.device();
        let link = &self.links[at];
        let done = link.attempt(&self.options.export).map_err(Why::Refused);
        let done = done.and_then(|(socket, export)| {
            if let Some(what) = changed(self.setup.export, export) {
                return Err(Why::Changed(what));
            }
            let sockets = std::iter::once((at, socket.as_fd()));
            self.nbd.put(&self.setup, sockets).map_err(Why::Driver)?;
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
                if link.told != Some(why.kind()) {
                    self.log.say(format_args!(
                        "{device}: connection {at} to {}: {why}; trying on",
                        link.address()
                    ));
                    link.told = Some(why.kind());
                }
                link.failed();
                device.is_connected()
            }
        }
    }

    /// What is to be done when a signal has come: whether it ends at once.
    fn told_to_end(&mut self) -> bool {
        let _ = self.signals.read(&mut [0; 64]);
        self.notify.tell("STOPPING=1");
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
        let alive = self
            .links
            .iter()
            .filter(|link| link.socket.is_some())
            .count();
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
        if end == End::Disconnected {
            self.log.say(format_args!("{device} was disconnected"));
            return Ok(());
        }
        if self.options.disconnect {
            let used = Use::of(device).map_err(|err| Error::system(device.node(), err))?;
            disconnect::refuse(device, used)?;
            return disconnect::disconnect(&mut self.nbd, device);
        }
        self.log.say(format_args!(
            "{device} stays connected, and is not kept any more"
        ));
        Ok(())
    }
}

/// What has happened: a signal, and the numbers of connections that are lost, as bits.
#[derive(Debug, Default)]
struct Woken {
    signal: bool,
    lost: u64,
}

/// Why a connection could not be replaced.
enum Why {
    Refused(Refusal),
    Changed(&'static str),
    Driver(io::Error),
}

/// Kinds of reasons: each is told once until the connection is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unreachable,
    Refused,
    Changed,
    Driver,
}

impl Why {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(Refusal::Io(_)) => Kind::Unreachable,
            Self::Refused(_) => Kind::Refused,
            Self::Changed(_) => Kind::Changed,
            Self::Driver(_) => Kind::Driver,
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Changed(what) => write!(f, "{what}, and is not used"),
            Self::Driver(err) => {
                f.write_str("the driver does not take it: ")?;
                match Errno::from_io_error(err) {
                    Some(errno) => write!(f, "{errno}"),
                    None => write!(f, "{}", err.kind()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    fn options(line: &str) -> Connect {
        let line = format!("rblk-nbd connect nbd0 {line}");
        match Cli::parse_from(line.split(' ')).command {
            Command::Connect(options) => options,
            other => panic!("{other:?}"),
        }
    }

    fn export(size: u64, flags: u16, block: Option<u32>) -> Export {
        Export { size, flags, block }
    }

    #[test]
    fn servers_in_turn() {
        let links = links(&options("192.0.2.1 192.0.2.2 -C 3")).unwrap();
        let order = |at: usize| {
            let addresses = links[at].addresses.iter();
            addresses
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(order(0), "192.0.2.1:10809 192.0.2.2:10809");
        assert_eq!(order(1), "192.0.2.2:10809 192.0.2.1:10809");
        assert_eq!(order(2), order(0));
    }

    #[test]
    fn another_export() {
        let was = export(1 << 20, 1, None);
        assert_eq!(changed(was, was), None);
        assert_eq!(changed(was, export(1 << 20, 0x105, Some(512))), None);
        assert!(changed(was, export(1 << 19, 1, None))
            .unwrap()
            .contains("size"));
        assert!(changed(was, export(1 << 20, 3, None))
            .unwrap()
            .contains("written"));
        assert_eq!(changed(export(1, 3, None), export(1, 3, None)), None);
    }

    #[test]
    fn blocks() {
        let of = |line: &str, least| block(&options(line), export(1 << 20, 1, least)).ok();
        assert_eq!(of("a", None), Some(512));
        assert_eq!(of("a", Some(1)), Some(512));
        assert_eq!(of("a", Some(4096)), Some(4096));
        assert_eq!(of("a -b 1024", None), Some(1024));
        assert_eq!(of("a -b 1024", Some(4096)), None);
        assert_eq!(of("a --swap", Some(512)), Some(4096));
        assert_eq!(of("a --swap", Some(8192)), Some(8192));
    }

    #[test]
    fn identifiers() {
        assert_eq!(identifier(&options("a [::1]:7 -N x")), "a:10809,[::1]:7 x");
        assert_eq!(identifier(&options("unix:/run/x")), "unix:/run/x");
    }

    /// A server that says this to each who comes, and hears all that he says.
    fn server(says: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.write_all(says).unwrap();
                thread::spawn(move || io::copy(&mut stream, &mut io::sink()));
            }
        });
        address
    }

    fn first(line: &str) -> Result<Export> {
        let options = options(line);
        connect_all(&mut links(&options)?, &options.export)
    }

    #[test]
    fn the_first_connection() {
        const ONE: &[u8] = b"NBDMAGICIHAVEOPT\0\x02\0\0\0\0\0\x10\0\0\0\x01";
        const OTHER: &[u8] = b"NBDMAGICIHAVEOPT\0\x02\0\0\0\0\0\x20\0\0\0\x01";
        let (one, other, ssh) = (
            server(ONE),
            server(OTHER),
            server(b"SSH-2.0-x 16 bytes and more"),
        );
        assert_eq!(first(&one).unwrap().size, 1 << 20);
        // The second connection finds another export at the server that is next.
        assert_eq!(
            first(&format!("{one} {other}")).unwrap_err().exit_status(),
            7
        );
        assert_eq!(first(&ssh).unwrap_err().exit_status(), 7);
        // The first server does not serve; the second does.
        assert!(first(&format!("{ssh} {one}")).is_ok());
        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        // What a server says is told, not that another one is not there.
        let err = first(&format!("{ssh} {gone}")).unwrap_err();
        assert_eq!(err.exit_status(), 7);
        let err = first(&gone.to_string()).unwrap_err();
        assert_eq!((err.exit_status(), err.to_string().lines().count()), (8, 1));
    }

    #[test]
    fn what_did_not_last_is_not_tried_at_once() {
        let mut link = links(&options("192.0.2.1")).unwrap().remove(0);
        for _ in 0..8 {
            link.put(UnixStream::pair().unwrap().0.into());
            link.lose();
        }
        assert!(link.due > Instant::now() + Duration::from_secs(5));
        link.since = Instant::now() - 2 * LASTED;
        link.lose();
        assert!(link.due <= Instant::now() + Duration::from_millis(200));
    }
}
