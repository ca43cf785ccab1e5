// SPDX-License-Identifier: GPL-2.0

//! Direct I/O with io_uring, the same places in each run.

use crate::error::Result;
use crate::mark;
use io_uring::{opcode, types::Fd, IoUring};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

const PAGE: usize = 4096;

/// Memory for direct I/O.
#[derive(Clone)]
#[repr(align(4096))]
struct Page([u8; PAGE]);

/// When a run ends.
#[derive(Clone, Copy)]
enum Until {
    Operations(u64),
    Time(Duration),
}

/// In which order places come.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Sequential,
    Random,
    /// As if at random, but each once: the run ends when there are no more.
    Once,
}

/// What to do.
pub struct Load {
    device: String,
    write: bool,
    order: Order,
    bytes: usize,
    depth: usize,
    warm: u64,
    until: Until,
    /// As many places, evenly spread, are all that is used of the disk; 0: it is used whole.
    places: u64,
    /// Threads that do the same, each with its own queue; 0: this one alone.
    jobs: u64,
}

impl Load {
    /// Understands the arguments of the program.
    pub fn parse(args: &[&str]) -> Result<Self> {
        let [device, direction, pattern, bytes, depth, warm, unit, number, rest @ ..] = args else {
            return Err("load wants eight arguments or more".into());
        };
        let extra = |at: usize| rest.get(at).map_or(Ok(0), |text| text.parse());
        let number = number.parse()?;
        Ok(Self {
            device: device.to_string(),
            write: *direction == "write",
            order: match *pattern {
                "random" => Order::Random,
                "once" => Order::Once,
                _ => Order::Sequential,
            },
            bytes: bytes.parse()?,
            depth: depth.parse()?,
            warm: warm.parse()?,
            until: match *unit {
                "ops" => Until::Operations(number),
                _ => Until::Time(Duration::from_millis(number)),
            },
            places: extra(0)?,
            jobs: extra(1)?,
        })
    }
}

/// Writes a page to `count` of so many places of the device, from `first` on, once; nothing
/// is counted.
pub fn fill(device: &str, places: u64, first: u64, count: u64) -> Result<()> {
    let load = Load {
        device: device.to_string(),
        write: true,
        order: Order::Sequential,
        bytes: PAGE,
        depth: 32,
        warm: 0,
        until: Until::Operations(count),
        places,
        jobs: 0,
    };
    let mut runner = Runner::new(&load, 0)?;
    runner.next = first;
    runner.run(load.until)?;
    Ok(())
}

/// Puts the load on the device, and prints what it did.
pub fn run(load: &Load) -> Result<()> {
    if load.jobs > 0 {
        return run_together(load);
    }
    let mut runner = Runner::new(load, 0)?;
    runner.run(Until::Operations(load.warm))?;
    runner.batches.clear();
    let start = Instant::now();
    mark::begin();
    let operations = runner.run(load.until)?;
    mark::end();
    let all = start.elapsed().as_nanos();
    println!("{operations} {all} {}", runner.usual());
    Ok(())
}

/// The same by several threads. What an operation takes usually would tell nothing here when
/// there are more threads than processors: it is the mean over all of them.
fn run_together(load: &Load) -> Result<()> {
    let start = Barrier::new(load.jobs as usize + 1);
    let job = |number| -> std::result::Result<u64, String> {
        let mut runner = Runner::new(load, number).map_err(|e| e.to_string())?;
        let warm = runner.run(Until::Operations(load.warm));
        start.wait();
        warm.and_then(|_| runner.run(load.until))
            .map_err(|e| e.to_string())
    };
    let (operations, all) = thread::scope(|scope| {
        let job = &job;
        let jobs: Vec<_> = (0..load.jobs)
            .map(|number| scope.spawn(move || job(number)))
            .collect();
        start.wait();
        let began = Instant::now();
        let mut operations = 0;
        for job in jobs {
            operations += job.join().map_err(|_| "a thread died")??;
        }
        Ok::<_, Box<dyn std::error::Error>>((operations, began.elapsed().as_nanos()))
    })?;
    println!("{operations} {all} {}", all / u128::from(operations.max(1)));
    Ok(())
}

/// Bytes that no driver can do without storing: no zeroes, no pattern, nothing to compress.
fn noise(seed: u64) -> Page {
    let mut state = seed + 1;
    let mut page = Page([0; PAGE]);
    for byte in &mut page.0 {
        state = next_random(state);
        *byte = (state >> 56) as u8;
    }
    page
}

fn next_random(state: u64) -> u64 {
    state
        .wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407)
}

/// A number without a common divisor with `pieces`, and large among these.
fn spread_of(pieces: u64) -> u64 {
    let divisor = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    (pieces / 8 * 5 + 1..)
        .find(|&spread| divisor(spread, pieces) == 1)
        .unwrap_or(1)
}

struct Runner<'a> {
    load: &'a Load,
    disk: File,
    /// How many pieces of the disk are used, and how far apart they start.
    pieces: u64,
    stride: u64,
    ring: IoUring,
    buffers: Vec<Vec<Page>>,
    free: Vec<usize>,
    random: u64,
    next: u64,
    /// What the number of a place is multiplied by, so that neighbours are apart.
    spread: u64,
    /// Nanoseconds of an operation, for each few of them.
    batches: Vec<u64>,
}

impl<'a> Runner<'a> {
    fn new(load: &'a Load, number: u64) -> Result<Self> {
        let mut disk = OpenOptions::new()
            .read(true)
            .write(load.write)
            .custom_flags(nix::libc::O_DIRECT)
            .open(&load.device)?;
        let bytes = load.bytes as u64;
        let all = disk.seek(SeekFrom::End(0))? / bytes;
        let pieces = if load.places > 0 { load.places } else { all };
        if pieces == 0 || pieces > all {
            return Err("the disk is too small".into());
        }
        Ok(Self {
            pieces,
            stride: all / pieces * bytes,
            disk,
            ring: IoUring::new(load.depth.max(2) as u32)?,
            buffers: vec![vec![noise(number); load.bytes.div_ceil(PAGE)]; load.depth],
            free: (0..load.depth).collect(),
            random: number + 1,
            next: pieces / load.jobs.max(1) * number,
            spread: if load.bytes < 1 << 20 {
                spread_of(pieces)
            } else {
                1
            },
            batches: Vec::with_capacity(1 << 16),
            load,
        })
    }

    fn offset(&mut self) -> u64 {
        let piece = match self.load.order {
            Order::Random => {
                self.random = next_random(self.random);
                (self.random >> 33) % self.pieces
            }
            Order::Sequential => {
                self.next += 1;
                self.next % self.pieces
            }
            Order::Once => {
                self.next += 1;
                self.next * self.spread % self.pieces
            }
        };
        piece * self.stride
    }

    fn has_places(&self) -> bool {
        self.load.order != Order::Once || self.next < self.pieces
    }

    fn submit(&mut self, slot: usize) -> Result<()> {
        let offset = self.offset();
        let (fd, len) = (Fd(self.disk.as_raw_fd()), self.load.bytes as u32);
        let buffer = self.buffers[slot].as_mut_ptr().cast();
        let entry = if self.load.write {
            opcode::Write::new(fd, buffer, len).offset(offset).build()
        } else {
            opcode::Read::new(fd, buffer, len).offset(offset).build()
        };
        // SAFETY: The buffer is as long, is used by no other operation until this one is
        // complete, and stays: `run` waits for all, or the program ends.
        unsafe { self.ring.submission().push(&entry.user_data(slot as u64)) }?;
        Ok(())
    }

    /// Takes what is complete, at least one; returns how many.
    fn reap(&mut self) -> Result<u64> {
        self.ring.submit_and_wait(1)?;
        let mut reaped = 0;
        for done in self.ring.completion() {
            if done.result() != self.load.bytes as i32 {
                // Without waiting for the others: the kernel may write to what was freed.
                eprintln!("{}: result {}", self.load.device, done.result());
                std::process::exit(1);
            }
            self.free.push(done.user_data() as usize);
            reaped += 1;
        }
        Ok(reaped)
    }

    /// What an operation takes when the machine does not just do something else: the median.
    fn usual(&mut self) -> u64 {
        self.batches.sort_unstable();
        self.batches
            .get(self.batches.len() / 2)
            .copied()
            .unwrap_or(0)
    }

    /// Returns the number of operations, which all are complete.
    fn run(&mut self, until: Until) -> Result<u64> {
        let start = Instant::now();
        let mut batch = (start, 0);
        let (mut submitted, mut done) = (0, 0);
        loop {
            let more = self.has_places()
                && match until {
                    Until::Operations(number) => submitted < number,
                    Until::Time(time) => start.elapsed() < time,
                };
            if !more && done == submitted {
                return Ok(done);
            }
            while more && !self.free.is_empty() && self.has_places() {
                if matches!(until, Until::Operations(number) if submitted == number) {
                    break;
                }
                let slot = self.free.pop().ok_or("no free slot")?;
                self.submit(slot)?;
                submitted += 1;
            }
            done += self.reap()?;
            if done - batch.1 >= self.load.depth as u64 {
                let nanoseconds = batch.0.elapsed().as_nanos() as u64;
                self.batches.push(nanoseconds / (done - batch.1));
                batch = (Instant::now(), done);
            }
        }
    }
}
