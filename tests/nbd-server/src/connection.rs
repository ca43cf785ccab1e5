// SPDX-License-Identifier: GPL-2.0
//! A client's connection: one thread reads requests, another one answers them.

use crate::fault::{Fault, Kind};
use crate::handshake;
use crate::link::Link;
use crate::lock::lock;
use crate::protocol::{chunk, error, reply, Command, Request, REPLY_MAGIC, REQUEST_LEN};
use crate::server::Server;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::net::Shutdown;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

/// A connection after the handshake.
pub struct Connection {
    server: Arc<Server>,
    link: Arc<Link>,
    number: usize,
    /// Replies to repeat, and after how many others.
    repeat: Mutex<VecDeque<(u64, Vec<u8>)>>,
}

/// A request that waits for its answer.
struct Job {
    request: Request,
    payload: Vec<u8>,
    fault: Option<Arc<Fault>>,
    due: Instant,
}

fn ended() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl Connection {
    /// Serves a client until it goes.
    pub fn serve(server: Arc<Server>, socket: File) -> io::Result<()> {
        let connection = Arc::new(Self::new(server, socket)?);
        connection.server.add(&connection.link);
        connection.run()
    }

    /// After a handshake.
    fn new(server: Arc<Server>, mut socket: File) -> io::Result<Self> {
        if !handshake::serve(&mut socket, server.export)? {
            return Err(ended());
        }
        let number = server.stats().connected();
        Ok(Self {
            number,
            link: Arc::new(Link::new(socket)?),
            server,
            repeat: Mutex::default(),
        })
    }

    /// Until the client goes or a fault ends it.
    fn run(self: &Arc<Self>) -> io::Result<()> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let this = self.clone();
        let worker = std::thread::spawn(move || {
            let mut alive = true;
            for job in queue {
                if alive && this.answer(&job).is_err() {
                    alive = false;
                    this.link.cut();
                }
                this.server.stats().end(this.number, &job.request);
            }
        });
        let result = self.read(&jobs);
        drop(jobs);
        let _ = worker.join();
        self.link.cut();
        result
    }

    fn read(&self, jobs: &mpsc::Sender<Job>) -> io::Result<()> {
        loop {
            let mut head = [0; REQUEST_LEN];
            (&self.link.socket).read_exact(&mut head)?;
            let Some(request) = Request::parse(&head) else {
                let what = format!("connection {}: wrong magic {head:x?}", self.number);
                self.server.stats().violation(what);
                return Err(ended());
            };
            let export = self.server.export;
            let mut stats = self.server.stats();
            stats.begin(self.number, &request, export.size, export.flags);
            drop(stats);
            if request.command == Some(Command::Disconnect) {
                return self.only_end_follows();
            }
            let job = self.job(request).inspect_err(|_| {
                self.server.stats().end(self.number, &request);
            })?;
            jobs.send(job).map_err(|_| ended())?;
        }
    }

    /// After a disconnect nothing may come. The client may wait for this side to close.
    fn only_end_follows(&self) -> io::Result<()> {
        let mut fds = [PollFd::new(&self.link.socket, PollFlags::IN)];
        let a_moment = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        let more = poll(&mut fds, Some(&a_moment))? > 0;
        if more && matches!((&self.link.socket).read(&mut [0; 1]), Ok(1)) {
            let what = format!("connection {}: more after disc", self.number);
            self.server.stats().violation(what);
        }
        Ok(())
    }

    /// Reads the payload; before that, what has to happen before that.
    fn job(&self, request: Request) -> io::Result<Job> {
        let fault = self.server.fault().filter(|f| f.strikes(request.command));
        if let Some(fault) = &fault {
            self.server.stats().struck();
            match fault.kind {
                Kind::Early => self.link.send(&reply(REPLY_MAGIC, 0, request.cookie))?,
                Kind::Deaf => std::thread::sleep(Duration::from_millis(fault.value)),
                Kind::Cut => {
                    let some = request.payload().min(fault.value as usize);
                    (&self.link.socket).read_exact(&mut vec![0; some])?;
                    self.link.cut();
                    return Err(ended());
                }
                _ => {}
            }
        }
        let mut payload = vec![0; request.payload()];
        (&self.link.socket).read_exact(&mut payload)?;
        Ok(Job {
            request,
            payload,
            fault,
            due: Instant::now() + self.server.delay(),
        })
    }

    /// Whether the client has not hung up.
    fn there(&self) -> bool {
        let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut fds = [PollFd::new(&self.link.socket, PollFlags::RDHUP)];
        poll(&mut fds, Some(&Timespec::default())).is_ok() && !fds[0].revents().intersects(gone)
    }

    fn execute(&self, job: &Job) -> Result<Vec<u8>, u32> {
        let (r, store) = (&job.request, &self.server.store);
        let there = || self.there();
        match r.command {
            Some(Command::Read) => return store.read(r.offset, r.length),
            Some(Command::Write) => store.write(there, r.offset, &job.payload)?,
            Some(Command::Trim | Command::Zeroes) => store.zero(there, r.offset, r.length)?,
            Some(Command::Flush) => {}
            _ => return Err(error::EINVAL),
        }
        Ok(vec![])
    }

    fn answer(&self, job: &Job) -> io::Result<()> {
        std::thread::sleep(job.due.saturating_duration_since(Instant::now()));
        let cookie = job.request.cookie;
        // A request that fails, whether from here or by a fault, is not executed twice.
        let injected = job.fault.as_ref().filter(|f| f.kind == Kind::Error);
        let result = match injected {
            Some(fault) => Err(fault.value as u32),
            None => self.execute(job),
        };
        // Before the reply: the client may use the cookie again at once.
        self.server.stats().end(self.number, &job.request);
        let mut good = match &result {
            Ok(_) => reply(REPLY_MAGIC, 0, cookie).to_vec(),
            Err(error) => reply(REPLY_MAGIC, *error, cookie).to_vec(),
        };
        good.extend(result.unwrap_or_default());
        match &job.fault {
            Some(fault) if fault.kind != Kind::Error => self.misbehave(fault, cookie, good)?,
            _ => self.link.send(&good)?,
        }
        self.repeat_due()
    }

    fn misbehave(&self, fault: &Fault, cookie: u64, mut good: Vec<u8>) -> io::Result<()> {
        let value = fault.value;
        match fault.kind {
            Kind::Error | Kind::Deaf => self.link.send(&good),
            Kind::ErrorWithPayload => {
                good[4..8].copy_from_slice(&(value as u32).to_be_bytes());
                self.link.send(&good)
            }
            Kind::WrongMagic => {
                good[..4].copy_from_slice(&(value as u32).to_be_bytes());
                self.link.send(&good)
            }
            Kind::Structured => self.link.send(&chunk(cookie, value as u32)),
            Kind::WrongCookie => {
                good[8..16].copy_from_slice(&(cookie ^ value).to_be_bytes());
                self.link.send(&good)
            }
            Kind::LateDuplicate => {
                lock(&self.repeat).push_back((value + 1, good.clone()));
                self.link.send(&good)
            }
            Kind::Duplicate => self.link.send(&good.repeat(2)),
            Kind::Unsolicited => {
                self.link.send(&reply(REPLY_MAGIC, 0, value))?;
                self.link.send(&good)
            }
            Kind::OtherConnection => match self.server.other(&self.link) {
                Some(other) => other.send(&good),
                None => self.link.send(&good),
            },
            Kind::Short => {
                self.link.send(&good[..good.len().min(value as usize)])?;
                Err(ended())
            }
            Kind::Stall => {
                self.link.send(&good[..good.len().min(value as usize)])?;
                while self.there() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(ended())
            }
            Kind::Drip => good.chunks(1).try_for_each(|byte| self.link.send(byte)),
            Kind::HalfClose => {
                self.link.send(&good)?;
                Ok(rustix::net::shutdown(&self.link.socket, Shutdown::Write)?)
            }
            // What is cut has not come as far as here.
            Kind::Never | Kind::Early | Kind::Cut => Ok(()),
            Kind::Close => Err(ended()),
            Kind::Trailing => {
                good.resize(good.len() + value as usize, 0x5a);
                self.link.send(&good)
            }
        }
    }

    /// Counts a reply, and repeats what has waited for it.
    fn repeat_due(&self) -> io::Result<()> {
        let mut repeat = lock(&self.repeat);
        repeat.iter_mut().for_each(|(after, _)| *after -= 1);
        while repeat.front().is_some_and(|(after, _)| *after == 0) {
            if let Some((_, bytes)) = repeat.pop_front() {
                self.link.send(&bytes)?;
            }
        }
        Ok(())
    }
}
