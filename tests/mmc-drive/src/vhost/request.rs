// SPDX-License-Identifier: GPL-2.0-or-later
//! Requests of virtio-scsi, as they lie in the guest's memory.

use crate::drive::{Answer, NOBODY};
use std::io::Read;
use virtio_queue::DescriptorChain;
use vm_memory::{Bytes, GuestAddress, GuestMemoryLoadGuard, GuestMemoryMmap};

/// The guest's memory, held.
pub type Memory = GuestMemoryLoadGuard<GuestMemoryMmap>;

const HEADER: usize = 51;
const RESPONSE: usize = 108;
/// More than the controller lets a guest send.
const MOST: usize = 32 << 20;

/// A place in the guest's memory to write to.
pub struct Space(Vec<(GuestAddress, usize)>);

/// A command.
pub struct Request {
    /// The target, if the address is well-formed.
    pub target: Option<usize>,
    /// The guest's name for it.
    pub tag: u64,
    /// The command.
    pub cdb: [u8; 32],
    /// What it brings.
    pub out: Vec<u8>,
    /// Where the answer goes.
    pub space: Space,
}

/// What the guest wants of the controller.
pub enum Management {
    /// Abort of a command, by tag.
    Abort(usize, u64),
    /// Abort of all commands.
    AbortAll(usize),
    /// Reset of a drive.
    Reset(usize),
    /// Something else; answered with this code.
    Other(u8),
    /// A question about events; there are none.
    Query,
}

impl Space {
    /// The writable part of a request.
    pub fn of(chain: &DescriptorChain<Memory>) -> Self {
        let writable = chain.clone().writable();
        Self(writable.map(|d| (d.addr(), d.len() as usize)).collect())
    }

    /// Its size.
    pub fn len(&self) -> usize {
        self.0.iter().map(|(_, n)| n).sum()
    }

    /// Writes from the start; gives the number of bytes that fitted.
    pub fn write(&self, memory: &GuestMemoryMmap, mut bytes: &[u8]) -> usize {
        let mut written = 0;
        for (address, room) in &self.0 {
            let (now, later) = bytes.split_at(bytes.len().min(*room));
            if now.is_empty() || memory.write_slice(now, *address).is_err() {
                break;
            }
            written += now.len();
            bytes = later;
        }
        written
    }
}

/// The readable part of a request.
fn readable(chain: &DescriptorChain<Memory>, memory: &Memory) -> Option<Vec<u8>> {
    let mut reader = chain.clone().reader(memory).ok()?;
    let n = reader.available_bytes();
    if n > MOST + HEADER {
        return None;
    }
    let mut bytes = vec![0; n];
    reader.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// The target in an address of request queues; only the first unit of each is there.
fn target(lun: &[u8]) -> Option<usize> {
    match lun {
        [1, target, 0 | 0x40, 0, ..] => Some((*target).into()),
        _ => None,
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

impl Request {
    /// Reads a request.
    pub fn read(chain: &DescriptorChain<Memory>, memory: &Memory) -> Option<Self> {
        let mut header = readable(chain, memory)?;
        let space = Space::of(chain);
        if header.len() < HEADER || space.len() < RESPONSE {
            return None;
        }
        let out = header.split_off(HEADER);
        let mut cdb = [0; 32];
        cdb.copy_from_slice(&header[19..]);
        Some(Self {
            target: target(&header[..8]),
            tag: number(&header[8..16]),
            cdb,
            out,
            space,
        })
    }
}

/// Writes the answer to a command; gives its length.
pub fn respond(space: &Space, memory: &GuestMemoryMmap, answer: Answer, data: &[u8]) -> usize {
    let room = space.len().saturating_sub(RESPONSE);
    let data = &data[..data.len().min(room)];
    let mut bytes = vec![0; RESPONSE];
    bytes[4..8].copy_from_slice(&((room - data.len()) as u32).to_le_bytes());
    match answer {
        Answer::Good => {}
        Answer::Busy => bytes[10] = 0x08,
        Answer::Transport(code) => bytes[11] = code,
        Answer::Never => bytes[11] = NOBODY,
        Answer::Check(sense) => {
            let sense = sense.bytes();
            bytes[..4].copy_from_slice(&(sense.len() as u32).to_le_bytes());
            bytes[10] = 0x02;
            bytes[12..12 + sense.len()].copy_from_slice(&sense);
        }
    }
    bytes.extend(data);
    space.write(memory, &bytes)
}

impl Management {
    /// Reads a request of the control queue.
    pub fn read(chain: &DescriptorChain<Memory>, memory: &Memory) -> Option<Self> {
        const COMPLETE: u8 = 0;
        const REJECTED: u8 = 11;
        const INCORRECT_LUN: u8 = 12;
        let bytes = readable(chain, memory)?;
        let word = |at: usize| bytes.get(at..at + 4).map(number);
        if word(0)? != 0 {
            return Some(Self::Query);
        }
        let Some(target) = target(bytes.get(8..16)?) else {
            return Some(Self::Other(INCORRECT_LUN));
        };
        Some(match word(4)? {
            0 => Self::Abort(target, number(bytes.get(16..24)?)),
            1 | 3 => Self::AbortAll(target),
            4 | 5 => Self::Reset(target),
            2 => Self::Other(COMPLETE),
            _ => Self::Other(REJECTED),
        })
    }
}
