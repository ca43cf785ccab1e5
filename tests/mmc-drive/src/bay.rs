// SPDX-License-Identifier: GPL-2.0-or-later
//! A drive with a thread of its own: one command at a time, each as long as it takes.

use crate::drive::{Answer, Drive, Outcome};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The transport's code for a command that was aborted.
pub const ABORTED: u8 = 1;
/// The transport's code for a command that a reset ended.
pub const RESET: u8 = 4;

/// Tells the sender of a command what came of it.
pub type Done = Box<dyn FnOnce(Answer, Vec<u8>) + Send>;

/// A command on its way to a drive.
pub struct Job {
    /// The sender's name for it.
    pub tag: u64,
    /// The command.
    pub cdb: [u8; 32],
    /// What it brings.
    pub out: Vec<u8>,
    /// Called once.
    pub done: Done,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    current: Option<u64>,
    /// Commands without an answer.
    open: u64,
    /// The current command ends at once, with this code.
    cancel: Option<u8>,
    /// Nothing takes time.
    hurry: bool,
    /// How often commands that hang were released.
    releases: u64,
}

/// A place for a drive.
pub struct Bay {
    drive: Mutex<Drive>,
    state: Mutex<State>,
    bell: Condvar,
}

/// A mutex whose holder panicked is as good as any: the test fails by other means.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bay {
    /// Starts a drive.
    pub fn start(drive: Drive) -> Arc<Self> {
        let bay = Arc::new(Self {
            drive: Mutex::new(drive),
            state: Mutex::default(),
            bell: Condvar::new(),
        });
        let worker = bay.clone();
        thread::spawn(move || loop {
            worker.work();
        });
        bay
    }

    /// The drive, also while it works.
    pub fn drive(&self) -> MutexGuard<'_, Drive> {
        lock(&self.drive)
    }

    /// Gives the drive a command.
    pub fn submit(&self, job: Job) {
        let mut state = lock(&self.state);
        state.waiting.push_back(job);
        state.open += 1;
        let open = state.open;
        drop(state);
        self.bell.notify_all();
        self.drive().stats.highest("max_queued", open);
    }

    /// Ends a command; whether it was there. When this returns it was answered.
    pub fn abort(&self, tag: u64) -> bool {
        let found = self.end(ABORTED, |other| other == tag);
        self.drive().stats.add("aborts", found as u64);
        found > 0
    }

    /// Ends all commands, with a code of the transport.
    pub fn abort_all(&self, code: u8) {
        let ended = self.end(code, |_| true);
        self.drive().stats.add("aborts", ended as u64);
    }

    /// Lets commands that hang go on.
    pub fn release(&self) {
        lock(&self.state).releases += 1;
        self.bell.notify_all();
    }

    /// Waits until nothing is under way; nothing takes time until then, and what hangs ends.
    pub fn drain(&self) {
        let mut state = lock(&self.state);
        state.hurry = true;
        self.bell.notify_all();
        while state.current.is_some() || !state.waiting.is_empty() {
            state = self.wait(state);
        }
        state.hurry = false;
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.bell
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, code: u8, concerned: impl Fn(u64) -> bool) -> usize {
        let mut state = lock(&self.state);
        let all = std::mem::take(&mut state.waiting);
        let (ended, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|job| concerned(job.tag));
        state.waiting = kept.into();
        state.open -= ended.len() as u64;
        let mut count = ended.len();
        if let Some(tag) = state.current.filter(|tag| concerned(*tag)) {
            count += 1;
            state.cancel = Some(code);
            self.bell.notify_all();
            while state.current == Some(tag) && state.cancel.is_some() {
                state = self.wait(state);
            }
        }
        drop(state);
        for job in ended {
            (job.done)(Answer::Transport(code), Vec::new());
        }
        count
    }

    /// The next command, and for how long there was none.
    fn next(&self) -> (Job, Option<Duration>) {
        let mut state = lock(&self.state);
        let mut since = None;
        loop {
            if let Some(job) = state.waiting.pop_front() {
                state.current = Some(job.tag);
                state.cancel = None;
                return (job, since.map(|since: Instant| since.elapsed()));
            }
            since = since.or_else(|| Some(Instant::now()));
            state = self.wait(state);
        }
    }

    fn work(&self) {
        let (job, idle) = self.next();
        if let Some(time) = idle {
            self.drive().was_idle(time);
        }
        let (answer, data) = loop {
            let releases = lock(&self.state).releases;
            let start = Instant::now();
            let outcome = self.drive().execute(&job.cdb, &job.out, start);
            match self.sleep(&outcome, start, releases) {
                Some(Answer::Never) => continue,
                Some(answer) => break (answer, Vec::new()),
                None => break (outcome.answer, outcome.data),
            }
        };
        // The sender may send the next one at once.
        lock(&self.state).open -= 1;
        (job.done)(answer, data);
        let mut state = lock(&self.state);
        state.current = None;
        state.cancel = None;
        drop(state);
        self.bell.notify_all();
    }

    /// Lets pass the time that a command takes. Gives another answer if it was ended
    /// meanwhile, `Never` if it hung and shall be done after all.
    fn sleep(&self, outcome: &Outcome, start: Instant, releases: u64) -> Option<Answer> {
        let hangs = outcome.answer == Answer::Never;
        let mut state = lock(&self.state);
        loop {
            if let Some(code) = state.cancel {
                return Some(Answer::Transport(code));
            }
            let left = outcome.takes.saturating_sub(start.elapsed());
            match (hangs, state.hurry) {
                (true, true) => return Some(Answer::Transport(ABORTED)),
                (true, false) if state.releases != releases => return Some(Answer::Never),
                (true, false) => state = self.wait(state),
                (false, false) if !left.is_zero() => {
                    let waited = self.bell.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                (false, _) => return None,
            }
        }
    }
}

/// Told when a drive comes (`true`) or goes.
pub type OnPlug = Box<dyn Fn(usize, bool) + Send + Sync>;

/// All the drives.
pub struct Rack {
    /// In the order of their numbers.
    pub bays: Vec<Arc<Bay>>,
    /// Tells the guest.
    pub on_plug: OnceLock<OnPlug>,
}

impl Rack {
    /// Starts drives.
    pub fn new(drives: Vec<Drive>) -> Arc<Self> {
        Arc::new(Self {
            bays: drives.into_iter().map(Bay::start).collect(),
            on_plug: OnceLock::new(),
        })
    }

    /// Connects or disconnects a drive.
    pub fn plug(&self, number: usize, plugged: bool) -> Result<(), String> {
        let bay = self.bays.get(number).ok_or("no such drive")?;
        if plugged {
            bay.drive().plug();
        } else {
            bay.drive().unplug();
            bay.abort_all(RESET);
        }
        self.tell(number, plugged);
        Ok(())
    }

    /// Tells the guest that a drive came or went.
    pub fn tell(&self, number: usize, plugged: bool) {
        if let Some(tell) = self.on_plug.get() {
            tell(number, plugged);
        }
    }
}
