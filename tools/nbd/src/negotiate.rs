// SPDX-License-Identifier: GPL-2.0

//! Agrees with a server on an export, by the fixed newstyle of the NBD protocol.
//!
//! The server may say anything. What it says is read into buffers of a fixed size; lengths are looked
//! at before they are used; and how long it may take is the stream's to limit.

use std::fmt;
use std::io::{self, Read, Write};

/// The longest name of an export that the protocol has.
pub const MAX_NAME: usize = 4096;

const OLD_STYLE: u64 = 0x0000_4202_8186_1253;
const REPLY: u64 = 0x0003_e889_0455_65a9;
const FIXED_NEWSTYLE: u16 = 1;
const NO_ZEROES: u16 = 2;

const OPT_EXPORT_NAME: u32 = 1;
const OPT_ABORT: u32 = 2;
const OPT_GO: u32 = 7;
const REP_ACK: u32 = 1;
const REP_INFO: u32 = 3;
const ERR_UNSUPPORTED: u32 = 0x8000_0001;
const INFO_EXPORT: u16 = 0;
const INFO_BLOCK_SIZE: u16 = 3;

const HAS_FLAGS: u16 = 1 << 0;
/// It cannot be written.
pub const READ_ONLY: u16 = 1 << 1;
/// It has to be flushed for what is written to last.
pub const CAN_FLUSH: u16 = 1 << 2;
/// Writes may last when they have ended.
pub const CAN_FUA: u16 = 1 << 3;
/// It can be told what is not needed any more.
pub const CAN_TRIM: u16 = 1 << 5;
/// Zeroes need not be sent.
pub const CAN_WRITE_ZEROES: u16 = 1 << 6;
/// There may be several connections, with one cache.
pub const CAN_MULTI_CONN: u16 = 1 << 8;

/// A reply has words for people at most; more than that is none.
const MAX_REPLY: u32 = 64 << 10;
/// There are four kinds of information, and may be more.
const MAX_REPLIES: u32 = 64;

/// What a server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// Its size in bytes.
    pub size: u64,
    /// What the server can do.
    pub flags: u16,
    /// The smallest piece that can be read or written, in bytes, if the server has said.
    pub block: Option<u32>,
}

impl Export {
    /// Whether it cannot be written.
    pub fn read_only(&self) -> bool {
        self.flags & READ_ONLY != 0
    }

    /// Whether there may be several connections.
    pub fn can_multi_conn(&self) -> bool {
        self.flags & CAN_MULTI_CONN != 0
    }
}

/// Why a server is of no use.
#[derive(Debug)]
pub enum Refusal {
    /// What it says is no NBD.
    NotNbd,
    /// It speaks the protocol of before 2012.
    OldStyle,
    /// It wants TLS first.
    Tls,
    /// It has no such export.
    Unknown,
    /// It will not serve this client; the number of its error.
    Error(u32),
    /// It does not keep to the protocol.
    Protocol(&'static str),
    /// It cannot be talked to.
    Io(io::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNbd => f.write_str("that is no NBD server"),
            Self::OldStyle => {
                f.write_str("the server speaks the oldstyle protocol, which has no exports by name")
            }
            Self::Tls => f.write_str("the server wants TLS, which the driver cannot do"),
            Self::Unknown => f.write_str("the server has no such export"),
            Self::Error(0x8000_0002) => {
                f.write_str("the server does not let this machine use the export")
            }
            Self::Error(0x8000_0007) => f.write_str("the server is shutting down"),
            Self::Error(number) => write!(f, "the server refuses (error {number:#x})"),
            Self::Protocol(what) => write!(f, "the server breaks the protocol: {what}"),
            Self::Io(err) if err.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the server has closed the connection")
            }
            Self::Io(err) if err.kind() == io::ErrorKind::TimedOut => {
                f.write_str("no answer in time")
            }
            // Of what has a number, the words that std has for it need memory.
            Self::Io(err) => match err.raw_os_error() {
                Some(number) => write!(f, "{}", rustix::io::Errno::from_raw_os_error(number)),
                None => write!(f, "{}", err.kind()),
            },
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(err: io::Error) -> Self {
        Self::Io(err)
    }
}

/// The result of a negotiation.
pub type Result<T> = std::result::Result<T, Refusal>;

fn bytes<const N: usize>(stream: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u64_from(stream: &mut impl Read) -> Result<u64> {
    Ok(u64::from_be_bytes(bytes(stream)?))
}

fn u32_from(stream: &mut impl Read) -> Result<u32> {
    Ok(u32::from_be_bytes(bytes(stream)?))
}

fn u16_from(stream: &mut impl Read) -> Result<u16> {
    Ok(u16::from_be_bytes(bytes(stream)?))
}

fn skip(stream: &mut impl Read, mut length: u32) -> Result<()> {
    let mut buffer = [0; 256];
    while length > 0 {
        let piece = length.min(buffer.len() as u32);
        stream.read_exact(&mut buffer[..piece as usize])?;
        length -= piece;
    }
    Ok(())
}

/// Sends an option with its data, which is in pieces.
fn option(stream: &mut impl Write, number: u32, data: &[&[u8]]) -> Result<()> {
    let length: usize = data.iter().map(|piece| piece.len()).sum();
    let length = u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    stream.write_all(b"IHAVEOPT")?;
    stream.write_all(&number.to_be_bytes())?;
    stream.write_all(&length.to_be_bytes())?;
    for piece in data {
        stream.write_all(piece)?;
    }
    Ok(())
}

/// Agrees on an export, whose name is at most [`MAX_NAME`] bytes long. Requests come next.
///
/// # Errors
///
/// Why it cannot be used; then the server was told that nothing will follow, if it could be.
pub fn negotiate(stream: &mut (impl Read + Write), name: &[u8]) -> Result<Export> {
    if &bytes(stream)? != b"NBDMAGIC" {
        return Err(Refusal::NotNbd);
    }
    match u64_from(stream)? {
        magic if magic.to_be_bytes() == *b"IHAVEOPT" => {}
        OLD_STYLE => return Err(Refusal::OldStyle),
        _ => return Err(Refusal::NotNbd),
    }
    let offered = u16_from(stream)?;
    let agreed = offered & (FIXED_NEWSTYLE | NO_ZEROES);
    stream.write_all(&u32::from(agreed).to_be_bytes())?;
    let zeroes = agreed & NO_ZEROES == 0;
    // One that is not fixed knows no other option, and answers none that it does not know.
    if agreed & FIXED_NEWSTYLE == 0 {
        return export_name(stream, name, zeroes);
    }
    match go(stream, name) {
        Err(Refusal::Error(ERR_UNSUPPORTED)) => export_name(stream, name, zeroes),
        Err(refusal) => {
            let _ = option(stream, OPT_ABORT, &[]);
            Err(refusal)
        }
        agreed => agreed,
    }
}

/// The newer option, whose answer says what is wrong.
fn go(stream: &mut (impl Read + Write), name: &[u8]) -> Result<Export> {
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
    // One thing is asked for besides what always comes.
    let wanted = INFO_BLOCK_SIZE.to_be_bytes();
    option(stream, OPT_GO, &[&length, name, &[0, 1], &wanted])?;
    let (mut export, mut block) = (None, None);
    for _ in 0..MAX_REPLIES {
        let (kind, length) = reply(stream, OPT_GO)?;
        match kind {
            REP_ACK => {
                skip(stream, length)?;
                let (size, flags) =
                    export.ok_or(Refusal::Protocol("it does not say how large the export is"))?;
                return checked(Export { size, flags, block });
            }
            REP_INFO => information(stream, length, &mut export, &mut block)?,
            kind if kind & 0x8000_0000 != 0 => {
                skip(stream, length)?;
                return Err(match kind {
                    0x8000_0005 => Refusal::Tls,
                    0x8000_0006 => Refusal::Unknown,
                    kind => Refusal::Error(kind),
                });
            }
            _ => return Err(Refusal::Protocol("a reply of an unknown kind")),
        }
    }
    Err(Refusal::Protocol("too many replies"))
}

/// The head of a reply: its kind, and how many bytes follow.
fn reply(stream: &mut impl Read, option: u32) -> Result<(u32, u32)> {
    if u64_from(stream)? != REPLY {
        return Err(Refusal::Protocol("that is no reply"));
    }
    if u32_from(stream)? != option {
        return Err(Refusal::Protocol("a reply to what was not asked"));
    }
    let (kind, length) = (u32_from(stream)?, u32_from(stream)?);
    if length > MAX_REPLY {
        return Err(Refusal::Protocol("a reply that is too long"));
    }
    Ok((kind, length))
}

fn information(
    stream: &mut impl Read,
    length: u32,
    export: &mut Option<(u64, u16)>,
    block: &mut Option<u32>,
) -> Result<()> {
    let rest = length
        .checked_sub(2)
        .ok_or(Refusal::Protocol("information that is too short"))?;
    match (u16_from(stream)?, rest) {
        (INFO_EXPORT, 10) => *export = Some((u64_from(stream)?, u16_from(stream)?)),
        (INFO_BLOCK_SIZE, 12) => {
            *block = Some(u32_from(stream)?);
            skip(stream, 8)?;
        }
        (INFO_EXPORT | INFO_BLOCK_SIZE, _) => {
            return Err(Refusal::Protocol("information of a wrong length"));
        }
        (_, rest) => skip(stream, rest)?,
    }
    Ok(())
}

/// The older option: a server without such an export closes the connection.
fn export_name(stream: &mut (impl Read + Write), name: &[u8], zeroes: bool) -> Result<Export> {
    option(stream, OPT_EXPORT_NAME, &[name])?;
    let size = match u64_from(stream) {
        Err(Refusal::Io(err)) if err.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(Refusal::Unknown);
        }
        size => size?,
    };
    let flags = u16_from(stream)?;
    if zeroes {
        skip(stream, 124)?;
    }
    checked(Export {
        size,
        flags,
        block: None,
    })
}

fn checked(export: Export) -> Result<Export> {
    if export.flags & HAS_FLAGS == 0 {
        return Err(Refusal::Protocol("an export without flags"));
    }
    match export.block {
        Some(block) if !block.is_power_of_two() || block > 1 << 16 => {
            Err(Refusal::Protocol("blocks of an impossible size"))
        }
        _ => Ok(export),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A server that says what it says, whatever it hears; then it closes the connection.
    struct Scripted {
        says: io::Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Scripted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Scripted {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            self.heard.extend(buffer);
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn with(says: &[u8], name: &[u8]) -> (Result<Export>, Vec<u8>, usize) {
        let mut server = Scripted {
            says: io::Cursor::new(says.to_vec()),
            heard: Vec::new(),
        };
        let result = negotiate(&mut server, name);
        let left = says.len() - server.says.position() as usize;
        (result, server.heard, left)
    }

    fn outcome(says: &[u8]) -> String {
        match with(says, b"x").0 {
            Ok(export) => format!("{} {:#x} {:?}", export.size, export.flags, export.block),
            Err(refusal) => refusal.to_string(),
        }
    }

    fn hello(flags: u16) -> Vec<u8> {
        [&b"NBDMAGICIHAVEOPT"[..], &flags.to_be_bytes()].concat()
    }

    fn answer(option: u32, kind: u32, length: u32, data: &[u8]) -> Vec<u8> {
        let numbers = [option, kind, length].map(u32::to_be_bytes).concat();
        [&REPLY.to_be_bytes()[..], &numbers, data].concat()
    }

    fn go(kind: u32, data: &[u8]) -> Vec<u8> {
        answer(OPT_GO, kind, data.len() as u32, data)
    }

    fn export(size: u64, flags: u16) -> Vec<u8> {
        [&[0, 0][..], &size.to_be_bytes(), &flags.to_be_bytes()].concat()
    }

    fn block(size: u32) -> Vec<u8> {
        [
            &[0, 3][..],
            &[size, 4096, 1 << 20].map(u32::to_be_bytes).concat(),
        ]
        .concat()
    }

    #[test]
    fn agreed() {
        let says = [
            hello(3),
            go(REP_INFO, &[0, 1, b'n', b'a', b'm', b'e']),
            go(REP_INFO, &block(512)),
            go(REP_INFO, &export(1 << 40, 0x101)),
            go(REP_ACK, &[]),
            b"what comes next".to_vec(),
        ]
        .concat();
        let (result, heard, left) = with(&says, b"name");
        assert_eq!(
            result.unwrap(),
            Export {
                size: 1 << 40,
                flags: 0x101,
                block: Some(512)
            }
        );
        // Nothing of the requests' was read.
        assert_eq!(left, 15);
        let said = b"\0\0\0\x03IHAVEOPT\0\0\0\x07\0\0\0\x0c\0\0\0\x04name\0\x01\0\x03";
        assert_eq!(heard, said);
    }

    #[test]
    fn older_servers() {
        // It does not know the option.
        let old = go(ERR_UNSUPPORTED, b"what?");
        let size = [&(1u64 << 20).to_be_bytes()[..], &[0, 1]].concat();
        let says = [hello(3), old.clone(), size.clone()].concat();
        assert_eq!(outcome(&says), "1048576 0x1 None");
        // With zeroes.
        let says = [hello(1), old.clone(), size.clone(), vec![0; 124]].concat();
        assert_eq!(outcome(&says), "1048576 0x1 None");
        let says = [hello(1), old, size.clone(), vec![0; 123]].concat();
        assert_eq!(outcome(&says), "the server has closed the connection");
        // Not fixed: nothing else is asked.
        let (result, heard, _) = with(&[hello(0), size, vec![0; 124]].concat(), b"x");
        assert_eq!(result.unwrap().size, 1 << 20);
        assert_eq!(heard, b"\0\0\0\0IHAVEOPT\0\0\0\x01\0\0\0\x01x");
        assert_eq!(outcome(&hello(0)), "the server has no such export");
    }

    #[test]
    fn refused() {
        let refused = |kind: u32| with(&[hello(3), go(kind, b"no")].concat(), b"x");
        let (result, heard, _) = refused(0x8000_0005);
        assert!(result.unwrap_err().to_string().contains("TLS"));
        assert!(heard.ends_with(b"IHAVEOPT\0\0\0\x02\0\0\0\0"), "no abort");
        assert!(matches!(refused(0x8000_0006).0, Err(Refusal::Unknown)));
        assert!(matches!(
            refused(0x8000_0008).0,
            Err(Refusal::Error(0x8000_0008))
        ));
        assert!(matches!(
            refused(0xffff_ffff).0,
            Err(Refusal::Error(0xffff_ffff))
        ));
    }

    #[test]
    fn malformed() {
        let rep = |bytes: &[u8]| outcome(&[hello(3), bytes.to_vec()].concat());
        let info = |data: &[u8]| rep(&go(REP_INFO, data));
        assert_eq!(
            outcome(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
            "that is no NBD server"
        );
        assert_eq!(outcome(b"NBDMAGICNBDMAGIC\0\x03"), "that is no NBD server");
        let old = [&b"NBDMAGIC"[..], &OLD_STYLE.to_be_bytes(), &[0; 136]].concat();
        assert!(outcome(&old).contains("oldstyle"));
        for (got, part) in [
            (rep(&[0; 20]), "no reply"),
            (rep(&answer(3, REP_ACK, 0, &[])), "not asked"),
            (rep(&answer(OPT_GO, REP_INFO, u32::MAX, &[])), "too long"),
            (
                rep(&answer(OPT_GO, 0x8000_0001, MAX_REPLY + 1, &[])),
                "too long",
            ),
            (rep(&go(2, &[])), "unknown kind"),
            (rep(&go(REP_ACK, &[])), "how large"),
            (info(&[]), "too short"),
            (info(&[0]), "too short"),
            (info(&[0, 0]), "wrong length"),
            (info(&export(1, 1)[..11]), "wrong length"),
            (info(&[export(1, 1), vec![0]].concat()), "wrong length"),
            (info(&block(512)[..13]), "wrong length"),
        ] {
            assert!(
                got.starts_with("the server breaks") && got.contains(part),
                "{got}: {part}"
            );
        }
        let done = |infos: &[Vec<u8>]| {
            let infos: Vec<_> = infos.iter().map(|data| go(REP_INFO, data)).collect();
            rep(&[infos.concat(), go(REP_ACK, &[])].concat())
        };
        assert!(done(&[export(1, 0)]).contains("without flags"));
        for size in [0, 3, 1 << 17, u32::MAX] {
            assert!(
                done(&[export(1, 1), block(size)]).contains("impossible"),
                "{size}"
            );
        }
        let many = vec![vec![0, 9]; MAX_REPLIES as usize];
        assert!(done(&many).contains("too many"));
    }

    #[test]
    fn cut_anywhere() {
        let says = [
            hello(3),
            go(REP_INFO, &export(1 << 20, 1)),
            go(REP_ACK, &[]),
        ]
        .concat();
        for length in 0..says.len() {
            assert_eq!(
                outcome(&says[..length]),
                "the server has closed the connection",
                "{length}"
            );
        }
        assert_eq!(outcome(&says), "1048576 0x1 None");
    }

    proptest! {
        #[test]
        fn any_server(says: Vec<u8>) {
            prop_assert!(with(&says, b"x").0.is_err());
        }

        #[test]
        fn any_replies(
            flags: u16,
            replies in prop::collection::vec(
                (prop_oneof![Just(REP_ACK), Just(REP_INFO), any::<u32>()], prop::collection::vec(any::<u8>(), 0..20)),
                0..8,
            ),
            tail: Vec<u8>,
        ) {
            let replies: Vec<_> = replies.iter().map(|(kind, data)| go(*kind, data)).collect();
            let says = [hello(flags), replies.concat(), tail].concat();
            let (result, heard, _) = with(&says, b"export");
            if let Ok(export) = result {
                prop_assert!(export.flags & HAS_FLAGS != 0);
                prop_assert!(export.block.is_none_or(u32::is_power_of_two));
            }
            prop_assert!(heard.len() < 100);
        }
    }
}
