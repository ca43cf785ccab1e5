// SPDX-License-Identifier: GPL-2.0-or-later
//! A drive on a bench: what tests send to it.

use rblk_mmc_drive::drive::{Answer, Drive, Outcome};
use rblk_mmc_drive::options;
use std::time::{Duration, Instant};

/// A drive that was switched on and had its unit attention taken.
pub struct Bench {
    pub drive: Drive,
    pub now: Instant,
}

impl Bench {
    pub fn new(spec: &str) -> Self {
        let (options, medium) = options::parse(spec).unwrap();
        let mut bench = Self {
            drive: Drive::new(options, medium).unwrap(),
            now: Instant::now(),
        };
        assert_eq!(bench.failed(&[0]), "6/29/00");
        bench
    }

    pub fn run(&mut self, cdb: &[u8], out: &[u8]) -> Outcome {
        self.drive.execute(cdb, out, self.now)
    }

    /// What a command brings, which must work.
    pub fn ask(&mut self, cdb: &[u8]) -> Vec<u8> {
        let outcome = self.run(cdb, &[]);
        assert_eq!(outcome.answer, Answer::Good, "{cdb:02x?}");
        outcome.data
    }

    pub fn tell(&mut self, cdb: &[u8], out: &[u8]) {
        assert_eq!(self.run(cdb, out).answer, Answer::Good, "{cdb:02x?}");
    }

    /// The sense of a command, which must fail.
    pub fn failed(&mut self, cdb: &[u8]) -> String {
        sense(self.run(cdb, &[]).answer)
    }

    pub fn write(&mut self, block: u32, data: &[u8]) -> Answer {
        self.run(&transfer(0x2a, block, (data.len() / 2048) as u16), data)
            .answer
    }

    /// The sense of a write of blocks, which must fail.
    pub fn refused(&mut self, block: u32, blocks: u16) -> String {
        let data = vec![1; usize::from(blocks) * 2048];
        sense(self.write(block, &data))
    }

    pub fn read(&mut self, block: u32, blocks: u16) -> Vec<u8> {
        self.ask(&transfer(0x28, block, blocks))
    }

    /// Fills so many blocks.
    pub fn fill(&mut self, block: u32, blocks: u16, byte: u8) {
        let data = vec![byte; usize::from(blocks) * 2048];
        assert_eq!(self.write(block, &data), Answer::Good);
    }

    /// The first byte of a block.
    pub fn byte(&mut self, block: u32) -> u8 {
        self.read(block, 1)[0]
    }

    /// Sets up packet writing on mode page 5.
    pub fn packets_of(&mut self, blocks: u8, block_type: u8) {
        let mut list = vec![0; 8];
        let mut page = [0; 52];
        page[..5].copy_from_slice(&[5, 50, 0, 0x25, block_type]);
        page[13] = blocks;
        list.extend(page);
        self.tell(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 60], &list);
    }

    /// A line to the control socket.
    pub fn line(&mut self, text: &str) -> String {
        self.try_line(text).unwrap()
    }

    pub fn try_line(&mut self, text: &str) -> Result<String, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        self.drive.command(&words)
    }

    pub fn count(&mut self, name: &str) -> u64 {
        self.line(&format!("get {name}")).trim().parse().unwrap()
    }

    /// FORMAT UNIT with one descriptor, to be answered at once: "Good" or the sense.
    pub fn format(&mut self, blocks: u32, kind: u8, parameter: u32) -> String {
        let mut list = vec![0, 2, 0, 8];
        list.extend(blocks.to_be_bytes());
        list.push(kind << 2);
        list.extend(&parameter.to_be_bytes()[1..]);
        match self.run(&[4, 0x11], &list).answer {
            Answer::Check(sense) => sense.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// CLOSE TRACK/SESSION, to be answered when it is done.
    pub fn close(&mut self, function: u8) {
        self.tell(&[0x5b, 0, function], &[]);
    }

    /// Blocks by READ CAPACITY.
    pub fn size(&mut self) -> u32 {
        word(&self.ask(&[0x25]), 0) + 1
    }

    /// Type and blocks of the first descriptor of READ FORMAT CAPACITIES, then format type and
    /// blocks of those that are offered.
    pub fn formats(&mut self) -> Vec<(u8, u32)> {
        let list = self.ask(&[0x23, 0, 0, 0, 0, 0, 0, 0, 255]);
        let descriptors = list[4..].chunks(8).enumerate();
        descriptors
            .map(|(i, d)| (if i == 0 { d[4] } else { d[4] >> 2 }, word(d, 0)))
            .collect()
    }

    /// Bytes 2 and 7 of READ DISC INFORMATION that tell the state.
    pub fn states(&mut self) -> (u8, u8) {
        let info = self.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34]);
        (info[2] & 15, info[7] & 3)
    }

    /// The current profile, and whether a feature is current, if it is there.
    pub fn feature(&mut self, code: u8) -> (u16, Option<bool>) {
        let reply = self.ask(&[0x46, 2, 0, code, 0, 0, 0, 1, 0]);
        let profile = u16::from(reply[6]) << 8 | u16::from(reply[7]);
        (profile, reply.get(10).map(|flags| flags & 1 != 0))
    }

    pub fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }
}

pub fn sense(answer: Answer) -> String {
    match answer {
        Answer::Check(sense) => sense.to_string(),
        other => panic!("{other:?}"),
    }
}

pub fn transfer(op: u8, block: u32, blocks: u16) -> [u8; 10] {
    let (b, n) = (block.to_be_bytes(), blocks.to_be_bytes());
    [op, 0, b[0], b[1], b[2], b[3], 0, n[0], n[1], 0]
}

pub fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
