// SPDX-License-Identifier: GPL-2.0

//! A connection to a server until the kernel has it: everything on it ends in time.

use crate::server::Address;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    connect, recv, send, socket_with, sockopt, AddressFamily, RecvFlags, SendFlags, SocketFlags,
    SocketType,
};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// An idle connection is tried after a minute, and is lost after another one without an answer. That
/// is the other machine's to give: a server that is stopped there does not lose its connection.
const IDLE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 6;

/// A socket, and the time when all has to be done on it.
pub struct Stream {
    socket: OwnedFd,
    until: Instant,
}

impl Stream {
    /// Connects; that, and all that follows, may take so long.
    pub fn connect(address: &Address, within: Duration) -> io::Result<Self> {
        let family = match address {
            Address::Tcp(address) if address.is_ipv4() => AddressFamily::INET,
            Address::Tcp(_) => AddressFamily::INET6,
            Address::Unix(..) => AddressFamily::UNIX,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let stream = Self {
            socket: socket_with(family, SocketType::STREAM, flags, None)?,
            until: Instant::now() + within,
        };
        let begun = match address {
            Address::Tcp(address) => {
                stream.set_options()?;
                connect(&stream.socket, address)
            }
            Address::Unix(address, _) => connect(&stream.socket, address),
        };
        match begun {
            Err(Errno::INPROGRESS) => {
                stream.wait(PollFlags::OUT)?;
                sockopt::socket_error(&stream.socket)??;
            }
            other => other?,
        }
        Ok(stream)
    }

    fn set_options(&self) -> io::Result<()> {
        sockopt::set_tcp_nodelay(&self.socket, true)?;
        sockopt::set_tcp_keepidle(&self.socket, IDLE)?;
        sockopt::set_tcp_keepintvl(&self.socket, INTERVAL)?;
        sockopt::set_tcp_keepcnt(&self.socket, PROBES)?;
        Ok(sockopt::set_socket_keepalive(&self.socket, true)?)
    }

    /// Waits until there is something to do, or it is too late.
    fn wait(&self, what: PollFlags) -> io::Result<()> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            let left = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut [PollFd::new(&self.socket, what)], Some(&left)) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// The socket, for the kernel.
    pub fn into_socket(self) -> OwnedFd {
        self.socket
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((_, length)) => return Ok(length),
                Err(Errno::AGAIN) => self.wait(PollFlags::IN)?,
                Err(err) => return Err(err.into()),
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            match send(&self.socket, buffer, SendFlags::NOSIGNAL) {
                Ok(length) => return Ok(length),
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT)?,
                Err(err) => return Err(err.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn listener() -> (TcpListener, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap());
        (listener, address)
    }

    #[test]
    fn a_server_that_says_nothing() {
        let (_listener, address) = listener();
        let mut stream = Stream::connect(&address, Duration::from_millis(200)).unwrap();
        let err = stream.read(&mut [0; 8]).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_server_that_says_a_byte_now_and_then() {
        let (listener, address) = listener();
        let mut stream = Stream::connect(&address, Duration::from_millis(300)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        std::thread::spawn(move || {
            while server.write_all(&[1]).is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let err = stream.read_exact(&mut [0; 1 << 20]).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_server_that_is_not_there() {
        let (listener, address) = listener();
        drop(listener);
        let err = Stream::connect(&address, Duration::from_secs(60))
            .err()
            .unwrap();
        assert_eq!(err.kind(), io::ErrorKind::ConnectionRefused);
    }
}
