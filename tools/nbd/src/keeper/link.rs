// SPDX-License-Identifier: GPL-2.0

//! Connections, there or lost.

use super::attempt::{attempt, Attempts, Outcome};
use super::promise::Promise;
use super::why::Kind;
use crate::backoff::Backoff;
use crate::cli::Connect;
use crate::negotiate::{Export, Refusal};
use crate::server::Address;
use crate::{Error, Result};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What lasted for so long was no attempt that failed.
const LASTED: Duration = Duration::from_secs(10);

/// One of the connections.
pub struct Link {
    /// While it is not lost: what the kernel has, too.
    pub socket: Option<OwnedFd>,
    /// Where it may go to.
    addresses: Arc<[Address]>,
    /// Which of them is next.
    turn: usize,
    backoff: Backoff,
    /// When it was connected last.
    since: Instant,
    /// When to try next, if it is lost.
    due: Instant,
    /// Which kind of failure was told last.
    told: Option<Kind>,
    /// What tries, from the time on that the device is there.
    attempts: Option<Attempts>,
}

impl Link {
    fn new(addresses: Vec<Address>) -> Self {
        Self {
            socket: None,
            addresses: addresses.into(),
            turn: 0,
            backoff: Backoff::new(),
            since: Instant::now(),
            due: Instant::now(),
            told: None,
            attempts: None,
        }
    }

    /// The address whose turn it is.
    pub fn address(&self) -> &Address {
        &self.addresses[self.turn % self.addresses.len()]
    }

    /// Has a thread that tries, from now on.
    pub fn prepare(&mut self, name: &Arc<str>, bell: &UnixStream) -> io::Result<()> {
        let addresses = self.addresses.clone();
        let attempts = Attempts::start(addresses, name.clone(), bell.try_clone()?)?;
        self.attempts = Some(attempts);
        Ok(())
    }

    /// Begins an attempt if it is time for one.
    pub fn begin_if_due(&self) {
        let is_due = self.socket.is_none() && self.due <= Instant::now();
        if let Some(attempts) = self.attempts.as_ref().filter(|_| is_due) {
            attempts.begin(self.turn);
        }
    }

    /// When the next attempt is due; there is none if it is not lost, or while an attempt runs.
    pub fn due(&self) -> Option<Instant> {
        let busy = self.attempts.as_ref().is_some_and(Attempts::is_busy);
        (self.socket.is_none() && !busy).then_some(self.due)
    }

    /// What came of an attempt, if one is done.
    pub fn outcome(&self) -> Option<Outcome> {
        self.attempts.as_ref()?.take()
    }

    /// Whether this is to be said: it was not what was said last, since the connection is lost.
    pub fn is_news(&mut self, kind: Kind) -> bool {
        self.told.replace(kind) != Some(kind)
    }

    /// It is there.
    pub fn put(&mut self, socket: OwnedFd) {
        self.socket = Some(socket);
        self.since = Instant::now();
        self.told = None;
    }

    /// It is lost.
    pub fn lose(&mut self) {
        self.socket = None;
        if self.since.elapsed() > LASTED {
            self.backoff.reset();
        }
        self.due = Instant::now() + self.backoff.pause();
    }

    /// An attempt was in vain; the next one goes elsewhere, if there is more than one address.
    pub fn failed(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        self.due = Instant::now() + self.backoff.pause();
    }
}

/// The links that a device is to have; each begins with another server.
pub fn links(options: &Connect) -> Result<Vec<Link>> {
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

/// Connects all links. Returns what the first server serves; the others serve no less.
pub fn connect_all(links: &mut [Link], name: &str) -> Result<Export> {
    let (mut first, several) = (None, links.len() > 1);
    for link in links {
        let (socket, export) = connect_first(link, name)?;
        let first: &mut Export = first.get_or_insert(export);
        // The size of blocks is not known yet: it will be enough for all.
        first.block = first.block.max(export.block);
        let of_any_block = Export {
            block: None,
            ..export
        };
        if let Some(what) = Promise::new(*first, 1, several).broken_by(of_any_block) {
            return Err(Error::Refused(format!("{}: {what}", link.address())));
        }
        link.put(socket);
    }
    first.ok_or_else(|| Error::Usage("no server is given".into()))
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
        let error = match attempt(link.address(), name) {
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
