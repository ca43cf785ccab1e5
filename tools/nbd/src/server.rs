// SPDX-License-Identifier: GPL-2.0

//! Servers, as users name them, and their addresses.

use crate::{Error, Result};
use rustix::net::SocketAddrUnix;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// The port of the protocol.
const PORT: u16 = 10809;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// Reached over TCP.
    Tcp {
        /// A name or an address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// Reached over a unix socket with this path.
    Unix(String),
}

/// Where to connect to; nothing is left to be looked up.
#[derive(Debug, Clone)]
pub enum Address {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over a unix socket.
    Unix(SocketAddrUnix, String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(_, path) => write!(f, "unix:{path}"),
        }
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.starts_with("nbds:") || text.starts_with("nbds+") {
            return Err("the driver cannot do TLS: name a server without it".into());
        }
        if text.starts_with("nbd:") || text.starts_with("nbd+") {
            return Err("want HOST, HOST:PORT, [IPV6]:PORT or unix:PATH, and --export NAME".into());
        }
        if text.starts_with('/') || text.starts_with("unix:") {
            let path = text.strip_prefix("unix:").unwrap_or(text);
            return match path.starts_with('/') {
                true => Ok(Self::Unix(path.to_owned())),
                false => Err("want the whole path of the socket".into()),
            };
        }
        let (host, port) = split(text)?;
        if host.is_empty()
            || host.contains(|c: char| {
                c.is_whitespace() || c == '/' || c == '%' && !host.contains(':')
            })
        {
            return Err("want HOST, HOST:PORT, [IPV6]:PORT or unix:PATH".into());
        }
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
        })
    }
}

/// The host and the port.
fn split(text: &str) -> std::result::Result<(&str, u16), String> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, PORT));
    }
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("want a ] behind the address")?;
            let address = host.split('%').next().unwrap_or(host);
            address
                .parse::<Ipv6Addr>()
                .map_err(|_| "want an IPv6 address between [ and ]")?;
            (host, rest)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        None if rest.is_empty() => Some(PORT),
        _ => None,
    };
    match port {
        Some(port) if port != 0 => Ok((host, port)),
        _ => Err("want a port from 1 to 65535 behind the colon".into()),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

impl Server {
    /// Its addresses, of which there is at least one.
    pub fn addresses(&self) -> Result<Vec<Address>> {
        let found = match self {
            Self::Unix(path) => {
                let address = SocketAddrUnix::new(path.as_str())
                    .map_err(|err| Error::Usage(format!("{self}: {err}")))?;
                vec![Address::Unix(address, path.clone())]
            }
            Self::Tcp { host, port } => (host.as_str(), *port)
                .to_socket_addrs()
                .map_err(|err| Error::Unreachable(format!("{self}: {err}")))?
                .map(Address::Tcp)
                .collect(),
        };
        match found.is_empty() {
            true => Err(Error::Unreachable(format!("{self}: no address"))),
            false => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tcp(host: &str, port: u16) -> Server {
        Server::Tcp {
            host: host.into(),
            port,
        }
    }

    #[test]
    fn servers() {
        for (text, server) in [
            ("server", tcp("server", 10809)),
            ("server.example:1", tcp("server.example", 1)),
            ("192.0.2.1:65535", tcp("192.0.2.1", 65535)),
            ("2001:db8::1", tcp("2001:db8::1", 10809)),
            ("[2001:db8::1]", tcp("2001:db8::1", 10809)),
            ("[2001:db8::1]:7", tcp("2001:db8::1", 7)),
            ("[fe80::1%eth0]:7", tcp("fe80::1%eth0", 7)),
            ("unix:/run/nbd", Server::Unix("/run/nbd".into())),
            ("/run/nbd:1", Server::Unix("/run/nbd:1".into())),
        ] {
            assert_eq!(text.parse::<Server>(), Ok(server), "{text}");
        }
    }

    #[test]
    fn none() {
        for text in [
            "",
            ":",
            ":1",
            "host:",
            "host:0",
            "host:65536",
            "host:-1",
            "host:+1",
            "host:1:2",
            "a b",
            "a/b",
            "[",
            "[]",
            "[host]:1",
            "[::1",
            "[::1]1",
            "[::1]:",
            "unix:",
            "unix:run",
            "host:٣",
            "nbd://host",
            "nbd+unix:///x",
        ] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
        for text in ["nbds://host/export", "nbds+unix:///x"] {
            assert!(
                text.parse::<Server>().unwrap_err().contains("TLS"),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses() {
        let one = |text: &str| text.parse::<Server>().unwrap().addresses().unwrap()[0].to_string();
        assert_eq!(one("192.0.2.1"), "192.0.2.1:10809");
        assert_eq!(one("[::1]:3"), "[::1]:3");
        assert_eq!(one("unix:/run/nbd"), "unix:/run/nbd");
        let long = format!("/{}", "x".repeat(200));
        assert_eq!(Server::Unix(long).addresses().unwrap_err().exit_status(), 2);
    }

    proptest! {
        #[test]
        fn any_text(text in "(\\PC|[\\]\\[:%/]|unix:)*") {
            if let Ok(server) = text.parse::<Server>() {
                prop_assert_eq!(server.to_string().parse::<Server>(), Ok(server));
            }
        }
    }
}
