// SPDX-License-Identifier: GPL-2.0

//! Tells systemd how it goes: a datagram on the socket that it has named.

use std::env;
use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The socket of the service manager, if there is one.
pub struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// What the environment names.
    pub fn from_env() -> Self {
        Self(env::var_os("NOTIFY_SOCKET").and_then(open))
    }

    /// A socket of this name.
    #[cfg(test)]
    pub fn to(name: OsString) -> Self {
        Self(open(name))
    }

    /// Tells what has become so, as `READY=1`; whoever does not listen at once is not told.
    pub fn tell(&self, state: &str) {
        if let Some((socket, manager)) = &self.0 {
            let _ = socket.send_to_addr(state.as_bytes(), manager);
        }
    }
}

fn open(name: OsString) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name),
        None => SocketAddr::from_pathname(&name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        Notify(open(path.into())).tell("READY=1\nSTATUS=connected");
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1\nSTATUS=connected");
    }

    #[test]
    fn told_by_an_abstract_name() {
        let name = format!("rblk-nbd-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        Notify(open(format!("@{name}").into())).tell("STOPPING=1");
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"STOPPING=1");
    }

    #[test]
    fn nobody_listens() {
        Notify(open("/nowhere/notify".into())).tell("READY=1");
        Notify(None).tell("READY=1");
    }
}
