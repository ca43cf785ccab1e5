// SPDX-License-Identifier: GPL-2.0

//! Generic netlink: requests and replies between programs and a driver, and its events.

#[allow(dead_code, reason = "the kernel uses the rest")]
#[path = "../../../../../rust/net/genl/family.rs"]
mod family;
mod info;
mod message;

pub use family::{
    Command,
    Family,
    Policy, //
};
pub use info::{
    Attr,
    AttrIter,
    Info, //
};
pub use message::Message;

use crate::sim::netlink::{
    self,
    Entry, //
};
use kernel::prelude::*;
use std::{
    ops::Deref,
    sync::Arc as Shared, //
};

/// A registered family. It is unregistered when this is dropped, which waits for the commands that run.
pub struct Registration<F: Family> {
    // Dropped first.
    _entry: Entry,
    data: Shared<F>,
}

impl<F: Family> Registration<F> {
    /// Returns an initializer that registers the family.
    #[allow(clippy::new_ret_no_self, reason = "as in the layer")]
    pub fn new(data: F) -> impl PinInit<Self, Error> {
        let data = Shared::new(data);
        let called = data.clone();
        let entry = netlink::add(
            F::NAME,
            Box::new(move |cmd, attributes| command(&*called, cmd, attributes)),
        );
        entry.map(|_entry| Self { _entry, data })
    }

    /// Returns what was registered.
    pub fn family(&self) -> &F {
        &self.data
    }

    /// Sends a message to those who listen to `group`.
    pub fn multicast(
        &self,
        group: u32,
        cmd: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        let group = F::GROUPS.get(group as usize).ok_or(EINVAL)?;
        let message = message::make(message::USUAL_ROOM, fill)?;
        netlink::tell(group, cmd, message);
        Ok(())
    }
}

impl<F: Family> Deref for Registration<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.data
    }
}

/// Carries a command out, as C does that comes from a program which may all; returns the reply.
fn command<F: Family>(family: &F, cmd: u8, attributes: &[u8]) -> Result<Vec<u8>> {
    if !F::COMMANDS.iter().any(|command| command.number == cmd) {
        return Err(EOPNOTSUPP);
    }
    for (kind, policy) in F::POLICY {
        let least = match policy {
            Policy::U8 => 1,
            Policy::U32 => 4,
            Policy::U64 => 8,
            Policy::String | Policy::Nested => 0,
        };
        let mut those = Info::new(cmd, attributes, F::MAX_ATTR).all(*kind);
        if those.any(|attribute| attribute.payload.len() < least) {
            return Err(ERANGE);
        }
    }
    let info = Info::new(cmd, attributes, F::MAX_ATTR);
    family.command(cmd, &info)?;
    Ok(info.into_reply())
}
