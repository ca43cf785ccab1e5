// SPDX-License-Identifier: GPL-2.0

//! Writes of a lower device that takes whole packets only.
//!
//! Each write is one packet, begins where a packet begins, and no packet is written twice at a
//! time.

use std::cell::{
    Cell,
    RefCell, //
};

/// What is known of the writes of a device.
#[derive(Debug, Default)]
pub struct Packets {
    /// Sectors of a packet, and where the first one begins.
    geometry: Cell<(u64, u64)>,
    /// The writes under way: first sector and length.
    under_way: RefCell<Vec<(u64, u64)>>,
}

impl Packets {
    /// Sets the sectors of a packet, and the sector where the first one begins.
    pub fn expect(&self, sectors: u64, offset: u64) {
        self.geometry.set((sectors, offset));
    }

    /// Notes that a write begins, and returns what is wrong with it.
    pub fn begin(&self, first: u64, count: u64) -> Result<(), String> {
        let mut under_way = self.under_way.borrow_mut();
        let overlap = |&(other, n): &(u64, u64)| other < first + count && first < other + n;
        let again = under_way.iter().any(overlap);
        under_way.push((first, count));
        if again {
            return Err(format!("two writes of sector {first} are under way"));
        }
        if self.is_packet(first, count) {
            return Ok(());
        }
        let (sectors, offset) = self.geometry.get();
        Err(format!(
            "{count} sectors are written at {first}; packets have {sectors}, and begin at {offset}"
        ))
    }

    /// Notes that a write has ended; returns what is wrong with that.
    pub fn end(&self, first: u64, count: u64) -> Result<(), String> {
        let mut under_way = self.under_way.borrow_mut();
        let at = under_way.iter().position(|write| *write == (first, count));
        let at =
            at.ok_or_else(|| format!("a write of sector {first} ends that is not under way"))?;
        under_way.remove(at);
        Ok(())
    }

    /// Returns how many writes are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.borrow().len()
    }

    fn is_packet(&self, first: u64, count: u64) -> bool {
        let (sectors, offset) = self.geometry.get();
        let into = first
            .checked_sub(offset)
            .and_then(|at| at.checked_rem(sectors));
        count == sectors && into == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Packets {
        let packets = Packets::default();
        packets.expect(16, 4);
        packets
    }

    #[test]
    fn whole_packets_are_fine() {
        let packets = judge();
        for first in [4, 20, 36] {
            assert_eq!(packets.begin(first, 16), Ok(()));
        }
        assert_eq!(packets.end(20, 16), Ok(()));
        assert_eq!(packets.begin(20, 16), Ok(()));
        assert_eq!(packets.under_way(), 3);
    }

    #[test]
    fn what_is_no_packet_is_told() {
        for (first, count) in [(4, 8), (4, 32), (5, 16), (0, 16), (16, 16), (4, 0)] {
            assert!(judge().begin(first, count).is_err(), "{count} at {first}");
        }
        // Nothing is known of the packets of a device that nobody may write.
        assert!(Packets::default().begin(0, 16).is_err());
    }

    #[test]
    fn a_packet_is_written_once_at_a_time() {
        let packets = judge();
        assert_eq!(packets.begin(20, 16), Ok(()));
        assert!(packets.begin(20, 16).is_err());
    }

    #[test]
    fn a_write_ends_once() {
        let packets = judge();
        assert_eq!(packets.begin(20, 16), Ok(()));
        assert_eq!(packets.end(20, 16), Ok(()));
        assert!(packets.end(20, 16).is_err());
    }
}
