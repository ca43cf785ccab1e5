// SPDX-License-Identifier: GPL-2.0

//! A request, and its attributes.

use super::{
    message::OwnedMessage,
    Message, //
};
use crate::{
    bindings,
    net::attr::{
        RawAttr,
        RawAttrs, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A request that is being handled.
///
/// # Invariants
///
/// `info` is valid for `'a`, with the attributes of a message that has been parsed; it is used by
/// the current thread only.
pub struct Info<'a> {
    info: NonNull<bindings::genl_info>,
    _p: PhantomData<&'a bindings::genl_info>,
}

impl Info<'_> {
    /// Borrows a raw one.
    ///
    /// # Safety
    ///
    /// `info` must satisfy the invariants of [`Info`], during the lifetime that is made up here.
    pub(super) unsafe fn from_raw(info: *mut bindings::genl_info) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            // SAFETY: By the requirements of this function, it is not null.
            info: unsafe { NonNull::new_unchecked(info) },
            _p: PhantomData,
        }
    }

    pub(super) fn family(&self) -> *const bindings::genl_family {
        // SAFETY: By the type invariant.
        unsafe { bindings::genl_info_family(self.info.as_ptr()) }
    }

    /// Returns the number of the command.
    pub fn command(&self) -> u8 {
        // SAFETY: By the type invariant.
        unsafe { bindings::genl_info_cmd(self.info.as_ptr()) }
    }

    /// Returns the attribute of type `kind` at the top level, if the request has it.
    ///
    /// If it is there several times, this is the last.
    pub fn attr(&self, kind: u16) -> Option<Attr<'_>> {
        // SAFETY: By the type invariant; C looks whether there is such a type.
        let attr = unsafe { bindings::genl_info_attr(self.info.as_ptr(), kind) };
        if attr.is_null() {
            return None;
        }
        // SAFETY: By the type invariant, it is an attribute of the message.
        let len = usize::try_from(unsafe { bindings::nla_len(attr) }).ok()?;
        // SAFETY: As above.
        let data = unsafe { bindings::nla_data(attr) };
        // SAFETY: The payload is in the message, which outlives `self`, and does not change.
        let payload = unsafe { core::slice::from_raw_parts(data.cast(), len) };
        Some(Attr(RawAttr { kind, payload }))
    }

    /// Sends a reply of command `cmd`, with up to some 3 KiB of attributes, which `fill` puts in.
    ///
    /// Fails with [`EMSGSIZE`] if they are more, and as `fill` does; else with errors that only
    /// mean that the program does not listen any more.
    pub fn reply(&self, cmd: u8, fill: impl FnOnce(&mut Message<'_>) -> Result) -> Result {
        self.reply_with_room(bindings::GENLMSG_DEFAULT_SIZE, cmd, fill)
    }

    /// As [`Info::reply`], with `room` bytes for attributes, headers and padding included.
    pub fn reply_with_room(
        &self,
        room: usize,
        cmd: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        let info = self.info.as_ptr();
        // SAFETY: By the type invariant, `info` is that of a request.
        let message = unsafe { OwnedMessage::reply(info, room, cmd, fill) }?;
        // SAFETY: By the type invariant; the message is complete, and given away.
        to_result(unsafe { bindings::genlmsg_reply(message.into_skb().as_ptr(), info) })
    }
}

/// An attribute of a request.
#[derive(Clone, Copy)]
pub struct Attr<'a>(RawAttr<'a>);

impl<'a> Attr<'a> {
    /// Returns the type.
    pub fn kind(&self) -> u16 {
        self.0.kind
    }

    /// Returns the first byte; [`EINVAL`] if there is none.
    pub fn u8(&self) -> Result<u8> {
        self.0.first().map(u8::from_ne_bytes).ok_or(EINVAL)
    }

    /// Returns the first four bytes as a number; [`EINVAL`] if there are less.
    pub fn u32(&self) -> Result<u32> {
        self.0.first().map(u32::from_ne_bytes).ok_or(EINVAL)
    }

    /// Returns the first eight bytes as a number; [`EINVAL`] if there are less.
    pub fn u64(&self) -> Result<u64> {
        self.0.first().map(u64::from_ne_bytes).ok_or(EINVAL)
    }

    /// Returns the bytes up to the first NUL, or all of them.
    pub fn str(&self) -> Result<&'a [u8]> {
        Ok(self.0.string())
    }

    /// Returns the attributes within this one.
    pub fn nested(&self) -> AttrIter<'a> {
        AttrIter(self.0.nested())
    }
}

/// An iterator over attributes that follow one another.
///
/// It ends where what is left is no attribute.
#[derive(Clone)]
pub struct AttrIter<'a>(RawAttrs<'a>);

impl<'a> Iterator for AttrIter<'a> {
    type Item = Attr<'a>;

    fn next(&mut self) -> Option<Attr<'a>> {
        self.0.next().map(Attr)
    }
}
