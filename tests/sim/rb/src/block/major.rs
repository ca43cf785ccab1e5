// SPDX-License-Identifier: GPL-2.0

//! Major numbers of block devices.

use super::dev_t::DevT;
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sim,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc, //
};

type Call = Rc<dyn Fn(DevT)>;

thread_local! {
    static MAJORS: RefCell<BTreeMap<u32, Option<Call>>> = const { RefCell::new(BTreeMap::new()) };
    static LOCK: &'static Mutex<()> = Box::leak(Box::new(Mutex::new((), "the lock of majors")));
}

/// Most majors.
const MAX: u32 = 512;

/// The most bytes of a name.
const NAME_MAX: usize = 15;

/// Forgets all numbers.
pub(crate) fn reset() {
    MAJORS.with(|majors| core::mem::forget(core::mem::take(&mut *majors.borrow_mut())));
}

/// A registered major number.
pub struct BlkdevMajor {
    number: u32,
}

impl BlkdevMajor {
    /// Registers a free major number under `name`.
    pub fn register(name: &'static CStr) -> Result<Self> {
        let free = |number: &u32| MAJORS.with(|majors| !majors.borrow().contains_key(number));
        let number = (234..255).rev().find(free).ok_or(EBUSY)?;
        Self::register_with(name, number, None)
    }

    /// Registers the major number `major` under `name`.
    pub fn register_number(name: &'static CStr, major: u32) -> Result<Self> {
        if !(1..MAX).contains(&major) {
            return Err(EINVAL);
        }
        Self::register_with(name, major, None)
    }

    fn register_with(name: &'static CStr, number: u32, call: Option<Call>) -> Result<Self> {
        if name.to_bytes().len() > NAME_MAX {
            return Err(EINVAL);
        }
        let _lock = LOCK.with(|lock| lock.lock());
        MAJORS.with(|majors| {
            let mut majors = majors.borrow_mut();
            if majors.contains_key(&number) {
                return Err(EBUSY);
            }
            majors.insert(number, call);
            Ok(Self { number })
        })
    }

    /// Returns the number.
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for BlkdevMajor {
    fn drop(&mut self) {
        let _lock = LOCK.with(|lock| lock.lock());
        let call = MAJORS.with(|majors| majors.borrow_mut().remove(&self.number));
        drop(call);
    }
}

/// A driver that makes a disk when somebody opens a node for which there is none.
pub trait Probe: Send + Sync + Sized + 'static {
    /// Returns where the registered driver is kept.
    fn slot() -> &'static ProbeSlot<Self>;

    /// Called when somebody opens a node with a number of this major that no disk has.
    fn probe(&self, dev: DevT);
}

/// Where a [`Probe`] is kept; here, the call is in the table of majors.
pub struct ProbeSlot<T>(PhantomData<fn(T)>);

impl<T> ProbeSlot<T> {
    /// Makes an empty slot.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for ProbeSlot<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A registered major number whose disks are made when they are asked for.
pub struct ProbedMajor<T: Probe> {
    _major: BlkdevMajor,
    _data: Arc<T>,
}

impl<T: Probe> ProbedMajor<T> {
    /// Registers the major number `major` under `name`.
    pub fn register(name: &'static CStr, major: u32, data: Arc<T>) -> Result<Self> {
        if !(1..MAX).contains(&major) {
            return Err(EINVAL);
        }
        let called = data.clone();
        let call: Call = Rc::new(move |dev| called.probe(dev));
        Ok(Self {
            _major: BlkdevMajor::register_with(name, major, Some(call))?,
            _data: data,
        })
    }
}

/// Does what opening a node without a disk does.
pub fn probe(dev: DevT) {
    sim::might_sleep("opening a node");
    let _lock = LOCK.with(|lock| lock.lock());
    let call = MAJORS.with(|majors| majors.borrow().get(&dev.major()).cloned());
    if let Some(Some(call)) = call {
        call(dev);
    }
}
