// SPDX-License-Identifier: GPL-2.0

//! Tags in the order in which their requests are to be sent.

use core::ops::DerefMut;

/// A queue of tags in a buffer that is as long as there are tags, so that it is never too short.
#[derive(Debug)]
pub struct Fifo<B> {
    buffer: B,
    head: usize,
    len: usize,
}

impl<B: DerefMut<Target = [u16]>> Fifo<B> {
    /// Makes an empty queue.
    pub fn new(buffer: B) -> Self {
        Self {
            buffer,
            head: 0,
            len: 0,
        }
    }

    /// Returns whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a tag; returns whether there was room.
    #[inline]
    pub fn push(&mut self, tag: u16) -> bool {
        let buffer = &mut *self.buffer;
        if self.len >= buffer.len() {
            return false;
        }
        let end = wrap(self.head.wrapping_add(self.len), buffer.len());
        if let Some(place) = buffer.get_mut(end) {
            *place = tag;
            self.len = self.len.wrapping_add(1);
        }
        true
    }

    /// Takes the tag that has waited longest.
    #[inline]
    pub fn pop(&mut self) -> Option<u16> {
        if self.len == 0 {
            return None;
        }
        let buffer = &*self.buffer;
        let tag = *buffer.get(self.head)?;
        self.head = wrap(self.head.wrapping_add(1), buffer.len());
        self.len = self.len.wrapping_sub(1);
        Some(tag)
    }

    /// Forgets all tags.
    pub fn clear(&mut self) {
        self.len = 0;
    }
}

/// Brings a place that lies less than a whole round too far back into the buffer.
#[inline]
fn wrap(place: usize, len: usize) -> usize {
    if place >= len {
        place.wrapping_sub(len)
    } else {
        place
    }
}
