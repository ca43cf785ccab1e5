// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::cli::{Cli, Command};
use crate::status;
use clap::Parser;
use std::cell::Cell;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
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

/// A driver without a kernel.
struct Fake {
    is_connected: bool,
    promised: Option<Promise>,
    has_lost: Cell<bool>,
    /// Which connections are alive; none if there is no memory for the list.
    alive: Option<Vec<bool>>,
    /// Which were replaced.
    put: Vec<usize>,
    /// Gets a byte when one is.
    signal: Option<UnixStream>,
    /// Whether somebody disconnects the device before one can be.
    ends: bool,
}

impl Driver for Fake {
    fn connect(&mut self, _: &Setup<'_>, _: &[BorrowedFd<'_>]) -> io::Result<Option<u32>> {
        match self.is_connected {
            true => Err(Errno::BUSY.into()),
            false => Ok(None),
        }
    }

    fn put<'a>(
        &mut self,
        _: &Setup<'_>,
        sockets: impl Iterator<Item = (usize, BorrowedFd<'a>)>,
    ) -> io::Result<()> {
        if self.ends {
            self.is_connected = false;
            return Err(Errno::INVAL.into());
        }
        self.put.extend(sockets.map(|(at, _)| at));
        self.signal.iter_mut().try_for_each(|to| to.write_all(b"!"))
    }

    fn disconnect(&mut self, _: &Setup<'_>) -> io::Result<()> {
        Ok(())
    }

    fn is_connected(&self, _: &Setup<'_>) -> bool {
        self.is_connected
    }

    fn promised(&self, _: &Setup<'_>, _: bool) -> Option<Promise> {
        self.promised
    }

    fn has_lost(&self, _: &Setup<'_>) -> bool {
        self.has_lost.take()
    }

    fn links(&self, _: &Setup<'_>) -> Option<Vec<status::Link>> {
        let alive = self.alive.as_ref()?.iter();
        let words = alive.map(|alive| if *alive { "up" } else { "lost" });
        let lines = words.map(|word| format!("0 {word} 0 0 0 0 0 0\n"));
        Some(status::links(&lines.collect::<String>()))
    }

    fn listen(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

fn fake() -> Fake {
    Fake {
        is_connected: true,
        promised: None,
        has_lost: Cell::new(false),
        alive: None,
        put: Vec::new(),
        signal: None,
        ends: false,
    }
}

/// What keeps nbd0 with a driver, and where signals come from.
fn keeper(options: &Connect, served: Export, driver: Fake) -> (Keeper<'_, Fake>, UnixStream) {
    let setup = Setup {
        device: options.device,
        identifier: "server",
        export: served,
        block: 512,
        timeout: 0,
        dead_timeout: 0,
        max_request: None,
    };
    let (bell, ring) = pair().unwrap();
    let links = links(options).unwrap();
    let mut keeper = Keeper::new(options, setup, driver, links, bell).unwrap();
    keeper.prepare(&ring).unwrap();
    let (signals, signal) = pair().unwrap();
    keeper.signals = signals;
    (keeper, signal)
}

/// A server of the export of this size and with these flags.
fn server(size: u64, flags: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let says = [
        &b"NBDMAGICIHAVEOPT\0\x02"[..],
        &size.to_be_bytes(),
        &flags.to_be_bytes(),
    ];
    let says = says.concat();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(&says).unwrap();
            thread::spawn(move || io::copy(&mut stream, &mut io::sink()));
        }
    });
    address
}

fn socket() -> OwnedFd {
    UnixStream::pair().unwrap().0.into()
}

#[test]
fn a_server_that_is_silent_holds_up_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().map(|at| (at, silent)).unwrap();
    let options = options(&format!("{} {}", silent.0, server(1 << 20, 1)));
    let (mut keeper, signal) = keeper(&options, export(1 << 20, 1, None), fake());
    keeper.driver.signal = Some(signal);
    assert_eq!(keeper.keep().unwrap(), End::Signal);
    assert_eq!(keeper.driver.put, [1]);
    // The attempt at the other one is not over.
    assert!(keeper.links[0].due().is_none() && keeper.links[0].outcome().is_none());
}

#[test]
fn what_can_do_less_is_not_taken() {
    use crate::negotiate::CAN_FLUSH;
    let options = options(&server(1 << 20, 1));
    let (mut keeper, mut signal) = keeper(&options, export(1 << 20, 1 | CAN_FLUSH, None), fake());
    keeper.links[0].begin_if_due();
    while !keeper.wait().unwrap().attempt {}
    assert!(keeper.replace_all());
    assert!(keeper.driver.put.is_empty() && !keeper.links[0].is_news(why::Kind::Changed));
    signal.write_all(b"!").unwrap();
    assert_eq!(keeper.keep().unwrap(), End::Signal);
}

#[test]
fn a_device_that_was_promised_more_is_not_adopted() {
    use crate::negotiate::CAN_FUA;
    let options = options("192.0.2.1");
    let served = export(1 << 20, 1, None);
    let (mut keeper, _signal) = keeper(&options, served, fake());
    keeper.driver.promised = Some(Promise::new(served, 4096, false));
    keeper.connect().unwrap();
    assert_eq!(keeper.promise.block, 4096);
    let more = export(1 << 20, 1 | CAN_FUA, None);
    keeper.driver.promised = Some(Promise::new(more, 512, false));
    assert_eq!(keeper.connect().unwrap_err().exit_status(), 7);
    keeper.driver.promised = None;
    assert_eq!(keeper.connect().unwrap_err().exit_status(), 5);
}

#[test]
fn a_notice_is_heard_while_another_connection_is_lost() {
    let options = options("192.0.2.1 192.0.2.2 192.0.2.3");
    let (mut keeper, _signal) = keeper(&options, export(1 << 20, 1, None), fake());
    for at in [1, 2] {
        keeper.links[at].put(socket());
    }
    assert_eq!(keeper.unseen(), 0);
    keeper.driver.has_lost.set(true);
    // There is no memory for the list: it is not forgotten.
    assert_eq!(keeper.unseen(), 0);
    assert!(keeper.pause().is_some());
    keeper.driver.alive = Some(vec![false, true, false]);
    assert_eq!(keeper.unseen(), 0b100);
    assert_eq!(keeper.unseen(), 0, "it was looked at");
}

#[test]
fn a_session_of_somebody_else_is_not_kept() {
    let options = options("192.0.2.1 --disconnect");
    let (mut keeper, _signal) = keeper(&options, export(1 << 20, 1, None), fake());
    keeper.links[0].put(socket());
    // The other end is closed.
    keeper.driver.is_connected = false;
    assert_eq!(keeper.keep().unwrap(), End::Disconnected);
}

#[test]
fn a_device_that_is_disconnected_meanwhile_is_no_failure() {
    let options = options(&format!("{} --disconnect", server(1 << 20, 1)));
    let (mut keeper, _signal) = keeper(&options, export(1 << 20, 1, None), fake());
    keeper.driver.ends = true;
    // The connection is lost, since the driver has ended it. The server is still there.
    assert_eq!(keeper.keep().unwrap(), End::Disconnected);
    assert!(keeper.links[0].is_news(why::Kind::Driver), "it was told");
    keeper.end(End::Disconnected).unwrap();
}

#[test]
fn the_end_is_told_when_it_comes() {
    let options = options("192.0.2.1");
    let (mut keeper, mut signal) = keeper(&options, export(1 << 20, 1, None), fake());
    keeper.links[0].put(socket());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_nonblocking(true).unwrap();
    keeper.notify = Notify::to(path.into());
    let swaps = dir.path().join("swaps");
    std::fs::write(&swaps, "Filename Type\n/dev/nbd0 partition 8 0 -2\n").unwrap();
    keeper.swaps = File::open(&swaps).unwrap();
    signal.write_all(b"!").unwrap();
    assert!(!keeper.told_to_end());
    let mut said = [0; 64];
    assert!(manager.recv(&mut said).is_err(), "it goes on");
    std::fs::write(&swaps, "Filename Type\n").unwrap();
    assert_eq!(keeper.keep().unwrap(), End::Signal);
    keeper.end(End::Signal).unwrap();
    let length = manager.recv(&mut said).unwrap();
    assert_eq!(&said[..length], b"STOPPING=1");
}
