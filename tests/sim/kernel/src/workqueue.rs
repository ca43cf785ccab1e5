// SPDX-License-Identifier: GPL-2.0

//! Work items.

use crate::sync::Arc;
use core::marker::PhantomData;
use std::sync::{
    Arc as Shared,
    Mutex, //
};

/// What is known of a work item.
#[derive(Default)]
struct State {
    /// It is queued, and not yet running.
    queued: bool,
    running: bool,
}

type States = Shared<Mutex<State>>;

fn with<R>(state: &States, f: impl FnOnce(&mut State) -> R) -> R {
    f(&mut state
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// The part of a type that makes it a work item.
pub struct Work<T: ?Sized, const ID: u64 = 0> {
    state: States,
    item: PhantomData<fn(&T)>,
}

impl<T: ?Sized, const ID: u64> Work<T, ID> {
    /// Returns one that is not queued; see [`new_work!`](crate::new_work).
    #[doc(hidden)]
    pub fn new_idle() -> impl pinned_init::PinInit<Self> {
        Self {
            state: States::default(),
            item: PhantomData,
        }
    }
}

/// A type that has a [`Work`]; see [`impl_has_work!`](crate::impl_has_work).
pub trait HasWork<T, const ID: u64 = 0> {
    /// Returns it.
    #[doc(hidden)]
    fn work(&self) -> &Work<T, ID>;
}

/// What a work item does.
pub trait WorkItem<const ID: u64 = 0> {
    /// How it is queued.
    type Pointer;

    /// Does it.
    fn run(this: Self::Pointer);
}

/// What can be queued.
pub trait RawWorkItem<const ID: u64> {
    /// What whoever queues it gets.
    type EnqueueOutput;

    /// Makes it something queued, unless it is.
    #[doc(hidden)]
    fn queue(self) -> (Self::EnqueueOutput, Option<Queued>);
}

impl<T, const ID: u64> RawWorkItem<ID> for Arc<T>
where
    T: WorkItem<ID, Pointer = Self> + HasWork<T, ID> + 'static,
{
    type EnqueueOutput = Result<(), Self>;

    fn queue(self) -> (Result<(), Self>, Option<Queued>) {
        let state = self.work().state.clone();
        if with(&state, |state| core::mem::replace(&mut state.queued, true)) {
            return (Err(self), None);
        }
        let queued = Queued {
            state,
            call: Box::new(move || T::run(self)),
        };
        (Ok(()), Some(queued))
    }
}

/// Work that is queued.
pub struct Queued {
    state: States,
    call: Box<dyn FnOnce()>,
}

impl Queued {
    /// Makes it of a function.
    pub fn new(call: impl FnOnce() + 'static) -> Self {
        Self {
            state: States::default(),
            call: Box::new(call),
        }
    }

    /// Begins it, unless the item still runs; returns whether it did. It can be queued again then.
    pub fn begin(&self) -> bool {
        with(&self.state, |state| {
            let begins = !state.running;
            if begins {
                state.queued = false;
                state.running = true;
            }
            begins
        })
    }

    /// Runs what has begun.
    pub fn run(self) {
        (self.call)();
        with(&self.state, |state| state.running = false);
    }
}

// SAFETY: All tasks of a simulation run on the thread of the host that has begun it.
#[allow(unsafe_code)]
unsafe impl Send for Queued {}

/// As in the kernel: makes a [`Work`](workqueue::Work).
#[macro_export]
macro_rules! new_work {
    ($($name:literal)?) => {
        $crate::workqueue::Work::new_idle()
    };
}

/// As in the kernel: says where a type has its [`Work`](workqueue::Work).
#[macro_export]
macro_rules! impl_has_work {
    ($(impl HasWork<Self $(, $id:tt)?> for $type:ty { self.$field:ident })*) => {$(
        impl $crate::workqueue::HasWork<Self $(, $id)?> for $type {
            fn work(&self) -> &$crate::workqueue::Work<Self $(, $id)?> {
                &self.$field
            }
        }
    )*};
}
