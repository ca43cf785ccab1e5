// SPDX-License-Identifier: GPL-2.0

//! Hearing that the system is turned off, or started anew.

use kernel::{
    prelude::*,
    sync::Arc, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
    rc::Rc, //
};

type Call = Rc<dyn Fn()>;

thread_local! {
    static CALLS: RefCell<BTreeMap<u64, Call>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// What has something to do before the system is turned off.
pub trait Shutdown: Send + Sync + 'static {
    /// The system is about to be turned off.
    fn shutdown(&self);
}

/// Has a [`Shutdown`] told, until this is dropped.
pub struct Notifier<T: Shutdown> {
    number: u64,
    _target: Arc<T>,
}

impl<T: Shutdown> Notifier<T> {
    /// Returns an initializer that registers it.
    pub fn new(target: Arc<T>) -> impl PinInit<Self, Error> {
        let number = NEXT.with(|next| next.replace(next.get() + 1));
        let told = target.clone();
        let call: Call = Rc::new(move || told.shutdown());
        CALLS.with(|calls| calls.borrow_mut().insert(number, call));
        Ok(Self {
            number,
            _target: target,
        })
    }
}

impl<T: Shutdown> Drop for Notifier<T> {
    fn drop(&mut self) {
        let call = CALLS.with(|calls| calls.borrow_mut().remove(&self.number));
        drop(call);
    }
}

/// Turns the system off.
pub fn shut_down() {
    let calls: Vec<Call> = CALLS.with(|calls| calls.borrow().values().cloned().collect());
    for call in calls {
        call();
    }
}

/// Forgets all who are told.
pub(crate) fn reset() {
    CALLS.with(|calls| core::mem::forget(core::mem::take(&mut *calls.borrow_mut())));
}
