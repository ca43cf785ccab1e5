// SPDX-License-Identifier: GPL-2.0

//! Programs that use generic netlink.

use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sim, //
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc as Shared,
        Mutex, //
    },
};

/// Carries a command out; returns the attributes of the reply.
pub(crate) type Carry = Box<dyn Fn(u8, &[u8]) -> Result<Vec<u8>>>;

thread_local! {
    static FAMILIES: RefCell<BTreeMap<String, Rc<Family>>> = const { RefCell::new(BTreeMap::new()) };
    static EVENTS: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
}

/// The lock that commands share, and that registering takes alone.
const LOCK: &str = "the lock of generic netlink";

struct Family {
    carry: Carry,
    running: Shared<Running>,
}

/// How many commands of a family run.
struct Running {
    count: Mutex<usize>,
    idle: Pin<KBox<WaitQueue>>,
}

impl Running {
    fn change(&self, by: isize) -> usize {
        let mut count = self
            .count
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *count = count.wrapping_add_signed(by);
        *count
    }
}

/// A message that nobody asked for.
#[derive(Clone, Debug)]
pub struct Event {
    /// The group that it went to.
    pub group: String,
    /// Its command.
    pub cmd: u8,
    /// Its attributes.
    pub attributes: Vec<u8>,
}

/// Unregisters the family when it is dropped, which waits for the commands that run.
pub(crate) struct Entry(String, Shared<Running>);

/// Registers a family.
pub(crate) fn add(name: &CStr, carry: Carry) -> Result<Entry> {
    sim::might_sleep("registering a family");
    let name = name.to_string_lossy().into_owned();
    let running = Shared::new(Running {
        count: Mutex::new(0),
        idle: KBox::pin_init(new_wait_queue!("commands of netlink"), GFP_KERNEL)?,
    });
    let family = Rc::new(Family {
        carry,
        running: running.clone(),
    });
    FAMILIES.with(|families| {
        let mut families = families.borrow_mut();
        if families.contains_key(&name) {
            return Err(EEXIST);
        }
        families.insert(name.clone(), family);
        Ok(())
    })?;
    sim::point();
    Ok(Entry(name, running))
}

impl Drop for Entry {
    fn drop(&mut self) {
        sim::might_sleep("unregistering a family");
        sim::lockdep::acquire(LOCK, 0, false);
        let family = FAMILIES.with(|families| families.borrow_mut().remove(&self.0));
        self.1.idle.wait_event(|| self.1.change(0) == 0);
        sim::lockdep::release(LOCK, 0);
        drop(family);
    }
}

/// Sends a command with these attributes; returns those of the reply.
pub fn command(family: &str, cmd: u8, attributes: &[u8]) -> Result<Vec<u8>> {
    sim::point();
    let found = FAMILIES.with(|families| {
        let family = families.borrow().get(family).cloned()?;
        family.running.change(1);
        Some(family)
    });
    let found = found.ok_or(ENOENT)?;
    sim::lockdep::acquire(LOCK, 0, false);
    let result = (found.carry)(cmd, attributes);
    sim::lockdep::release(LOCK, 0);
    let running = found.running.clone();
    // Before the one who unregisters it goes on.
    drop(found);
    if running.change(-1) == 0 {
        running.idle.wake_up_all();
    }
    result
}

/// Returns the names of all families.
pub fn names() -> Vec<String> {
    FAMILIES.with(|families| families.borrow().keys().cloned().collect())
}

/// Tells those who listen.
pub(crate) fn tell(group: &CStr, cmd: u8, attributes: Vec<u8>) {
    let event = Event {
        group: group.to_string_lossy().into_owned(),
        cmd,
        attributes,
    };
    EVENTS.with(|events| events.borrow_mut().push(event));
    sim::point();
}

/// Takes what was told so far.
pub fn take_events() -> Vec<Event> {
    EVENTS.with(|events| core::mem::take(&mut *events.borrow_mut()))
}

/// Forgets all families.
pub(crate) fn reset() {
    FAMILIES.with(|families| core::mem::forget(core::mem::take(&mut *families.borrow_mut())));
    take_events();
}
