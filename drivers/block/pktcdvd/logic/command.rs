// SPDX-License-Identifier: GPL-2.0

//! The structure that `PACKET_CTRL_CMD` takes.
//!
//! C header: `include/uapi/linux/pktcdvd.h`, `struct pkt_ctrl_command`

/// Bytes in the structure.
pub const COMMAND_SIZE: usize = 24;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Map a device.
    Setup,
    /// Unmap a device.
    Teardown,
    /// Tell about a slot.
    Status,
}

/// A control command: six numbers of 32 bits in the order of the machine, the last one unused.
///
/// Device numbers are in the 32-bit encoding of user space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Command {
    /// Number of the operation.
    pub command: u32,
    /// For status: the slot.
    pub dev_index: u32,
    /// The lower device.
    pub dev: u32,
    /// The packet device.
    pub pkt_dev: u32,
    /// From status: how many slots there are.
    pub num_devices: u32,
    /// Handed back as it came.
    pub padding: u32,
}

impl Command {
    /// Reads the structure.
    pub fn decode(bytes: &[u8; COMMAND_SIZE]) -> Self {
        let mut words = bytes
            .chunks_exact(4)
            .map(|word| word.try_into().map_or(0, u32::from_ne_bytes));
        let mut next = || words.next().unwrap_or_default();

        Self {
            command: next(),
            dev_index: next(),
            dev: next(),
            pkt_dev: next(),
            num_devices: next(),
            padding: next(),
        }
    }

    /// Writes the structure.
    pub fn encode(&self) -> [u8; COMMAND_SIZE] {
        let words = [
            self.command,
            self.dev_index,
            self.dev,
            self.pkt_dev,
            self.num_devices,
            self.padding,
        ];
        let mut bytes = [0; COMMAND_SIZE];

        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// Returns the operation, if there is one of that number.
    pub fn operation(&self) -> Option<Operation> {
        match self.command {
            0 => Some(Operation::Setup),
            1 => Some(Operation::Teardown),
            2 => Some(Operation::Status),
            _ => None,
        }
    }
}
