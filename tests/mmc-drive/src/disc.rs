// SPDX-License-Identifier: GPL-2.0-or-later
//! What is on a disc: packets, in memory, and in a file if there is one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of a block.
pub const BLOCK: usize = 2048;
/// The contents of a packet.
pub type Packet = Arc<[u8]>;
/// Packets by number; one that is not there is all zeroes.
pub type Packets = HashMap<u32, Packet>;

/// The surface of a disc.
#[derive(Debug)]
pub struct Disc {
    blocks: u32,
    packets: Packets,
    file: Option<File>,
}

impl Disc {
    /// A disc with packets of `blocks` blocks, all zeroes.
    pub fn new(blocks: u32) -> Self {
        Self {
            blocks: blocks.max(1),
            packets: HashMap::new(),
            file: None,
        }
    }

    /// A disc that holds what the file does, and keeps it up to date.
    pub fn over(blocks: u32, mut file: File) -> io::Result<Self> {
        let mut disc = Self::new(blocks);
        let mut buffer = vec![0; disc.bytes()];
        for number in 0.. {
            let n = read_full(&mut file, &mut buffer)?;
            if n == 0 {
                break;
            }
            buffer[n..].fill(0);
            if buffer.iter().any(|byte| *byte != 0) {
                disc.packets.insert(number, buffer.as_slice().into());
            }
        }
        disc.file = Some(file);
        Ok(disc)
    }

    /// Bytes of a packet.
    pub fn bytes(&self) -> usize {
        self.blocks as usize * BLOCK
    }

    /// The packet of that number.
    pub fn packet(&self, number: u32) -> Packet {
        match self.packets.get(&number) {
            Some(packet) => packet.clone(),
            None => vec![0; self.bytes()].into(),
        }
    }

    /// The packet of that number, if it was ever written.
    pub fn written(&self, number: u32) -> Option<Packet> {
        self.packets.get(&number).cloned()
    }

    /// Puts a packet on the disc.
    pub fn put(&mut self, number: u32, packet: Packet) {
        if let Some(file) = &self.file {
            let at = u64::from(number) * packet.len() as u64;
            if let Err(error) = file.write_all_at(&packet, at) {
                eprintln!("mmc-drive: the file of a disc: {error}");
            }
        }
        self.packets.insert(number, packet);
    }

    /// All that is not zero.
    pub fn snapshot(&self) -> Packets {
        self.packets.clone()
    }

    /// Makes the disc hold exactly that.
    pub fn restore(&mut self, packets: Packets) {
        self.clear();
        for (number, packet) in packets {
            self.put(number, packet);
        }
    }

    /// Makes it all zeroes.
    pub fn clear(&mut self) {
        let zeroes: Packet = vec![0; self.bytes()].into();
        for number in self.packets.keys().copied().collect::<Vec<_>>() {
            self.put(number, zeroes.clone());
        }
        self.packets.clear();
    }

    /// Makes it all zeroes, with packets of another size.
    pub fn reformat(&mut self, blocks: u32) {
        self.clear();
        self.blocks = blocks.max(1);
    }
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}
