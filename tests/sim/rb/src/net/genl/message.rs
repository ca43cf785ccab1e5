// SPDX-License-Identifier: GPL-2.0

//! Messages that are sent.

use kernel::{
    prelude::*,
    sim::{
        self,
        faults::Allocation, //
    },
};
use std::marker::PhantomData;

/// Room for attributes if nothing else is said, in bytes.
pub(super) const USUAL_ROOM: usize = 3700;

/// The length of the header of an attribute.
const HEADER: usize = 4;

/// A message that attributes are put into, at its end.
pub struct Message<'m> {
    bytes: Vec<u8>,
    room: usize,
    _p: PhantomData<fn(&'m ()) -> &'m ()>,
}

impl Message<'_> {
    fn put(&mut self, kind: u16, payload: &[u8]) -> Result {
        let len = HEADER + payload.len();
        if self.bytes.len() + len.next_multiple_of(HEADER) > self.room {
            return Err(EMSGSIZE);
        }
        self.bytes.extend((len as u16).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(payload);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(HEADER), 0);
        Ok(())
    }

    /// Puts a number in, in one byte. Fails with `EMSGSIZE` if there is no room; so do all.
    pub fn put_u8(&mut self, kind: u16, value: u8) -> Result {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Puts a number in, in four bytes.
    pub fn put_u32(&mut self, kind: u16, value: u32) -> Result {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Puts an attribute in that holds those that `fill` puts in; nothing at all if that fails.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self) -> Result) -> Result {
        let start = self.bytes.len();
        self.put(kind, &[])?;
        let len =
            fill(self).and_then(|()| u16::try_from(self.bytes.len() - start).map_err(|_| EMSGSIZE));
        match len {
            Ok(len) => {
                let place = self.bytes.get_mut(start..start + 2);
                place.ok_or(EMSGSIZE)?.copy_from_slice(&len.to_ne_bytes());
                Ok(())
            }
            Err(err) => {
                self.bytes.truncate(start);
                Err(err)
            }
        }
    }
}

/// Makes a message with `room` bytes for attributes.
pub(super) fn make(room: usize, fill: impl FnOnce(&mut Message<'_>) -> Result) -> Result<Vec<u8>> {
    if !sim::faults::allocate(Allocation::Kernel) {
        return Err(ENOMEM);
    }
    let mut message = Message {
        bytes: Vec::new(),
        room,
        _p: PhantomData,
    };
    fill(&mut message)?;
    Ok(message.bytes)
}
