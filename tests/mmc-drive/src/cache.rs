// SPDX-License-Identifier: GPL-2.0-or-later
//! What a drive has accepted and not yet put on the disc.

use crate::disc::Packet;
use std::collections::VecDeque;

/// Packets in memory that a power cut loses.
#[derive(Debug)]
pub struct Cache {
    /// How many fit; with none of them all writes go to the disc at once.
    pub limit: usize,
    packets: VecDeque<(u32, Packet)>,
}

impl Cache {
    /// An empty cache.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            packets: VecDeque::new(),
        }
    }

    /// How many packets it holds.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether all is on the disc.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// A packet, if it is there.
    pub fn get(&self, number: u32) -> Option<Packet> {
        let found = self.packets.iter().find(|(n, _)| *n == number)?;
        Some(found.1.clone())
    }

    /// Takes a packet out.
    pub fn remove(&mut self, number: u32) {
        self.packets.retain(|(n, _)| *n != number);
    }

    /// Adds or replaces a packet.
    pub fn put(&mut self, number: u32, packet: Packet) {
        self.remove(number);
        self.packets.push_back((number, packet));
    }

    /// The packet that must go to the disc to make room, the oldest.
    pub fn evict(&mut self) -> Option<(u32, Packet)> {
        if self.packets.len() > self.limit {
            self.packets.pop_front()
        } else {
            None
        }
    }

    /// Takes all packets out.
    pub fn drain(&mut self) -> Vec<(u32, Packet)> {
        self.packets.drain(..).collect()
    }
}
