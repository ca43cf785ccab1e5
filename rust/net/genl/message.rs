// SPDX-License-Identifier: GPL-2.0

//! Messages that are sent.

use crate::bindings;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A message that attributes are put into, at its end.
///
/// It is one of its own for `'m`, so that two of them cannot be mistaken for each other.
///
/// # Invariants
///
/// The pointer is a valid socket buffer that nobody else uses for `'m`, and that holds one message
/// that is not ended. All values with this `'m` are for this buffer.
pub struct Message<'m>(NonNull<bindings::sk_buff>, Brand<'m>);

/// Invariant in `'m`: neither can be made of another.
type Brand<'m> = PhantomData<fn(&'m ()) -> &'m ()>;

impl Message<'_> {
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

        let result = fill(self).and_then(|()| {
            // SAFETY: By the type invariant, this is still the same buffer, which nobody has ended
            // or freed; `start` is in it.
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

/// A message that can be sent.
///
/// # Invariants
///
/// `self.0` is a socket buffer that `self` owns, and that holds one message, or none.
pub(super) struct OwnedMessage(NonNull<bindings::sk_buff>);

impl OwnedMessage {
    /// Makes a message in reply to a request.
    ///
    /// # Safety
    ///
    /// `info` must be that of a request that is being handled.
    pub(super) unsafe fn reply(
        info: *mut bindings::genl_info,
        room: usize,
        cmd: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
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
        fill: impl FnOnce(&mut Message<'_>) -> Result,
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
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result<Self> {
        // SAFETY: FFI call without preconditions but a context that may sleep.
        let skb = unsafe { bindings::genlmsg_new(room, bindings::GFP_KERNEL) };
        // INVARIANT: The buffer is ours.
        let owned = Self(NonNull::new(skb).ok_or(ENOMEM)?);
        let header = put_header(skb);
        if header.is_null() {
            return Err(EMSGSIZE);
        }

        // INVARIANT: The buffer is ours, and has a message. `fill` works for every lifetime, so this
        // one is that of no other message.
        fill(&mut Message(owned.0, PhantomData))?;
        // SAFETY: `header` is in this buffer, which `owned` still owns: what `fill` got has a lifetime of
        // its own, so it cannot have been exchanged for another. Nothing that puts attributes in makes
        // the buffer larger, so its bytes are where they were.
        unsafe { bindings::genlmsg_end(skb, header) };
        Ok(owned)
    }

    pub(super) fn into_skb(self) -> NonNull<bindings::sk_buff> {
        ManuallyDrop::new(self).0
    }
}

impl Drop for OwnedMessage {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the buffer is ours.
        unsafe { bindings::nlmsg_free(self.0.as_ptr()) };
    }
}
