// SPDX-License-Identifier: GPL-2.0

//! Fills more memory than there is with numbers that can be told, and looks whether they stay.

use rustix::mm::{mlockall, MlockAllFlags};
use std::{
    io,
    process::ExitCode,
    sync::{
        atomic::{AtomicBool, Ordering},
        Barrier,
    },
    thread,
    time::{Duration, Instant},
};

const PAGE: usize = 4096;
const WORDS: usize = PAGE / size_of::<u64>();

/// Fill memory, rewrite pages of it at random, and verify them.
#[derive(clap::Args)]
pub struct Options {
    /// Threads, each with memory of its own.
    #[arg(long, default_value_t = 2)]
    workers: u64,
    /// MiB of each.
    #[arg(long, default_value_t = 280)]
    mib: usize,
    /// For how long.
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// And longer, but at most four times, until so many pages were swapped out.
    #[arg(long, default_value_t = 0)]
    swapped_out: u64,
}

/// What a worker has done.
#[derive(Default)]
struct Count {
    /// Pages that are full.
    pages: usize,
    operations: u64,
    corrupt: u64,
}

/// The value of a word: each bit of each argument matters to each bit of it.
fn mix(worker: u64, version: u32, word: usize) -> u64 {
    let mut x = (word as u64) ^ (worker << 40) ^ (u64::from(version) << 48) ^ 0x9e37_79b9_7f4a_7c15;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) | 1
}

/// Random numbers that need no system call.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % end as u64) as usize
    }
}

/// The memory of a worker. What tells the right content, `versions`, is not swapped.
struct Worker<'a> {
    number: u64,
    versions: Vec<u32>,
    words: &'a mut [u64],
    count: Count,
}

impl Worker<'_> {
    fn write(&mut self, page: usize) {
        let version = self.versions[page];
        let first = page * WORDS;
        for (at, word) in self.words[first..first + WORDS].iter_mut().enumerate() {
            *word = mix(self.number, version, first + at);
        }
    }

    /// Compares the page; counts and reports it if it is wrong.
    fn verify(&mut self, page: usize) {
        let version = self.versions[page];
        let first = page * WORDS;
        let mut words = self.words[first..first + WORDS].iter().enumerate();
        let number = self.number;
        if let Some((at, got)) = words.find(|(at, got)| **got != mix(number, version, first + at)) {
            self.count.corrupt += 1;
            eprintln!("# worker {number}: page {page}, word {at} is {got:#x}");
        }
    }

    /// Fills the memory, slowly enough to see that what has been written stays, and then goes on with
    /// what is there, until it is over.
    fn run(&mut self, over: &AtomicBool) {
        let mut random = Random(0x2545_f491_4f6c_dd1d ^ (self.number + 1));
        let pages = self.versions.len();
        while !over.load(Ordering::Relaxed) {
            self.count.operations += 1;
            if self.count.pages == 0 || (self.count.pages < pages && random.below(8) != 0) {
                self.write(self.count.pages);
                self.count.pages += 1;
                continue;
            }
            let page = random.below(self.count.pages);
            self.verify(page);
            if random.below(2) == 0 {
                self.versions[page] = self.versions[page].wrapping_add(1);
                self.write(page);
            }
        }
    }
}

/// Memory that is not there yet, with `pages` whole pages in it from the returned word on.
fn reserve(pages: usize) -> (Vec<u64>, usize) {
    let memory = vec![0; (pages + 1) * WORDS];
    let past = memory.as_ptr() as usize % PAGE;
    (memory, (PAGE - past) % PAGE / size_of::<u64>())
}

fn work(number: u64, options: &Options, barrier: &Barrier, over: &AtomicBool) -> Count {
    let pages = options.mib * (1024 * 1024 / PAGE);
    let versions = vec![1; pages];
    // What is there now gets locked.
    barrier.wait();
    barrier.wait();
    let (mut memory, first) = reserve(pages);
    let mut worker = Worker {
        number,
        versions,
        words: &mut memory[first..],
        count: Count::default(),
    };
    worker.run(over);
    worker.count
}

/// Pages swapped out since the machine started, if that can be known.
fn swapped_out() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    let line = text.lines().find(|line| line.starts_with("pswpout "))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Waits until the workers have done enough.
fn wait(options: &Options) {
    let (begin, first) = (Instant::now(), swapped_out());
    let seconds = Duration::from_secs(options.seconds);
    let enough = || {
        let out = swapped_out().zip(first).map(|(now, first)| now - first);
        out.is_some_and(|out| out >= options.swapped_out)
    };
    while begin.elapsed() < seconds || (begin.elapsed() < 4 * seconds && !enough()) {
        thread::sleep(Duration::from_secs(1));
    }
}

/// Runs the workers; fails if one of them has found a wrong page.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let barrier = Barrier::new(options.workers as usize + 1);
    let over = AtomicBool::new(false);
    let total = thread::scope(|scope| {
        let workers: Vec<_> = (0..options.workers)
            .map(|number| (number, &barrier, &over))
            .map(|(number, barrier, over)| {
                scope.spawn(move || work(number, options, barrier, over))
            })
            .collect();
        barrier.wait();
        let locked = mlockall(MlockAllFlags::CURRENT);
        barrier.wait();
        if locked.is_ok() {
            wait(options);
        }
        over.store(true, Ordering::Relaxed);
        locked?;
        let mut total = Count::default();
        for worker in workers {
            let count = worker
                .join()
                .map_err(|_| io::Error::other("a worker died"))?;
            total.pages += count.pages;
            total.operations += count.operations;
            total.corrupt += count.corrupt;
        }
        io::Result::Ok(total)
    })?;
    println!(
        "# stress: pages={} operations={} corrupt={}",
        total.pages, total.operations, total.corrupt
    );
    Ok(ExitCode::from(u8::from(total.corrupt != 0)))
}
