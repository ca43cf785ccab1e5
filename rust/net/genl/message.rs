// SPDX-License-Identifier: GPL-2.0

//! Messages that are sent.

use crate::bindings;
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A message that attributes are put into, at its end.
///
/// # Invariants
///
/// `self.0` is a socket buffer that `self` owns, and that holds one message, all of it.
pub struct Message(NonNull<bindings::sk_buff>);

impl Message {
    /// Makes a message in reply to a request.
    ///
    /// # Safety
    ///
    /// `info` must be that of a request that is being handled.
    pub(super) unsafe fn reply(
        info: *mut bindings::genl_info,
        room: usize,
        cmd: u8,
        fill: impl FnOnce(&mut Self) -> Result,
    ) -> Result<Self> {
        Self::new(
            room,
            // SAFETY: By the requirements of this function; `skb` is valid.
            |skb| unsafe { bindings::genlmsg_put_reply(skb, info, cmd) },
            fill,
        )
    }

    /// Makes a message that nobody asked for.
    ///
    /// # Safety
    ///
    /// `family` must be registered.
    pub(super) unsafe fn event(
        family: *const bindings::genl_family,
        cmd: u8,
        fill: impl FnOnce(&mut Self) -> Result,
    ) -> Result<Self> {
        Self::new(
            bindings::GENLMSG_DEFAULT_SIZE,
            // SAFETY: By the requirements of this function; `skb` is valid.
            |skb| unsafe { bindings::genlmsg_put(skb, 0, 0, family, 0, cmd) },
            fill,
        )
    }

    fn new(
        room: usize,
        put_header: impl FnOnce(*mut bindings::sk_buff) -> *mut c_void,
        fill: impl FnOnce(&mut Self) -> Result,
    ) -> Result<Self> {
        // SAFETY: FFI call without preconditions but a context that may sleep.
        let skb = unsafe { bindings::genlmsg_new(room, bindings::GFP_KERNEL) };
        // INVARIANT: The buffer is ours; its message follows.
        let mut message = Self(NonNull::new(skb).ok_or(ENOMEM)?);
        let header = put_header(skb);
        if header.is_null() {
            return Err(EMSGSIZE);
        }

        fill(&mut message)?;
        message.check(skb)?;
        // SAFETY: `header` is in this buffer, which does not move.
        unsafe { bindings::genlmsg_end(skb, header) };
        Ok(message)
    }

    /// Fails unless this is still the message in `skb`: they can be swapped, if there are two.
    fn check(&self, skb: *mut bindings::sk_buff) -> Result {
        if self.0.as_ptr() == skb {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    pub(super) fn into_skb(self) -> NonNull<bindings::sk_buff> {
        ManuallyDrop::new(self).0
    }

    fn put(&mut self, kind: u16, payload: &[u8]) -> Result {
        let len = c_int::try_from(payload.len())?;
        let data = payload.as_ptr().cast();
        // SAFETY: By the type invariant; C looks whether there is room.
        to_result(unsafe { bindings::nla_put(self.0.as_ptr(), kind.into(), len, data) })
    }

    /// Puts a number in, in one byte. Fails with [`EMSGSIZE`] if there is no room; so do all.
    pub fn put_u8(&mut self, kind: u16, value: u8) -> Result {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Puts a number in, in four bytes.
    pub fn put_u32(&mut self, kind: u16, value: u32) -> Result {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Puts an attribute in that holds those that `fill` puts in; nothing at all if that fails.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self) -> Result) -> Result {
        let skb = self.0.as_ptr();
        // SAFETY: By the type invariant; C looks whether there is room.
        let start = unsafe { bindings::nla_nest_start_noflag(skb, kind.into()) };
        if start.is_null() {
            return Err(EMSGSIZE);
        }

        let filled = fill(self);
        self.check(skb)?;
        let result = filled.and_then(|()| {
            // SAFETY: By the type invariant; `start` is in this message.
            let end = unsafe { bindings::nla_nest_end_safe(skb, start) };
            to_result(end.min(0))
        });
        if result.is_err() {
            // SAFETY: As above; all that comes after it is of the attribute.
            unsafe { bindings::nla_nest_cancel(skb, start) };
        }
        result
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the buffer is ours.
        unsafe { bindings::nlmsg_free(self.0.as_ptr()) };
    }
}
