// SPDX-License-Identifier: GPL-2.0

//! The drive: what waits for it, and what becomes of that.

use super::{
    outcome::Ended,
    state::{
        transfer,
        State,
        BLOCK_SECTORS, //
    },
};
use crate::judge::{
    blocks::{
        value_of,
        SECTOR, //
    },
    packets::Packets, //
};
use kernel::sim::{
    self,
    choose,
    clock,
    Task, //
};
use rb::{
    block::bio::Command as Operation,
    sim::lower::Io, //
};
use rblk_mmc_drive::{
    disc::Packet,
    drive::{
        Answer,
        Drive as Emulated, //
    },
    options, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
    iter,
    rc::{
        Rc,
        Weak, //
    },
    sync::Arc,
    time::{
        Duration,
        Instant, //
    },
};

/// How long a command that is never answered is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The emulated drive takes the later of the time that it is told and that of the host. So virtual
/// time begins later than any test ends.
const AHEAD: Duration = Duration::from_secs(10 * 365 * 86400);

/// An I/O or a command that waits, or that the drive carries out.
pub(super) enum Job {
    Io(Io, u32),
    Command(Rc<Command>),
}

/// A command that a task waits for.
pub(super) struct Command {
    cdb: Vec<u8>,
    out: Vec<u8>,
    task: Task,
    ended: RefCell<Option<Ended>>,
}

/// The drive.
pub struct Drive {
    this: Weak<Self>,
    began: Instant,
    latency: u64,
    emulated: RefCell<Emulated>,
    queue: RefCell<Vec<Job>>,
    works: Cell<bool>,
    packets: Packets,
    pub(super) kernel: State,
    troubles: Cell<u64>,
    cuts: Cell<u64>,
    seen: RefCell<Seen>,
}

/// Versions of packets, and the values of their sectors.
type Seen = BTreeMap<u64, Vec<(Packet, Rc<[Option<u64>]>)>>;

impl Drive {
    /// Makes a drive with a disc, as the options of the emulated drive say.
    ///
    /// A command takes up to `latency` nanoseconds more than those say.
    pub fn new(options: &str, latency: u64) -> Rc<Self> {
        let (options, medium) = options::parse(options).expect("the scenario knows the options");
        let mut emulated = Emulated::new(options, medium).expect("there is such a disc");
        let began = Instant::now() + AHEAD;
        // INQUIRY: from now on, the time of the emulated drive is ours.
        emulated.execute(&[0x12, 0, 0, 0, 36, 0], &[], began);
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            began,
            latency,
            emulated: RefCell::new(emulated),
            queue: RefCell::default(),
            works: Cell::new(false),
            packets: Packets::default(),
            kernel: State::default(),
            troubles: Cell::new(0),
            cuts: Cell::new(0),
            seen: RefCell::default(),
        })
    }

    /// Has the emulated drive do what a line of its control socket asks for.
    pub fn command(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let result = self.emulated.borrow_mut().command(&words);
        result.unwrap_or_else(|err| panic!("{line}: {err}"))
    }

    /// Returns a counter or state of the emulated drive.
    pub fn get(&self, name: &str) -> u64 {
        let text = self.command(&format!("get {name}"));
        text.trim().parse().expect("it is a number")
    }

    /// Cuts the power of the drive, which loses its cache. The computer goes on.
    pub fn cut_power(&self) {
        self.trouble();
        self.cuts.set(self.cuts.get() + 1);
        sim::count("power cuts", 1);
        sim::log("the power of the drive is cut".to_owned());
        self.command("powercut");
    }

    /// Notes that a fault will cut the power.
    pub fn will_cut_power(&self) {
        self.cuts.set(self.cuts.get() + 1);
    }

    /// Has something go wrong, as the emulated drive's `fault` says.
    pub fn fault(&self, rule: &str) {
        self.trouble();
        sim::count("faults", 1);
        self.command(&format!("fault {rule}"));
    }

    /// Notes that something may fail from now on.
    fn trouble(&self) {
        self.troubles.set(self.troubles.get() + 1);
    }

    /// Returns whether anything has gone wrong so far.
    pub fn had_trouble(&self) -> bool {
        self.troubles.get() != 0
    }

    /// Returns how often the power was cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.get()
    }

    /// Returns the judge of its writes.
    pub fn packets(&self) -> &Packets {
        &self.packets
    }

    /// Calls `look` with each sector and each value that a power cut now could leave in it; `None`
    /// is a sector that is not filled with one value.
    pub fn after_cut(&self, mut look: impl FnMut(u64, Option<u64>)) {
        let sectors = self.get("packet").max(1) * BLOCK_SECTORS;
        for number in 0..self.get("blocks") * BLOCK_SECTORS / sectors {
            let [on_disc, cached] = self.emulated.borrow().packet_versions(number as u32);
            let mut look_at = |values: &mut dyn Iterator<Item = Option<u64>>| {
                for (sector, value) in (number * sectors..(number + 1) * sectors).zip(values) {
                    look(sector, value);
                }
            };
            if on_disc.is_none() {
                look_at(&mut iter::repeat(Some(0)));
            }
            for version in on_disc.into_iter().chain(cached) {
                look_at(&mut self.values(number, version).iter().copied());
            }
        }
    }

    /// Returns the values of the sectors of a packet.
    fn values(&self, number: u64, version: Packet) -> Rc<[Option<u64>]> {
        let mut seen = self.seen.borrow_mut();
        let seen = seen.entry(number).or_default();
        if let Some((_, values)) = seen
            .iter()
            .find(|(packet, _)| Arc::ptr_eq(packet, &version))
        {
            return values.clone();
        }
        let values: Rc<[_]> = version.chunks(SECTOR).map(value_of).collect();
        seen.push((version, values.clone()));
        values
    }

    /// Has a command of a task carried out.
    pub(super) fn run(&self, cdb: &[u8], out: &[u8]) -> Ended {
        let command = Rc::new(Command {
            cdb: cdb.to_vec(),
            out: out.to_vec(),
            task: sim::current(),
            ended: RefCell::new(None),
        });
        self.enqueue(Job::Command(command.clone()));
        loop {
            if let Some(ended) = command.ended.borrow_mut().take() {
                return ended;
            }
            sim::wait("a command to a drive");
        }
    }

    pub(super) fn enqueue(&self, job: Job) {
        self.queue.borrow_mut().push(job);
        self.start();
    }

    /// Lets the drive carry out one of the jobs that wait.
    fn start(&self) {
        let waiting = self.queue.borrow().len() as u64;
        if waiting == 0 || self.works.replace(true) {
            return;
        }
        let job = self.queue.borrow_mut().remove(choose(waiting) as usize);
        let (cdb, out) = job.cdb();
        let now = self.began + Duration::from_nanos(clock::now());
        let outcome = self.emulated.borrow_mut().execute(&cdb, &out, now);
        self.kernel.hear(outcome.answer);
        sim::log(format!(
            "drive: {:02x?} {:?}",
            &cdb[..cdb.len().min(10)],
            outcome.answer
        ));
        let takes = match outcome.answer {
            Answer::Never => TIMEOUT,
            _ => outcome.takes,
        };
        let nanos = takes.as_nanos() as u64 + choose(self.latency.max(1));
        let this = self.this.clone();
        clock::after(nanos, move || {
            if let Some(this) = this.upgrade() {
                this.works.set(false);
                this.end(job, Ended::of(outcome.answer, outcome.data));
                this.start();
            }
        });
    }

    fn end(&self, job: Job, ended: Ended) {
        match job {
            Job::Command(command) => {
                let task = command.task;
                command.ended.replace(Some(ended));
                sim::wake(task);
            }
            Job::Io(io, retries) if retries != 0 && ended.is_worth_another_try() => {
                self.queue.borrow_mut().push(Job::Io(io, retries - 1));
            }
            Job::Io(io, _) => self.end_io(io, ended),
        }
    }

    /// Ends an I/O.
    fn end_io(&self, io: Io, ended: Ended) {
        self.kernel.note_attention(&ended);
        let result = ended.of_io();
        if io.command == Operation::Write {
            self.judge(self.packets().end(io.sector, io.sectors()));
        }
        if result.is_ok() && io.command == Operation::Read {
            io.set_data(&ended.data);
        }
        io.end(result);
    }

    /// Passes on what a judge has found.
    pub(super) fn judge(&self, verdict: Result<(), String>) {
        if let Err(text) = verdict {
            sim::violation(&text);
        }
    }
}

impl Job {
    /// The command, and the data that go with it.
    fn cdb(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Io(io, _) => transfer(io),
            Self::Command(command) => (command.cdb.clone(), command.out.clone()),
        }
    }
}
