// SPDX-License-Identifier: GPL-2.0

//! An NBD server that answers out of order, and misbehaves in many ways.
//!
//! It carries nothing out that came over a connection which is over: neither when the client has
//! aborted it, nor when the server has closed it.
//!
//! Source of the protocol: `doc/proto.md` of the NBD project.

mod behaviour;
mod health;
mod link;
mod wire;

pub use behaviour::Behaviour;
pub use health::Health;
pub use link::Link;
pub use wire::flag;

use super::export::Export;
use kernel::sim::{
    self,
    choose,
    once_in, //
};
use link::Host;
use rb::sim::sockets::{
    self,
    Network, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    rc::Rc,
};

/// A server.
pub struct Server {
    /// What it keeps.
    pub export: Export,
    /// Which connections are fine, and were when.
    pub health: Health,
    behaviour: Cell<Behaviour>,
    /// Bytes of the export, at most.
    bytes: u64,
    refusals: Cell<u64>,
    /// Whether a kind of request was called unknown.
    unknown: Cell<bool>,
    links: RefCell<Vec<Rc<Link>>>,
}

impl Server {
    /// Makes one with so many sectors.
    pub fn new(sectors: u64, behaviour: Behaviour) -> Rc<Self> {
        Rc::new(Self {
            export: Export::new(behaviour.flags & flag::FLUSH != 0),
            health: Health::default(),
            behaviour: Cell::new(behaviour),
            bytes: sectors * 512,
            refusals: Cell::new(0),
            unknown: Cell::new(false),
            links: RefCell::default(),
        })
    }

    /// Returns how it behaves.
    pub fn behaviour(&self) -> Behaviour {
        self.behaviour.get()
    }

    /// Has it behave otherwise.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.set(behaviour);
    }

    /// Returns how many requests it has refused.
    pub fn refusals(&self) -> u64 {
        self.refusals.get()
    }

    /// Returns whether it has ever called a kind of request unknown.
    pub fn has_unknown(&self) -> bool {
        self.unknown.get()
    }

    /// Takes a connection; returns the other end's descriptor.
    pub fn connect(self: &Rc<Self>) -> (u32, Rc<Link>) {
        let network = Network {
            latency: self.behaviour().network,
            plain: true,
        };
        let (fd, peer) = sockets::connect(network);
        let link = Rc::new(Link::new(peer, self.clone()));
        self.links.borrow_mut().push(link.clone());
        let served = link.clone();
        sim::spawn("server", move || served.serve());
        (fd, link)
    }

    /// Drops what has come and was not carried out, as a server does before it takes part in another
    /// session.
    pub fn forget_all(&self) {
        for link in self.links.borrow_mut().drain(..) {
            link.forget();
        }
    }

    /// Notes which connections the client has ended so far.
    pub fn notice(&self) {
        let links = self.links.borrow().clone();
        for link in links {
            link.notice();
        }
    }
}

impl Host for Server {
    fn export(&self) -> &Export {
        &self.export
    }

    fn health(&self) -> &Health {
        &self.health
    }

    fn behaviour(&self) -> Behaviour {
        self.behaviour.get()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn another(&self, link: &Link) -> Option<Rc<Link>> {
        let links = self.links.borrow();
        let others: Vec<&Rc<Link>> = links
            .iter()
            .filter(|other| !core::ptr::eq(&***other, link) && other.is_open())
            .collect();
        others
            .get(choose(others.len() as u64) as usize)
            .map(|link| (*link).clone())
    }

    fn refusal(&self, kind: u16) -> Option<u32> {
        let behaviour = self.behaviour();
        if behaviour.refusals == 0 || !once_in(behaviour.refusals) {
            return None;
        }
        let optional = matches!(kind, wire::TRIM | wire::ZEROES);
        let error = match choose(6) {
            0 if optional => 95,
            1 if optional => 22,
            2 => 28,
            3 => 12,
            _ => 5,
        };
        self.unknown
            .set(self.unknown.get() || matches!(error, 95 | 22));
        self.refusals.set(self.refusals.get() + 1);
        sim::count("requests refused", 1);
        Some(error)
    }
}
