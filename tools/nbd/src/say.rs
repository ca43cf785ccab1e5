// SPDX-License-Identifier: GPL-2.0

//! Lines for people.
//!
//! A write to a pipe or a terminal may wait for its reader, and the reader may wait for the device: the
//! kernel holds the lock of a pipe while it copies to memory of the reader that is swapped out. So a
//! thread of its own writes, and nobody waits for it. A line for which there is no room any more is left
//! out.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes of lines that wait to be written.
const ROOM: usize = 8 << 10;
/// The stack of the thread; it is locked in memory.
const STACK: usize = 64 << 10;
/// How long the end waits until all lines are written.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where lines are put together.
pub struct Log {
    line: String,
    shared: Arc<Shared>,
}

/// What the thread and those who say something share. The lock is held for copying only.
#[derive(Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// There are lines, or it is over.
    came: Condvar,
    /// All lines are written.
    written: Condvar,
}

#[derive(Default)]
struct Lines {
    text: String,
    /// The thread is writing some.
    writing: bool,
    over: bool,
}

impl Log {
    /// Lines go to the standard error. Fails if there can be no thread.
    pub fn new() -> io::Result<Self> {
        Self::to(io::stderr())
    }

    fn to(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.lock().text.reserve_exact(ROOM);
        let theirs = shared.clone();
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || theirs.write_all(sink))?;
        Ok(Self {
            line: String::with_capacity(1024),
            shared,
        })
    }

    /// Says something; does not wait until it is written.
    pub fn say(&mut self, what: fmt::Arguments<'_>) {
        self.line.clear();
        let _ = writeln!(self.line, "rblk-nbd: {what}");
        let mut lines = self.shared.lock();
        if lines.text.len() + self.line.len() <= ROOM {
            lines.text.push_str(&self.line);
            self.shared.came.notify_one();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let mut lines = self.shared.lock();
        lines.over = true;
        self.shared.came.notify_one();
        let unwritten = |lines: &mut Lines| lines.writing || !lines.text.is_empty();
        let _ = self
            .shared
            .written
            .wait_timeout_while(lines, LAST_WORDS, unwritten);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines as they come, until it is over.
    fn write_all(&self, mut sink: impl Write) {
        let mut text = String::with_capacity(ROOM);
        while self.next(&mut text) {
            let _ = sink.write_all(text.as_bytes());
            text.clear();
        }
    }

    /// Waits for lines and takes them; returns whether there are any. Called again when they are
    /// written.
    fn next(&self, text: &mut String) -> bool {
        let mut lines = self.lock();
        lines.writing = false;
        if lines.text.is_empty() {
            self.written.notify_all();
        }
        let nothing = |lines: &mut Lines| lines.text.is_empty() && !lines.over;
        let mut lines = self
            .came
            .wait_while(lines, nothing)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut lines.text, text);
        lines.writing = !text.is_empty();
        lines.writing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{self, Receiver, Sender};

    /// Says when a write has begun, and ends it when it may.
    struct Slow {
        begun: Sender<String>,
        may_end: Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(String::from_utf8_lossy(bytes).into_owned());
            let _ = self.may_end.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Log, Receiver<String>, Sender<()>) {
        let (begun, written) = mpsc::channel();
        let (end, may_end) = mpsc::channel();
        (Log::to(Slow { begun, may_end }).unwrap(), written, end)
    }

    #[test]
    fn nobody_waits_for_a_reader() {
        let (mut log, written, end) = slow();
        log.say(format_args!("one"));
        assert_eq!(written.recv().unwrap(), "rblk-nbd: one\n");
        // These would wait for the end of that write.
        log.say(format_args!("two"));
        log.say(format_args!("three"));
        end.send(()).unwrap();
        assert_eq!(written.recv().unwrap(), "rblk-nbd: two\nrblk-nbd: three\n");
        end.send(()).unwrap();
    }

    #[test]
    fn what_finds_no_room_is_left_out() {
        let (mut log, written, end) = slow();
        log.say(format_args!("first"));
        written.recv().unwrap();
        let long = "x".repeat(1000);
        for _ in 0..20 {
            log.say(format_args!("{long}"));
        }
        drop(end);
        let rest = written.recv().unwrap();
        assert!(rest.len() <= ROOM && rest.len() > ROOM - 1100);
        assert!(rest.lines().all(|line| line.len() == 1010));
    }

    #[test]
    fn the_end_waits_for_what_was_said() {
        let (mut log, written, end) = slow();
        log.say(format_args!("last"));
        drop(end);
        drop(log);
        assert_eq!(written.try_recv().unwrap(), "rblk-nbd: last\n");
    }
}
