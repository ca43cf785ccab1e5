// SPDX-License-Identifier: GPL-2.0

//! Attempts to connect, each in a thread of its own: a server that does not answer holds up nobody but
//! those who wait for that server.

use crate::negotiate::{negotiate, Export, Refusal};
use crate::server::Address;
use crate::stream::Stream;
use std::io::{self, Write};
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// For an attempt to connect and to agree.
const LIMIT: Duration = Duration::from_secs(10);
/// All of a stack is locked in memory. The buffers for what a server says have hundreds of bytes.
const STACK: usize = 128 << 10;

/// What came of an attempt.
pub type Outcome = Result<(OwnedFd, Export), Refusal>;

/// Connects to a server, and agrees on an export.
pub fn attempt(address: &Address, name: &str) -> Outcome {
    let mut stream = Stream::connect(address, LIMIT)?;
    let export = negotiate(&mut stream, name.as_bytes())?;
    Ok((stream.into_socket(), export))
}

/// What a thread is at.
enum Stage {
    /// It waits.
    Idle,
    /// It is to try the address of this number.
    Wanted(usize),
    /// It tries.
    Trying,
    /// It is done, and nobody has looked yet.
    Done(Outcome),
    /// It is to end.
    Over,
}

/// Where a thread is told what to do, and leaves what came of it. Neither needs memory.
struct Desk {
    stage: Mutex<Stage>,
    told: Condvar,
}

impl Desk {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, stage: Stage) {
        *self.stage() = stage;
        self.told.notify_one();
    }

    /// Waits for what there is to do: the number of an address, or nothing more.
    fn next(&self) -> Option<usize> {
        let mut stage = self.stage();
        loop {
            match *stage {
                Stage::Wanted(turn) => {
                    *stage = Stage::Trying;
                    return Some(turn);
                }
                Stage::Over => return None,
                _ => {
                    stage = self
                        .told
                        .wait(stage)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        }
    }

    /// Leaves what came of an attempt, unless it is of no use any more.
    fn leave(&self, outcome: Outcome) {
        let mut stage = self.stage();
        if matches!(*stage, Stage::Trying) {
            *stage = Stage::Done(outcome);
        }
    }
}

/// A thread that tries to connect when it is told to.
pub struct Attempts(Arc<Desk>);

impl Attempts {
    /// Starts a thread, which connects to these addresses, and sends a byte to `bell` whenever it is
    /// done. It has the priority of the thread that calls this, and what the kernel lets that do.
    pub fn start(addresses: Arc<[Address]>, name: Arc<str>, bell: UnixStream) -> io::Result<Self> {
        let desk = Arc::new(Desk {
            stage: Mutex::new(Stage::Idle),
            told: Condvar::new(),
        });
        let own = desk.clone();
        let thread = thread::Builder::new().stack_size(STACK);
        thread.spawn(move || {
            while let Some(turn) = own.next() {
                let address = &addresses[turn % addresses.len()];
                own.leave(attempt(address, &name));
                // If there is no room, the bell rings already.
                let _ = (&bell).write(&[0]);
            }
        })?;
        Ok(Self(desk))
    }

    /// Begins an attempt at the address of this number, unless one runs.
    pub fn begin(&self, turn: usize) {
        if !self.is_busy() {
            self.0.tell(Stage::Wanted(turn));
        }
    }

    /// Whether an attempt runs, or nobody has looked what came of it.
    pub fn is_busy(&self) -> bool {
        !matches!(*self.0.stage(), Stage::Idle)
    }

    /// Takes what came of an attempt, if it is done.
    pub fn take(&self) -> Option<Outcome> {
        let mut stage = self.0.stage();
        match mem::replace(&mut *stage, Stage::Idle) {
            Stage::Done(outcome) => Some(outcome),
            other => {
                *stage = other;
                None
            }
        }
    }
}

impl Drop for Attempts {
    fn drop(&mut self) {
        // It may take its time to notice; nobody waits for that.
        self.0.tell(Stage::Over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn start(address: &TcpListener) -> (Attempts, UnixStream) {
        let address = Address::Tcp(address.local_addr().unwrap());
        let (reader, bell) = UnixStream::pair().unwrap();
        let attempts = Attempts::start([address].into(), "".into(), bell).unwrap();
        (attempts, reader)
    }

    #[test]
    fn one_that_gets_no_answer_is_no_others_concern() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let (waits, _bell) = start(&silent);
        waits.begin(0);
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let (attempts, mut bell) = start(&other);
        for turn in 0..3 {
            assert!(attempts.take().is_none() && !attempts.is_busy());
            attempts.begin(turn);
            let (mut server, _) = other.accept().unwrap();
            server.write_all(&[b'x'; 8]).unwrap();
            bell.read_exact(&mut [0]).unwrap();
            assert!(matches!(attempts.take(), Some(Err(Refusal::NotNbd))));
        }
        assert!(waits.is_busy() && waits.take().is_none());
    }

    #[test]
    fn one_at_a_time() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let (attempts, _bell) = start(&silent);
        attempts.begin(0);
        let first = silent.accept().unwrap();
        attempts.begin(0);
        drop(first);
        while attempts.take().is_none() {
            thread::yield_now();
        }
        silent.set_nonblocking(true).unwrap();
        assert!(silent.accept().is_err());
    }
}
