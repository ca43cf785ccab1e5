// SPDX-License-Identifier: GPL-2.0

//! Notices when swapping has stopped for good, and says what everybody waits for.
//!
//! It must not stop as well: all its memory is locked and there before, its files are open, and it asks
//! the kernel only what that tells without memory for the answer. /proc/vmstat is none of that; another
//! thread reads it.

use rustix::mm::{mlockall, MlockAllFlags};
use rustix::system::sysinfo;
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt,
    process::{Command, ExitCode},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

const SAMPLE: Duration = Duration::from_millis(200);
/// So many beats without a request that ends, while there are some, mean that none ever will.
const BEATS: u32 = 4;
/// How long the console needs to print it all.
const SETTLE: Duration = Duration::from_secs(3);
/// The exit status then.
const FROZEN: u8 = 3;

/// Run a command and watch the machine swap; status 3 means that it has stopped.
#[derive(clap::Args)]
pub struct Options {
    /// Seconds between beats.
    #[arg(long, default_value_t = 5)]
    every: u64,
    /// The disk that is swapped to.
    #[arg(long, default_value = "nbd0")]
    disk: String,
    /// A terminal to print beats on. What goes through a pipe gets stuck in other programs.
    #[arg(long, default_value = "/dev/ttyS0")]
    console: String,
    /// A file to print as well when nothing moves any more.
    #[arg(long)]
    show: Vec<String>,
    /// Restart the machine then: nothing else would end it.
    #[arg(long)]
    restart: bool,
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

/// What is watched in /proc/vmstat.
#[derive(Clone, Copy, Default)]
struct Vmstat {
    writeback: u64,
    swapped_in: u64,
    swapped_out: u64,
    throttled: u64,
    stalls: u64,
    oom_kills: u64,
}

impl Vmstat {
    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(' ') else {
                continue;
            };
            let value: u64 = value.parse().unwrap_or(0);
            match name {
                "nr_writeback" => found.writeback = value,
                "pswpin" => found.swapped_in = value,
                "pswpout" => found.swapped_out = value,
                "pgscan_direct_throttle" => found.throttled = value,
                "oom_kill" => found.oom_kills = value,
                _ if name.starts_with("allocstall") => found.stalls += value,
                _ => {}
            }
        }
        found
    }

    fn read() -> io::Result<Self> {
        Ok(Self::parse(&std::fs::read_to_string("/proc/vmstat")?))
    }
}

/// What is watched of the disk.
#[derive(Clone, Copy, Default, PartialEq)]
struct Traffic {
    sectors: u64,
    in_flight: u64,
}

impl Traffic {
    fn parse(text: &str) -> Self {
        let mut fields = text
            .split_whitespace()
            .map(|field| field.parse().unwrap_or(0));
        let mut next = |skip| fields.nth(skip).unwrap_or(0);
        Self {
            sectors: next(2) + next(3),
            in_flight: next(1),
        }
    }
}

fn free_pages() -> u64 {
    let info = sysinfo();
    info.freeram * u64::from(info.mem_unit) / 4096
}

/// The files, and memory for what is read and written.
struct Watch {
    traffic: File,
    sysrq: File,
    console: File,
    shown: Vec<File>,
    input: Vec<u8>,
    output: String,
}

impl Watch {
    fn new(options: &Options) -> io::Result<Self> {
        let write = |path: &str| OpenOptions::new().write(true).open(path);
        let mut watch = Self {
            traffic: File::open(format!("/sys/block/{}/stat", options.disk))?,
            sysrq: write("/proc/sysrq-trigger")?,
            console: write(&options.console)?,
            shown: Vec::new(),
            input: vec![0; 64 << 10],
            output: String::with_capacity(64 << 10),
        };
        for path in &options.show {
            // One driver has it, another has not.
            watch.shown.extend(File::open(path).ok());
        }
        // The kernel allocates what it needs for a file on first use.
        watch.say_shown();
        watch.output.clear();
        watch.say(format_args!("begins"));
        Ok(watch)
    }

    fn traffic(&mut self) -> io::Result<Traffic> {
        let length = self.traffic.read_at(&mut self.input, 0)?;
        let text = std::str::from_utf8(&self.input[..length]);
        Ok(Traffic::parse(text.unwrap_or("")))
    }

    fn say(&mut self, what: std::fmt::Arguments<'_>) {
        self.output.clear();
        let _ = write!(self.output, "\nheartbeat: {what}\n");
        let _ = self.console.write_all(self.output.as_bytes());
    }

    fn say_shown(&mut self) {
        for file in &self.shown {
            let length = file.read_at(&mut self.input, 0).unwrap_or(0);
            let _ = self.console.write_all(&self.input[..length]);
        }
    }

    fn ask_kernel(&mut self, key: &[u8]) {
        let _ = self.sysrq.write_at(key, 0);
    }

    /// Who waits for what: blocked tasks, then memory.
    fn dump(&mut self) {
        self.ask_kernel(b"w");
        self.ask_kernel(b"m");
        self.say_shown();
    }
}

/// Keeps a copy of /proc/vmstat, as new as can be had.
fn watch_vmstat() -> io::Result<Arc<Mutex<Vmstat>>> {
    let latest = Arc::new(Mutex::new(Vmstat::read()?));
    let copy = latest.clone();
    thread::spawn(move || loop {
        thread::sleep(SAMPLE);
        if let (Ok(new), Ok(mut copy)) = (Vmstat::read(), copy.lock()) {
            *copy = new;
        }
    });
    Ok(latest)
}

/// Runs the command; ends with its status, or earlier if the machine has stopped swapping.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let mut watch = Watch::new(options)?;
    let (program, arguments) = options
        .command
        .split_first()
        .ok_or(io::ErrorKind::NotFound)?;
    let vmstat = watch_vmstat()?;
    let vmstat = || vmstat.lock().map(|copy| *copy).unwrap_or_default();
    let begin = Instant::now();
    let first = vmstat();
    let mut child = Command::new(program).args(arguments).spawn()?;
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?;

    let mut beat = watch.traffic()?;
    let mut beat_at = begin;
    let mut least = free_pages();
    let mut without = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        thread::sleep(SAMPLE);
        let free = free_pages();
        least = least.min(free);
        if beat_at.elapsed() < Duration::from_secs(options.every) {
            continue;
        }
        let now = watch.traffic()?;
        let stuck = now.sectors == beat.sectors && now.in_flight > 0;
        without = if stuck { without + 1 } else { 0 };
        beat = now;
        beat_at = Instant::now();
        let seen = vmstat();
        watch.say(format_args!(
            "free={free} least={least} in_flight={} still={without} writeback={} in={} out={} \
             throttled={} stalls={} oom={}",
            now.in_flight,
            seen.writeback,
            seen.swapped_in,
            seen.swapped_out,
            seen.throttled,
            seen.stalls,
            seen.oom_kills,
        ));
        if without == BEATS {
            break None;
        }
    };
    if status.is_some() {
        thread::sleep(2 * SAMPLE);
    }
    let last = vmstat();
    let verdict = format!(
        "result={} out={} in={} seconds={} least_free={least} oom={}",
        status.map_or("frozen", |_| "survived"),
        last.swapped_out - first.swapped_out,
        last.swapped_in - first.swapped_in,
        begin.elapsed().as_secs(),
        last.oom_kills - first.oom_kills
    );
    let Some(status) = status else {
        watch.dump();
        // What is said while the kernel speaks gets mixed with that.
        thread::sleep(SETTLE);
        watch.say(format_args!("{verdict}"));
        if options.restart {
            thread::sleep(SETTLE);
            watch.ask_kernel(b"b");
        }
        return Ok(ExitCode::from(FROZEN));
    };
    watch.say(format_args!("{verdict}"));
    Ok(ExitCode::from(status.code().map_or(255, |code| code as u8)))
}
