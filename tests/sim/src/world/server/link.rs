// SPDX-License-Identifier: GPL-2.0

//! A connection of a server.

use super::{
    behaviour::Behaviour,
    health::Health,
    wire::{
        self,
        Request,
        REQUEST, //
    },
};
use crate::world::export::Export;
use kernel::sim::{
    self,
    choose,
    clock,
    once_in, //
};
use rb::sim::sockets::Peer;
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeSet,
    rc::Rc,
};

/// For how long the network takes nothing, at most.
const OUTAGE: u64 = 3_000_000_000;

/// Whether the session of a connection has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Not yet.
    Outside,
    /// It is fine.
    Fine,
    /// It was spoilt, or ended.
    Over,
}

/// Who has connections.
pub(super) trait Host {
    /// Returns what it keeps.
    fn export(&self) -> &Export;
    /// Returns which connections are fine.
    fn health(&self) -> &Health;
    /// Returns how it behaves.
    fn behaviour(&self) -> Behaviour;
    /// Returns how many bytes the export has, at most.
    fn bytes(&self) -> u64;
    /// Returns another connection than this one.
    fn another(&self, link: &Link) -> Option<Rc<Link>>;
    /// Decides whether a request is refused, and with which error.
    fn refusal(&self, kind: u16) -> Option<u32>;
}

/// Returns which of so many kinds of misbehaviour is next: one whose bit is set, or any if there is none.
fn kind(kinds: u64, count: u64) -> u64 {
    let may: Vec<u64> = (0..count).filter(|n| kinds >> n & 1 != 0).collect();
    let chosen = may.get(choose(may.len() as u64) as usize);
    chosen.copied().unwrap_or_else(|| choose(count))
}

/// A connection.
pub struct Link {
    peer: Peer,
    server: Rc<dyn Host>,
    part: Cell<Part>,
    /// Nothing is carried out any more.
    forgotten: Cell<bool>,
    told: Cell<bool>,
    under_way: RefCell<BTreeSet<u64>>,
    /// Requests that were answered.
    old: RefCell<Vec<u64>>,
}

impl Link {
    pub(super) fn new(peer: Peer, server: Rc<dyn Host>) -> Self {
        Self {
            peer,
            server,
            part: Cell::new(Part::Outside),
            forgotten: Cell::new(false),
            told: Cell::new(false),
            under_way: RefCell::default(),
            old: RefCell::default(),
        }
    }

    /// Notes that the session has it now, if nothing has become of it meanwhile.
    pub fn join(&self) {
        if self.part.get() == Part::Outside && self.is_open() {
            self.part.set(Part::Fine);
            self.server.health().join();
        }
    }

    /// Returns whether the client and the server have it.
    pub fn is_open(&self) -> bool {
        !self.peer.is_shut() && !self.peer.has_left()
    }

    /// Notes that it is spoilt.
    fn spoil(&self) {
        self.end(true);
    }

    /// Sends what no client can believe. What the client has sent meanwhile may come late.
    fn send_rubbish(&self, bytes: &[u8]) {
        self.spoil();
        if once_in(2) {
            self.peer.stall_driver(true);
            let peer = self.peer.clone();
            clock::after(choose(OUTAGE), move || peer.stall_driver(false));
        }
        self.peer.send(bytes);
    }

    /// Notes that the client has ended it, if it has.
    pub(super) fn notice(&self) {
        if self.peer.is_shut() {
            self.end(false);
        }
    }

    fn end(&self, spoilt: bool) {
        let part = self.part.replace(Part::Over);
        if part != Part::Fine {
            return;
        }
        let health = self.server.health();
        if spoilt {
            return health.spoil();
        }
        let (lasted, quiet) = self.peer.lasted();
        if let Err(text) = health.end(lasted, quiet) {
            sim::violation(&format!(
                "{text}; it has lasted for {lasted} ns, and was quiet for {quiet}"
            ));
        }
    }

    /// Drops what has come and was not carried out.
    pub(super) fn forget(&self) {
        self.part.set(Part::Over);
        self.close(false);
    }

    /// Reads requests until the connection ends.
    pub(super) fn serve(self: Rc<Self>) {
        while self.serve_one() {}
        self.end(false);
        if self.told.get() && !self.under_way.borrow().is_empty() {
            // Who says that it is the end wants no replies.
            self.under_way.borrow_mut().clear();
        }
        self.peer.close(once_in(4));
    }

    fn serve_one(self: &Rc<Self>) -> bool {
        let mut bytes = [0; REQUEST];
        if !self.peer.receive(&mut bytes) || self.peer.is_aborted() {
            return false;
        }
        let behaviour = self.server.behaviour();
        let request = Request::parse(&bytes).and_then(|request| {
            request
                .check(behaviour.flags, self.server.bytes(), behaviour.most)
                .map(|()| request)
        });
        let request = match request {
            Ok(request) => request,
            Err(text) => {
                sim::violation(&text);
                return false;
            }
        };
        if request.kind == wire::DISCONNECT {
            self.told.set(true);
            return false;
        }
        sim::count("requests", 1);
        if !self.under_way.borrow_mut().insert(request.cookie) {
            sim::violation(&format!("two requests have one name: {request:?}"));
        }
        self.read_on(request)
    }

    fn read_on(self: &Rc<Self>, request: Request) -> bool {
        if self.misbehaves() && once_in(8) {
            return self.fail_to_read();
        }
        let refusal = self.server.refusal(request.kind);
        let early = request.kind == wire::WRITE && refusal.is_some() && once_in(2);
        if let (Some(error), true) = (refusal, early) {
            self.answer(&request, error, &[]);
        }
        let mut data = Vec::new();
        if request.kind == wire::WRITE {
            data = vec![0; request.length as usize];
            if !self.peer.receive(&mut data) {
                return false;
            }
        }
        if !early {
            let this = self.clone();
            clock::after(choose(self.server.behaviour().latency), move || {
                this.finish(&request, &data, refusal);
            });
        }
        true
    }

    fn misbehaves(&self) -> bool {
        let faults = self.server.behaviour().faults;
        faults != 0 && once_in(faults)
    }

    /// What may happen instead of reading on; returns whether there may be more.
    fn fail_to_read(self: &Rc<Self>) -> bool {
        let behaviour = self.server.behaviour();
        sim::count("connections spoilt", 1);
        match kind(behaviour.kinds, 3) {
            0 => {
                self.spoil();
                self.close(true);
            }
            1 => {
                self.spoil();
                self.close(false);
            }
            // It reads nothing, until the client has had enough.
            _ if behaviour.silent => {
                self.spoil();
                while self.is_open() {
                    clock::sleep(50_000_000);
                }
            }
            _ => {
                self.spoil();
                self.close(false);
            }
        }
        false
    }

    fn close(&self, resets: bool) {
        self.forgotten.set(true);
        self.peer.close(resets);
    }

    /// Carries a request out, and answers.
    fn finish(self: &Rc<Self>, request: &Request, data: &[u8], refusal: Option<u32>) {
        if self.forgotten.get() || self.peer.is_aborted() || self.peer.has_left() {
            return;
        }
        if let Some(error) = refusal {
            return self.answer(request, error, &[]);
        }
        if self.misbehaves() && once_in(2) {
            // It may have been carried out or not.
            if once_in(2) {
                self.carry_out(request, data);
            }
            return self.fail_to_answer(request);
        }
        let back = self.carry_out(request, data);
        if self.misbehaves() {
            return self.answer_badly(request, &back);
        }
        self.answer(request, 0, &back);
    }

    /// Does what a request asks for; returns what it reads.
    fn carry_out(&self, request: &Request, data: &[u8]) -> Vec<u8> {
        let export = self.server.export();
        let (first, count) = (request.first(), request.count());
        let through = request.flags & wire::FUA != 0;
        match request.kind {
            wire::READ => return export.read(first, count),
            wire::WRITE => export.write(first, data, through),
            wire::FLUSH => export.flush(),
            wire::ZEROES => export.zero(first, count, through),
            // What is discarded need not be kept, but may.
            _ if once_in(2) => export.zero(first, count, through),
            _ => {}
        }
        Vec::new()
    }

    fn answer(&self, request: &Request, error: u32, data: &[u8]) {
        self.under_way.borrow_mut().remove(&request.cookie);
        self.old.borrow_mut().push(request.cookie);
        let mut bytes = wire::reply(error, request.cookie);
        bytes.extend(data);
        self.peer.send(&bytes);
    }

    /// What may happen instead of an answer.
    fn fail_to_answer(self: &Rc<Self>, request: &Request) {
        let Behaviour { silent, kinds, .. } = self.server.behaviour();
        sim::count("connections spoilt", 1);
        match kind(kinds >> 8, 7) {
            0 => {
                self.spoil();
                self.close(true);
            }
            1 => {
                self.spoil();
                self.close(false);
            }
            2 => {
                // About to go down.
                self.spoil();
                self.answer(request, 108, &[]);
            }
            3 if silent => self.spoil(),
            4 => {
                // A name that nobody has.
                self.send_rubbish(&wire::reply(0, !request.cookie));
            }
            5 => {
                self.spoil();
                self.peer
                    .send(&wire::reply(0, request.cookie)[..3 + choose(12) as usize]);
                self.close(false);
            }
            _ => {
                let mut bytes = wire::reply(0, request.cookie);
                bytes[choose(4) as usize] ^= 0x40;
                self.send_rubbish(&bytes);
            }
        }
    }

    /// An answer, and what is wrong with it, or with what comes next.
    fn answer_badly(self: &Rc<Self>, request: &Request, data: &[u8]) {
        sim::count("connections spoilt", 1);
        match kind(self.server.behaviour().kinds >> 16, 7) {
            0 => {
                // Twice.
                self.answer(request, 0, data);
                self.send_rubbish(&wire::reply(0, request.cookie));
            }
            1 => {
                // Before, once more what was answered long ago.
                let old = self.old.borrow().first().copied();
                if let Some(old) = old {
                    self.spoil();
                    self.peer.send(&wire::reply(0, old));
                }
                self.answer(request, 0, data);
            }
            2 => {
                // Over another connection, of which the client cannot believe it.
                let Some(other) = self.server.another(self) else {
                    return self.answer(request, 0, data);
                };
                self.spoil();
                other.spoil();
                let mut bytes = wire::reply(0, request.cookie);
                bytes.extend(data);
                other.peer.send(&bytes);
                // There is no answer here.
                self.close(false);
            }
            3 => {
                self.answer(request, 0, data);
                self.spoil();
                self.peer.close_write();
            }
            4 => {
                self.answer(request, 0, data);
                self.send_rubbish(&[0x55; 16]);
            }
            5 => {
                // Nothing is wrong, but this one takes long.
                let (this, request, data) = (self.clone(), *request, data.to_vec());
                clock::after(choose(2 * OUTAGE), move || this.answer(&request, 0, &data));
            }
            _ => {
                // Nothing is wrong, but the network takes nothing for some time.
                self.peer.stall(true);
                let peer = self.peer.clone();
                clock::after(choose(OUTAGE), move || peer.stall(false));
                self.answer(request, 0, data);
            }
        }
    }
}
