// SPDX-License-Identifier: GPL-2.0-or-later
//! The controller: queues to drives, and drives to queues.

use super::request::{respond, Management, Memory, Request, Space};
use crate::bay::{lock, Bay, Job, Rack, RESET};
use crate::drive::{Answer, NOBODY};
use std::io;
use std::sync::{Arc, Mutex};
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};
use vhost_user_backend::{VhostUserBackend, VringRwLock, VringT};
use virtio_queue::{DescriptorChain, QueueT};
use vm_memory::{GuestAddressSpace, GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{
    new_event_consumer_and_notifier, EventConsumer, EventFlag, EventNotifier,
};

const CONTROL: u16 = 0;
const EVENT: u16 = 1;
const REQUEST: u16 = 2;

const F_HOTPLUG: u64 = 1 << 1;
/// QEMU lets the guest have it without asking.
const F_CHANGE: u64 = 1 << 2;
const F_INDIRECT: u64 = 1 << 28;
const F_VERSION_1: u64 = 1 << 32;

const FAILURE: u8 = 9;

/// Descriptors of drives that came or went, and the queue on which to tell.
#[derive(Default)]
struct Plugs {
    queue: Option<VringRwLock>,
    waiting: Vec<(usize, bool)>,
}

/// The controller.
pub struct Backend {
    rack: Arc<Rack>,
    memory: GuestMemoryAtomic<GuestMemoryMmap>,
    plugs: Mutex<Plugs>,
}

impl Backend {
    /// A controller for these drives. The guest is told of what comes and goes.
    pub fn new(rack: Arc<Rack>, memory: GuestMemoryAtomic<GuestMemoryMmap>) -> Arc<Self> {
        let backend = Arc::new(Self {
            rack,
            memory,
            plugs: Mutex::default(),
        });
        let told = Arc::downgrade(&backend);
        let _ = backend.rack.on_plug.set(Box::new(move |number, plugged| {
            if let Some(backend) = told.upgrade() {
                lock(&backend.plugs).waiting.push((number, plugged));
                backend.tell_plugs();
            }
        }));
        backend
    }

    /// All that waits in a queue.
    fn requests(&self, vring: &VringRwLock) -> Vec<(DescriptorChain<Memory>, Memory)> {
        let mut list = Vec::new();
        loop {
            let memory = self.memory.memory();
            let mut vring = vring.get_mut();
            match vring.get_queue_mut().pop_descriptor_chain(memory.clone()) {
                Some(chain) => list.push((chain, memory)),
                None => return list,
            }
        }
    }

    fn command(&self, vring: &VringRwLock, chain: &DescriptorChain<Memory>, memory: &Memory) {
        let head = chain.head_index();
        let Some(request) = Request::read(chain, memory) else {
            eprintln!("mmc-drive: a request that is none");
            return used(vring, head, 0);
        };
        let (vring, memory) = (vring.clone(), self.memory.clone());
        let space = request.space;
        let done = Box::new(move |answer, data: Vec<u8>| {
            let length = respond(&space, &memory.memory(), answer, &data);
            used(&vring, head, length);
        });
        let bay = request.target.and_then(|target| self.rack.bays.get(target));
        match (bay, request.target) {
            (Some(bay), Some(target)) => {
                self.submit(bay, target, request.tag, request.cdb, request.out, done)
            }
            _ => done(Answer::Transport(NOBODY), Vec::new()),
        }
    }

    /// Gives a drive a command; tells the guest if the drive leaves by it.
    fn submit(
        &self,
        bay: &Arc<Bay>,
        target: usize,
        tag: u64,
        cdb: [u8; 32],
        out: Vec<u8>,
        done: impl FnOnce(Answer, Vec<u8>) + Send + 'static,
    ) {
        let (rack, of) = (self.rack.clone(), bay.clone());
        let was_there = bay.drive().is_plugged();
        let done = Box::new(move |answer, data| {
            done(answer, data);
            if was_there && answer == Answer::Transport(NOBODY) && !of.drive().is_plugged() {
                rack.tell(target, false);
            }
        });
        bay.submit(Job {
            tag,
            cdb,
            out,
            done,
        });
    }

    fn manage(&self, vring: &VringRwLock, chain: &DescriptorChain<Memory>, memory: &Memory) {
        let bay = |target: usize| self.rack.bays.get(target);
        let answer = match Management::read(chain, memory) {
            Some(Management::Abort(target, tag)) => bay(target).map(|bay| {
                bay.abort(tag);
            }),
            Some(Management::AbortAll(target)) => bay(target).map(|bay| bay.abort_all(1)),
            Some(Management::Reset(target)) => bay(target).map(|bay| {
                bay.abort_all(RESET);
                bay.drive().reset();
            }),
            Some(Management::Query) => {
                let length = Space::of(chain).write(memory, &[0; 5]);
                return used(vring, chain.head_index(), length);
            }
            Some(Management::Other(code)) => return self.managed(vring, chain, memory, code),
            None => None,
        };
        let code = if answer.is_some() { 0 } else { FAILURE };
        self.managed(vring, chain, memory, code);
    }

    fn managed(
        &self,
        vring: &VringRwLock,
        chain: &DescriptorChain<Memory>,
        memory: &Memory,
        code: u8,
    ) {
        let length = Space::of(chain).write(memory, &[code]);
        used(vring, chain.head_index(), length);
    }

    /// Tells of drives that came or went, as far as the guest left room for it.
    fn tell_plugs(&self) {
        let mut plugs = lock(&self.plugs);
        let Some(vring) = plugs.queue.clone() else {
            return;
        };
        while let Some((number, plugged)) = plugs.waiting.first().copied() {
            let memory = self.memory.memory();
            let chain = vring
                .get_mut()
                .get_queue_mut()
                .pop_descriptor_chain(memory.clone());
            let Some(chain) = chain else {
                return;
            };
            plugs.waiting.remove(0);
            let mut event = [0; 16];
            event[0] = 1;
            event[4] = 1;
            event[5] = number as u8;
            event[12] = if plugged { 1 } else { 2 };
            let length = Space::of(&chain).write(&memory, &event);
            used(&vring, chain.head_index(), length);
        }
    }
}

/// Gives a request back to the guest.
fn used(vring: &VringRwLock, head: u16, length: usize) {
    let told = vring
        .add_used(head, length as u32)
        .map_err(|error| error.to_string())
        .and_then(|()| vring.signal_used_queue().map_err(|error| error.to_string()));
    if let Err(error) = told {
        eprintln!("mmc-drive: an answer that the guest does not get: {error}");
    }
}

impl VhostUserBackend for Backend {
    type Bitmap = ();
    type Vring = VringRwLock;

    fn num_queues(&self) -> usize {
        usize::from(REQUEST) + 1
    }

    fn max_queue_size(&self) -> usize {
        1024
    }

    fn features(&self) -> u64 {
        F_VERSION_1
            | F_INDIRECT
            | F_HOTPLUG
            | F_CHANGE
            | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::MQ
    }

    fn set_event_idx(&self, _enabled: bool) {}

    /// It is the memory that this was made with.
    fn update_memory(&self, _memory: GuestMemoryAtomic<GuestMemoryMmap>) -> io::Result<()> {
        Ok(())
    }

    fn exit_event(&self, _thread: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK | EventFlag::CLOEXEC).ok()
    }

    /// What is under way must not touch the ring any more. Whoever stops it starts anew, so
    /// the drives are reset.
    fn stop_vring(&self, index: u32) -> io::Result<()> {
        if index == u32::from(EVENT) {
            lock(&self.plugs).queue = None;
        }
        if index >= u32::from(REQUEST) {
            for bay in &self.rack.bays {
                bay.drain();
                bay.drive().given_up();
            }
        }
        Ok(())
    }

    fn handle_event(
        &self,
        event: u16,
        _events: EventSet,
        vrings: &[VringRwLock],
        _thread: usize,
    ) -> io::Result<()> {
        let Some(vring) = vrings.get(usize::from(event)) else {
            return Ok(());
        };
        if event == EVENT {
            lock(&self.plugs).queue = Some(vring.clone());
            self.tell_plugs();
            return Ok(());
        }
        for (chain, memory) in self.requests(vring) {
            match event {
                CONTROL => self.manage(vring, &chain, &memory),
                _ => self.command(vring, &chain, &memory),
            }
        }
        Ok(())
    }
}
