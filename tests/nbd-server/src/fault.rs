// SPDX-License-Identifier: GPL-2.0
//! Ways to misbehave, and when.

use crate::protocol::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is done to a request instead of answering it well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The reply says error number `value`.
    Error,
    /// The same, with the payload that a good reply to a read has.
    ErrorWithPayload,
    /// The reply starts with `value`.
    WrongMagic,
    /// A chunk of a structured reply that claims `value` bytes.
    Structured,
    /// The reply's cookie has the bits of `value` flipped.
    WrongCookie,
    /// A good reply, and `value` replies later the same once more.
    LateDuplicate,
    /// A good reply, twice in a row.
    Duplicate,
    /// Before the good reply, one with the cookie `value`.
    Unsolicited,
    /// The reply comes over another connection, if there is one.
    OtherConnection,
    /// `value` bytes of the reply, then the connection is closed.
    Short,
    /// `value` bytes of the reply, and nothing more, until the client hangs up.
    Stall,
    /// A good reply in pieces of one byte.
    Drip,
    /// A good reply, but nothing after it: this direction is shut.
    HalfClose,
    /// No reply, ever.
    Never,
    /// The connection is closed instead.
    Close,
    /// The reply is sent when the header has been read, before the payload.
    Early,
    /// Nothing is read for `value` ms.
    Deaf,
    /// The connection is closed when `value` bytes of the payload have come.
    Cut,
    /// The reply is followed by `value` bytes of rubbish.
    Trailing,
}

const KINDS: [(&str, Kind, u64); 19] = [
    ("error", Kind::Error, 5),
    ("error-with-payload", Kind::ErrorWithPayload, 5),
    ("wrong-magic", Kind::WrongMagic, 0x1256_0953),
    ("structured", Kind::Structured, 1 << 30),
    ("wrong-cookie", Kind::WrongCookie, u64::MAX),
    ("late-duplicate", Kind::LateDuplicate, 5),
    ("duplicate", Kind::Duplicate, 0),
    ("unsolicited", Kind::Unsolicited, 0),
    ("other-connection", Kind::OtherConnection, 0),
    ("short", Kind::Short, 20),
    ("stall", Kind::Stall, 20),
    ("drip", Kind::Drip, 0),
    ("half-close", Kind::HalfClose, 0),
    ("never", Kind::Never, 0),
    ("close", Kind::Close, 0),
    ("early", Kind::Early, 0),
    ("deaf", Kind::Deaf, 1000),
    ("cut", Kind::Cut, 100),
    ("trailing", Kind::Trailing, 16),
];

/// A fault and the requests that it strikes.
#[derive(Debug)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// A number whose meaning depends on the kind.
    pub value: u64,
    command: Option<Command>,
    after: u64,
    every: u64,
    times: u64,
    seen: AtomicU64,
}

fn number(text: &str) -> Result<u64, String> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    }
    .map_err(|e| format!("{text}: {e}"))
}

impl std::str::FromStr for Fault {
    type Err = String;

    /// `KIND[,cmd=NAME][,after=N][,every=N][,times=N][,value=N]`: the first `after`
    /// requests (0) of that command (any but disc) are spared; of the others each
    /// `every`th (1) is struck, `times` in all (1; 0: no end).
    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(',');
        let name = words.next().unwrap_or_default();
        let (_, kind, value) = KINDS
            .into_iter()
            .find(|(n, ..)| *n == name)
            .ok_or_else(|| format!("no fault {name}"))?;
        let mut fault = Self {
            kind,
            value,
            command: None,
            after: 0,
            every: 1,
            times: 1,
            seen: AtomicU64::new(0),
        };
        for word in words {
            match word.split_once('=') {
                Some(("cmd", "any")) => fault.command = None,
                Some(("cmd", c)) => {
                    fault.command = Some(Command::named(c).ok_or(format!("no command {c}"))?);
                }
                Some(("after", n)) => fault.after = number(n)?,
                Some(("every", n)) => fault.every = number(n)?.max(1),
                Some(("times", n)) => fault.times = number(n)?,
                Some(("value", n)) => fault.value = number(n)?,
                _ => return Err(format!("not understood: {word}")),
            }
        }
        Ok(fault)
    }
}

impl Fault {
    /// Whether it strikes this request, which it counts.
    pub fn strikes(&self, command: Option<Command>) -> bool {
        if command == Some(Command::Disconnect) || self.command.is_some_and(|c| Some(c) != command)
        {
            return false;
        }
        let n = self.seen.fetch_add(1, Ordering::Relaxed);
        let Some(n) = n.checked_sub(self.after) else {
            return false;
        };
        n % self.every == 0 && (self.times == 0 || n / self.every < self.times)
    }
}
