// SPDX-License-Identifier: GPL-2.0

//! A request, and its attributes.

use super::message::{
    self,
    Message, //
};
use crate::net::attr::{
    RawAttr,
    RawAttrs, //
};
use kernel::prelude::*;
use std::cell::RefCell;

/// A request that is being handled.
pub struct Info<'a> {
    cmd: u8,
    attributes: &'a [u8],
    /// The greatest type that the family knows.
    greatest: u16,
    reply: RefCell<Vec<u8>>,
}

impl<'a> Info<'a> {
    pub(super) fn new(cmd: u8, attributes: &'a [u8], greatest: u16) -> Self {
        Self {
            cmd,
            attributes,
            greatest,
            reply: RefCell::default(),
        }
    }

    pub(super) fn all(&self, kind: u16) -> impl Iterator<Item = RawAttr<'a>> {
        let known = kind <= self.greatest;
        RawAttrs(self.attributes).filter(move |attribute| known && attribute.kind == kind)
    }

    pub(super) fn into_reply(self) -> Vec<u8> {
        self.reply.into_inner()
    }

    /// Returns the number of the command.
    pub fn command(&self) -> u8 {
        self.cmd
    }

    /// Returns the attribute of type `kind` at the top level, the last one.
    pub fn attr(&self, kind: u16) -> Option<Attr<'_>> {
        self.all(kind).last().map(Attr)
    }

    /// Sends a reply of command `cmd`, with what `fill` puts in.
    pub fn reply(&self, cmd: u8, fill: impl FnOnce(&mut Message<'_>) -> Result) -> Result {
        self.reply_with_room(message::USUAL_ROOM, cmd, fill)
    }

    /// As [`Info::reply`], with `room` bytes for attributes.
    pub fn reply_with_room(
        &self,
        room: usize,
        _cmd: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        *self.reply.borrow_mut() = message::make(room, fill)?;
        Ok(())
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

    /// Returns the first byte.
    pub fn u8(&self) -> Result<u8> {
        self.0.first().map(u8::from_ne_bytes).ok_or(EINVAL)
    }

    /// Returns the first four bytes as a number.
    pub fn u32(&self) -> Result<u32> {
        self.0.first().map(u32::from_ne_bytes).ok_or(EINVAL)
    }

    /// Returns the first eight bytes as a number.
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
#[derive(Clone)]
pub struct AttrIter<'a>(RawAttrs<'a>);

impl<'a> Iterator for AttrIter<'a> {
    type Item = Attr<'a>;

    fn next(&mut self) -> Option<Attr<'a>> {
        self.0.next().map(Attr)
    }
}
