// SPDX-License-Identifier: GPL-2.0-or-later
//! How fast a drive is.

use crate::medium::Medium;

/// Speeds in kB/s. What the host wishes stays when the disc is changed, until a reset.
#[derive(Clone, Copy, Debug)]
pub struct Speeds {
    wished: (u32, u32),
    fastest: u16,
}

impl Speeds {
    /// As fast as can be.
    pub fn new(medium: Option<&Medium>) -> Self {
        let mut speeds = Self {
            wished: (u32::MAX, u32::MAX),
            fastest: 0,
        };
        speeds.adapt(medium);
        speeds
    }

    /// Another disc has other limits.
    pub(super) fn adapt(&mut self, medium: Option<&Medium>) {
        self.fastest = medium.map_or(1764, |medium| medium.kind.speed());
    }

    pub(super) fn fastest(&self) -> u16 {
        self.fastest
    }

    pub(super) fn read(&self) -> u16 {
        self.limited(self.wished.0)
    }

    pub(super) fn write(&self) -> u16 {
        self.limited(self.wished.1)
    }

    fn limited(&self, wished: u32) -> u16 {
        wished.min(self.fastest.into()) as u16
    }

    pub(super) fn set(&mut self, read: u32, write: u32) {
        // The highest number means: as fast as can be.
        let wish = |speed| if speed == 0xffff { u32::MAX } else { speed };
        self.wished = (wish(read), wish(write));
    }
}
