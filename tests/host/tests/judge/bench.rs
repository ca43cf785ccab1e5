// SPDX-License-Identifier: GPL-2.0

//! A drive, and an owner of the driver's rules that carries out what they say.

use crate::drive::{Answer, Drive};
use crate::options;
use rblk_host_tests::pktcdvd::logic::mmc::{
    cdb::{Command, Transfer},
    finish::Finish,
    medium::{Medium, Writing},
    probe::{Access, Outcome, Probe, Step, BUFFER_LEN},
    refusal::Refusal,
    sense::{Failure, Sense},
};
use std::time::{Duration, Instant};

pub struct Bench {
    drive: Drive,
    now: Instant,
    /// What the driver was told meanwhile, and has waited, in milliseconds.
    pub waited_ms: u64,
}

impl Bench {
    /// A drive that was just switched on, as `scripts/vm --drive` has it.
    pub fn new(spec: &str) -> Self {
        let (options, medium) = options::parse(spec).unwrap();

        Self {
            drive: Drive::new(options, medium).unwrap(),
            now: Instant::now(),
            waited_ms: 0,
        }
    }

    /// Lets time go by.
    pub fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// A line to the drive, as tests in guests have.
    pub fn order(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.drive.command(&words).unwrap()
    }

    /// A counter, or a state.
    pub fn get(&mut self, name: &str) -> u64 {
        // The states as they are now.
        let _ = self.drive.execute(&[0; 6], &[], self.now);
        self.order(&format!("get {name}")).trim().parse().unwrap()
    }

    /// As the kernel does it: a unit attention is told once, and nobody knows how much came.
    fn execute(&mut self, command: &Command, buffer: &mut [u8; BUFFER_LEN]) -> Outcome {
        let len = command.data_len();
        let out = match command.transfer() {
            Transfer::Out(_) => buffer[..len].to_vec(),
            _ => Vec::new(),
        };
        let outcome = self.drive.execute(command.bytes(), &out, self.now);

        self.now += outcome.takes;
        match outcome.answer {
            Answer::Good => {
                let got = outcome.data.len().min(len);
                buffer[..got].copy_from_slice(&outcome.data[..got]);
                Ok(BUFFER_LEN)
            }
            Answer::Check(sense) => {
                let response = if sense.deferred { 0x71 } else { 0x70 };
                let says = Sense::new(response, sense.key, sense.asc, sense.ascq).unwrap();
                Err(Failure::Sense(says))
            }
            _ => Err(Failure::Transport),
        }
    }

    fn wait(&mut self, ms: u32) {
        self.waited_ms += u64::from(ms);
        self.pass(ms.into());
    }

    pub fn run(&mut self, mut probe: Probe) -> Result<Medium, Refusal> {
        let mut buffer = [0; BUFFER_LEN];
        let mut step = probe.begin(&mut buffer);

        while let Step::Send { command, after_ms } = step {
            self.wait(after_ms);
            let outcome = self.execute(&command, &mut buffer);
            step = probe.reply(outcome, &mut buffer);
        }
        probe.verdict().unwrap()
    }

    pub fn look(&mut self, access: Access) -> Result<Medium, Refusal> {
        self.run(Probe::new(access, 0))
    }

    pub fn write(&mut self) -> Result<Writing, Refusal> {
        self.look(Access::Write)?.writing
    }

    pub fn finish(&mut self, medium: &Medium) -> Finish {
        let mut finish = Finish::new(medium, medium.writing.unwrap().speed);
        let mut buffer = [0; BUFFER_LEN];
        let mut step = finish.begin(&mut buffer);

        while let Step::Send { command, after_ms } = step {
            self.wait(after_ms);
            let outcome = self.execute(&command, &mut buffer);
            step = finish.reply(outcome, &mut buffer);
        }
        finish
    }

    fn transfer(&mut self, code: u8, block: u32, blocks: u32, data: &[u8]) -> (Answer, Vec<u8>) {
        let (b, n) = (block.to_be_bytes(), (blocks as u16).to_be_bytes());
        let cdb = [code, 0, b[0], b[1], b[2], b[3], 0, n[0], n[1], 0];
        let outcome = self.drive.execute(&cdb, data, self.now);

        self.now += outcome.takes;
        (outcome.answer, outcome.data)
    }

    /// Writes packets all over a medium, and sees that they are there when the cache was flushed.
    pub fn use_all_over(&mut self, medium: &Medium, seed: u8) {
        let geometry = medium.writing.unwrap().geometry;
        let frames = geometry.packet_frames();
        let packets = medium.sectors() / u64::from(geometry.packet_sectors());
        let places: Vec<u64> = (0..8).map(|n| n * (packets - 1) / 7).collect();

        for &place in &places {
            let block = place as u32 * frames;
            let data = vec![seed ^ place as u8; frames as usize * 2048];
            let answer = self.transfer(0x2a, block, frames, &data).0;
            assert_eq!(answer, Answer::Good, "write of block {block}");
        }
        let (answer, _) = self.transfer(0x35, 0, 0, &[]);
        assert_eq!(answer, Answer::Good);
        for &place in &places {
            let block = place as u32 * frames;
            let (answer, data) = self.transfer(0x28, block, frames, &[]);
            assert_eq!(answer, Answer::Good, "read of block {block}");
            assert!(data.iter().all(|&byte| byte == seed ^ place as u8));
        }
        for bad in ["writes_rejected", "writes_partial", "rmw"] {
            assert_eq!(self.get(bad), 0, "{bad}");
        }
    }
}
