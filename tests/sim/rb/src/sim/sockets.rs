// SPDX-License-Identifier: GPL-2.0

//! Connections over TCP: what a driver has of them, and the other end, which the world has.
//!
//! What is sent waits in a buffer of the sender until the network takes some of it, piece by piece and
//! after some time. From then on it is with the receiver, whatever becomes of the connection.

use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sim::{
        self,
        choose,
        clock,
        once_in, //
    },
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::{
        BTreeMap,
        VecDeque, //
    },
    sync::{
        Arc as Shared,
        Mutex, //
    },
};

thread_local! {
    static FDS: RefCell<BTreeMap<u32, Shared<Stream>>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u32> = const { Cell::new(3) };
    static IN_IO: Cell<usize> = const { Cell::new(0) };
}

/// How a direction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing comes behind what was sent.
    Closed,
    /// What the network does not have yet is gone.
    Reset,
}

/// One direction.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// So many of them are with the receiver.
    arrived: usize,
    /// The network is about to take some.
    moving: bool,
    /// It takes nothing.
    stalled: bool,
    end: Option<End>,
}

impl Pipe {
    /// Takes what has arrived; returns how many bytes.
    fn take(&mut self, place: &mut [u8]) -> usize {
        let count = self.arrived.min(place.len());
        for (to, from) in place.iter_mut().zip(self.bytes.drain(..count)) {
            *to = from;
        }
        self.arrived -= count;
        count
    }

    /// Returns whether nothing will arrive any more.
    fn is_over(&self) -> bool {
        self.arrived == 0
            && match self.end {
                None => false,
                Some(End::Closed) => self.bytes.is_empty(),
                Some(End::Reset) => true,
            }
    }

    fn reset(&mut self) {
        self.bytes.truncate(self.arrived);
        self.end = Some(End::Reset);
    }

    fn close(&mut self) {
        self.end = self.end.or(Some(End::Closed));
    }
}

struct State {
    /// To the peer, and from it.
    out: Pipe,
    back: Pipe,
    room: usize,
    in_io: bool,
    /// The driver has ended it, and so that nothing leaves this machine any more.
    shut: bool,
    aborted: bool,
    /// The peer has ended it.
    left: bool,
    moved: u64,
    /// When the driver has got it, and ended it.
    begun: u64,
    ended: Option<u64>,
}

impl State {
    fn shut(&mut self) {
        self.shut = true;
        self.ended = self.ended.or(Some(clock::now()));
    }
}

/// A connection.
pub struct Stream {
    state: Mutex<State>,
    changed: Pin<KBox<WaitQueue>>,
    latency: u64,
    plain: bool,
}

/// How a connection behaves.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// The longest time until the network takes what is sent, in nanoseconds.
    pub latency: u64,
    /// Whether nothing sits between the socket and what it carries.
    pub plain: bool,
}

/// Makes a connection; returns the descriptor of this end, and the other end.
pub fn connect(network: Network) -> (u32, Peer) {
    let changed = sim::faults::spare(|| KBox::pin_init(new_wait_queue!("the network"), GFP_ATOMIC));
    let changed = changed.expect("nothing fails");
    let stream = Shared::new(Stream {
        state: Mutex::new(State {
            out: Pipe::default(),
            back: Pipe::default(),
            room: usize::MAX,
            in_io: false,
            shut: false,
            aborted: false,
            left: false,
            moved: 0,
            begun: 0,
            ended: None,
        }),
        changed,
        latency: network.latency,
        plain: network.plain,
    });
    let fd = NEXT.with(|next| next.replace(next.get() + 1));
    FDS.with(|fds| fds.borrow_mut().insert(fd, stream.clone()));
    (fd, Peer(stream))
}

/// Closes a descriptor; the driver keeps what it has taken.
pub fn close(fd: u32) {
    let stream = FDS.with(|fds| fds.borrow_mut().remove(&fd));
    let unused = stream.filter(|stream| !stream.with(|state| state.in_io));
    if let Some(stream) = unused {
        stream.shut_down();
    }
}

/// Returns how many connections drivers have.
pub fn in_use() -> usize {
    IN_IO.with(Cell::get)
}

pub(crate) fn find(fd: u32) -> Option<Shared<Stream>> {
    FDS.with(|fds| fds.borrow().get(&fd).cloned())
}

/// Forgets all descriptors.
pub(crate) fn reset() {
    FDS.with(|fds| core::mem::forget(core::mem::take(&mut *fds.borrow_mut())));
    NEXT.with(|next| next.set(3));
    IN_IO.with(|in_io| in_io.set(0));
}

/// Which direction.
#[derive(Clone, Copy)]
enum Way {
    Out,
    Back,
}

impl State {
    fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Out => &mut self.out,
            Way::Back => &mut self.back,
        }
    }
}

impl Stream {
    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Lets the network take what is sent.
    fn go_on(self: &Shared<Self>, way: Way) {
        let begins = self.with(|state| {
            let pipe = state.pipe(way);
            let waits = !pipe.stalled && !pipe.moving && pipe.arrived < pipe.bytes.len();
            pipe.moving |= waits;
            waits
        });
        if begins && sim::is_running() {
            let this = self.clone();
            clock::after(choose(self.latency), move || this.arrive(way));
        }
    }

    /// The network takes some of it.
    fn arrive(self: &Shared<Self>, way: Way) {
        self.with(|state| {
            let pipe = state.pipe(way);
            pipe.moving = false;
            let left = pipe.bytes.len() - pipe.arrived;
            if !pipe.stalled {
                pipe.arrived += match choose(4) {
                    0 => choose(left as u64 + 1) as usize,
                    _ => left,
                };
            }
        });
        self.changed.wake_up_all();
        self.go_on(way);
    }

    pub(crate) fn begin_io(&self, room: Option<usize>) -> Result {
        if !self.plain {
            return Err(EOPNOTSUPP);
        }
        self.with(|state| {
            if core::mem::replace(&mut state.in_io, true) {
                return Err(EBUSY);
            }
            // Less than the kernel would give: so senders wait at times.
            state.room = room.unwrap_or(1 << 16).min(6 << 10);
            state.moved = clock::now();
            state.begun = state.moved;
            IN_IO.with(|in_io| in_io.set(in_io.get() + 1));
            Ok(())
        })
    }

    pub(crate) fn end_io(&self) {
        self.with(|state| {
            state.in_io = false;
            state.out.close();
            state.shut();
        });
        IN_IO.with(|in_io| in_io.set(in_io.get() - 1));
        self.changed.wake_up_all();
    }

    pub(crate) fn quiet(&self) -> u64 {
        clock::now().saturating_sub(self.with(|state| state.moved))
    }

    pub(crate) fn send(self: &Shared<Self>, bytes: &[u8]) -> Result {
        let mut waited = false;
        loop {
            sim::point();
            let sent = self.with(|state| {
                if state.shut {
                    return Some(Err(EPIPE));
                }
                if let Some(end) = state.out.end {
                    let err = if end == End::Reset { ECONNRESET } else { EPIPE };
                    return Some(Err(err));
                }
                if state.out.bytes.len() + bytes.len() > state.room {
                    return None;
                }
                state.out.bytes.extend(bytes);
                if waited {
                    state.moved = clock::now();
                }
                Some(Ok(()))
            });
            if let Some(result) = sent {
                self.go_on(Way::Out);
                return result;
            }
            waited = true;
            self.changed.wait_event(|| {
                self.with(|state| {
                    let room = state.out.bytes.len() + bytes.len() <= state.room;
                    room || state.shut || state.out.end.is_some()
                })
            });
            if !sim::is_running() {
                return Err(EPIPE);
            }
        }
    }

    pub(crate) fn receive(&self, place: &mut [u8]) -> Result {
        let mut done = 0;
        while done < place.len() {
            sim::point();
            let took = self.with(|state| {
                // What has arrived may be there even after the end, or not.
                if state.shut && (state.back.arrived == 0 || once_in(2)) {
                    return Err(EPIPE);
                }
                let count = state.back.take(&mut place[done..]);
                if count != 0 {
                    state.moved = clock::now();
                } else if state.back.is_over() {
                    let reset = state.back.end == Some(End::Reset);
                    return Err(if reset { ECONNRESET } else { EPIPE });
                }
                Ok(count)
            })?;
            done += took;
            if took == 0 {
                self.changed.wait_event(|| {
                    self.with(|state| state.shut || state.back.arrived != 0 || state.back.is_over())
                });
                if !sim::is_running() {
                    return Err(EPIPE);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn shut_down(&self) {
        sim::point();
        self.with(|state| {
            state.shut();
            state.out.close();
        });
        self.changed.wake_up_all();
    }

    pub(crate) fn abort(&self) {
        sim::point();
        self.with(|state| {
            state.aborted = true;
            state.shut();
            state.out.reset();
        });
        self.changed.wake_up_all();
    }
}

/// The other end of a connection.
#[derive(Clone)]
pub struct Peer(Shared<Stream>);

impl Peer {
    /// Receives as many bytes as there is room for; returns false if the connection ends before.
    pub fn receive(&self, place: &mut [u8]) -> bool {
        let mut done = 0;
        while done < place.len() {
            sim::point();
            let (took, over) = self.0.with(|state| {
                let took = state.out.take(&mut place[done..]);
                (took, state.left || state.out.is_over())
            });
            done += took;
            if took != 0 {
                // There is room again.
                self.0.changed.wake_up_all();
            } else if over || !sim::is_running() {
                return false;
            } else {
                self.0.changed.wait_event(|| {
                    self.0
                        .with(|state| state.left || state.out.arrived != 0 || state.out.is_over())
                });
            }
        }
        true
    }

    /// Sends. Any context.
    pub fn send(&self, bytes: &[u8]) {
        self.0.with(|state| {
            if state.back.end.is_none() {
                state.back.bytes.extend(bytes);
            }
        });
        self.0.go_on(Way::Back);
    }

    /// Sends nothing any more.
    pub fn close_write(&self) {
        self.0.with(|state| state.back.close());
        self.0.changed.wake_up_all();
    }

    /// Closes the connection; `resets` it if what was sent is not to arrive.
    pub fn close(&self, resets: bool) {
        self.0.with(|state| {
            state.left = true;
            if resets {
                state.back.reset();
                state.out.end = Some(End::Reset);
            } else {
                state.back.close();
                state.out.close();
            }
        });
        self.0.changed.wake_up_all();
    }

    /// Has the network take nothing, or all again.
    pub fn stall(&self, stalled: bool) {
        self.stall_way(Way::Out, stalled);
        self.stall_way(Way::Back, stalled);
    }

    /// Has the network take nothing that the driver sends, or all again.
    pub fn stall_driver(&self, stalled: bool) {
        self.stall_way(Way::Out, stalled);
    }

    fn stall_way(&self, way: Way, stalled: bool) {
        self.0.with(|state| state.pipe(way).stalled = stalled);
        self.0.go_on(way);
    }

    /// Returns whether the driver has given it up.
    pub fn is_aborted(&self) -> bool {
        self.0.with(|state| state.aborted)
    }

    /// Returns whether the driver has ended it, in whatever way.
    pub fn is_shut(&self) -> bool {
        self.0.with(|state| state.shut)
    }

    /// Returns for how long the driver has had it, and for how long nothing had moved in the end.
    pub fn lasted(&self) -> (u64, u64) {
        self.0.with(|state| {
            let ended = state.ended.unwrap_or_else(clock::now);
            let since = |begin| ended.saturating_sub(begin);
            (since(state.begun), since(state.moved))
        })
    }

    /// Returns whether this end was closed.
    pub fn has_left(&self) -> bool {
        self.0.with(|state| state.left)
    }
}
