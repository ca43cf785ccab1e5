// SPDX-License-Identifier: GPL-2.0

//! Agrees with an NBD server on its default export, in the fixed newstyle.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

const FIXED_NEWSTYLE: u16 = 1;
const NO_ZEROES: u16 = 2;
const OPT_EXPORT_NAME: u32 = 1;

/// An export, and the connection to it.
pub struct Export {
    /// The connection, on which requests come next.
    pub stream: TcpStream,
    /// Its size in bytes.
    pub size: u64,
    /// What the server can do.
    pub flags: u16,
}

fn number<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Connects to a server.
pub fn connect(address: &str) -> io::Result<Export> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    if &number::<16>(&mut stream)? != b"NBDMAGICIHAVEOPT" {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let offered = u16::from_be_bytes(number(&mut stream)?);
    let agreed = offered & (FIXED_NEWSTYLE | NO_ZEROES);

    let mut message = Vec::with_capacity(20);
    message.extend(u32::from(agreed).to_be_bytes());
    message.extend(b"IHAVEOPT");
    message.extend(OPT_EXPORT_NAME.to_be_bytes());
    message.extend(0u32.to_be_bytes());
    stream.write_all(&message)?;

    let size = u64::from_be_bytes(number(&mut stream)?);
    let flags = u16::from_be_bytes(number(&mut stream)?);
    if agreed & NO_ZEROES == 0 {
        number::<124>(&mut stream)?;
    }
    stream.set_read_timeout(None)?;
    Ok(Export {
        stream,
        size,
        flags,
    })
}
