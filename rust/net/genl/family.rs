// SPDX-License-Identifier: GPL-2.0

//! What a family understands, and what it does.

use super::info::Info;
use crate::bindings;
use kernel::prelude::*;

/// What an attribute has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// At least 1 byte.
    U8,
    /// At least 4 bytes.
    U32,
    /// At least 8 bytes.
    U64,
    /// Any bytes; a string that ends with the attribute, or a NUL before.
    String,
    /// Attributes.
    Nested,
}

impl Policy {
    pub(super) fn as_raw(self) -> u8 {
        match self {
            Self::U8 => bindings::NLA_U8,
            Self::U32 => bindings::NLA_U32,
            Self::U64 => bindings::NLA_U64,
            Self::String => bindings::NLA_STRING,
            Self::Nested => bindings::NLA_NESTED,
        }
    }
}

/// A command that programs send.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its number; not 0.
    pub number: u8,
    /// Whether it takes `CAP_SYS_ADMIN` in the first user namespace.
    pub admin: bool,
}

/// A generic netlink family: what it understands, and what it does.
///
/// It is there in every network namespace. Attributes that it does not know are ignored, and so is
/// what follows the payload of those it knows.
///
/// # Examples
///
/// ```
/// # use rb::net::genl::{Command, Family, Info, Policy, Registration};
/// # struct Control;
/// # impl Control {
/// #     fn resize(&self, pages: u32) -> Result<u32> {
/// #         Ok(pages)
/// #     }
/// # }
/// impl Family for Control {
///     const NAME: &'static CStr = c"cache";
///     const VERSION: u8 = 1;
///     const MAX_ATTR: u16 = 2;
///     const POLICY: &'static [(u16, Policy)] = &[(1, Policy::U32), (2, Policy::Nested)];
///     const COMMANDS: &'static [Command] = &[Command { number: 1, admin: true }];
///     const GROUPS: &'static [&'static CStr] = &[c"events"];
///
///     fn command(&self, _cmd: u8, info: &Info<'_>) -> Result {
///         let pages = info.attr(1).ok_or(EINVAL)?.u32()?;
///         let now = self.resize(pages)?;
///         info.reply(1, |message| message.put_u32(1, now))
///     }
/// }
///
/// let control = KBox::pin_init(Registration::new(Control), GFP_KERNEL)?;
/// control.multicast(0, 2, |message| message.put_u32(1, 7))?;
/// ```
pub trait Family: Sized + Send + Sync + 'static {
    /// The name that programs look for, of at most 15 bytes.
    const NAME: &'static CStr;
    /// The version of the protocol.
    const VERSION: u8;
    /// The greatest type of an attribute at the top level.
    const MAX_ATTR: u16;
    /// What the attributes at the top level have to look like; those not named are not checked.
    const POLICY: &'static [(u16, Policy)];
    /// The commands that programs send.
    const COMMANDS: &'static [Command];
    /// The names of the multicast groups, of at most 15 bytes each.
    const GROUPS: &'static [&'static CStr];

    /// Carries out command `cmd`, one of [`Family::COMMANDS`]; an error is what the program gets.
    ///
    /// It runs in the context of the program that asks, may sleep, and several may run at a time.
    /// As long as it does, no other family can be registered, and once one waits for that, nobody
    /// gets through: it should not take long.
    fn command(&self, cmd: u8, info: &Info<'_>) -> Result;
}
