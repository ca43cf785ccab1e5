// SPDX-License-Identifier: GPL-2.0

//! Kernel threads.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    sync::Arc, //
};

/// What a [`Thread`] runs.
pub trait Run: Send + Sync + 'static {
    /// The body of the thread, in process context.
    ///
    /// It returns soon after [`should_stop`] has become true. Any condition that it sleeps on has
    /// to include that.
    fn run(&self);
}

/// Returns whether the thread that calls this has been asked to stop.
///
/// In a task that is no kernel thread this is false.
pub fn should_stop() -> bool {
    // SAFETY: FFI call without preconditions; it looks at the current task.
    unsafe { bindings::kthread_should_stop_current() }
}

/// Has the kernel thread that calls this take part in the sleep of the system: once
/// [`should_freeze`] has become true, it has to call [`freeze`] soon.
///
/// The system does not fall asleep before it does, and gives up when not all such threads have
/// within `/sys/power/pm_freeze_timeout`. They are asked when the tasks of user space are frozen,
/// but all at once: another one may need to be served before it can freeze. Process context; may
/// sleep.
pub fn set_freezable() {
    // SAFETY: FFI call without preconditions in process context; it concerns the current task.
    unsafe { bindings::set_freezable() };
}

/// Returns whether the thread that calls this is to [`freeze`].
///
/// In a thread that is not [freezable](set_freezable) this is false. A thread that sleeps is woken
/// when this becomes true, so that it looks at the condition that it sleeps on. If the system stays
/// awake after all this becomes false again, for which only those are woken that are frozen. Process
/// context, also where one must not sleep.
pub fn should_freeze() -> bool {
    // SAFETY: FFI call without preconditions in process context; it looks at the current task.
    unsafe { bindings::freezing_current() }
}

/// Sleeps until the system has slept, or stays awake after all, if the thread that calls this is to
/// freeze; returns whether it has slept.
///
/// A thread that has been asked to stop does not freeze. One that is frozen when it is asked goes on,
/// and stops, when the system is awake; until then dropping the [`Thread`] waits.
///
/// Process context; sleeps. The caller holds no lock, for which others would wait as long.
pub fn freeze() -> bool {
    // SAFETY: FFI call without preconditions in process context; it concerns the current task.
    unsafe { bindings::kthread_freeze_current() }
}

/// A kernel thread that is stopped when this is dropped.
///
/// # Examples
///
/// ```
/// # use kernel::sync::atomic::{Acquire, Atomic};
/// # use rb::{kthread::{should_stop, Run}, wait::WaitQueue};
/// struct Worker { wait: WaitQueue, work: Atomic<bool> }
///
/// impl Run for Worker {
///     fn run(&self) {
///         while !should_stop() {
///             self.wait.wait_event_idle_timeout(None, || {
///                 should_stop() || self.work.xchg(false, Acquire)
///             });
///         }
///     }
/// }
/// ```
///
/// # Invariants
///
/// `task` is a kernel thread that `self` holds a reference to, and that nobody else stops. It
/// runs `T::run` on what `data` points to.
pub struct Thread<T: Run> {
    task: NonNull<bindings::task_struct>,
    data: Arc<T>,
}

// SAFETY: A thread may be stopped from any other.
unsafe impl<T: Run> Send for Thread<T> {}

// SAFETY: All that a `&Thread` allows is safe from any thread.
unsafe impl<T: Run> Sync for Thread<T> {}

impl<T: Run> Thread<T> {
    /// Creates a thread named `name`, and lets it run with priority `nice` (-20 to 19).
    ///
    /// Fails with [`ENOMEM`], or [`EINTR`] if the caller is being killed. May sleep.
    pub fn spawn(name: &CStr, nice: i8, data: Arc<T>) -> Result<Self> {
        // SAFETY: `data` outlives the thread, see `Drop`; the format takes one string.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(ThreadVTable::<T>::run),
                Arc::as_ptr(&data).cast_mut().cast(),
                bindings::NUMA_NO_NODE,
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
            )
        })?;

        // SAFETY: The new thread waits for its first wake-up, so `task` is valid.
        unsafe {
            bindings::get_task_struct(task);
            bindings::set_user_nice(task, c_long::from(nice));
            bindings::wake_up_process(task);
        }

        // SAFETY: A valid pointer is not null.
        let task = unsafe { NonNull::new_unchecked(task) };
        // INVARIANT: We hold a reference.
        Ok(Self { task, data })
    }

    /// Makes the thread one for batches of work, with priority `nice` (-20 to 19). When it is woken it
    /// does not take the processor from the task that wakes it, and so finds more to do at its turn.
    ///
    /// Process context, may sleep.
    pub fn set_batch(&self, nice: i8) {
        // SAFETY: By the type invariant, the task is valid. It cannot fail for such a policy and a
        // number in range; with one out of range, the thread stays as it is.
        unsafe { bindings::sched_set_batch(self.task.as_ptr(), c_int::from(nice)) };
    }

    /// Returns what the thread runs on.
    pub fn data(&self) -> &Arc<T> {
        &self.data
    }
}

impl<T: Run> Drop for Thread<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the task is valid, and stopped only here. The thread has
        // ended when `kthread_stop()` returns, so `data` may go.
        unsafe {
            bindings::kthread_stop(self.task.as_ptr());
            bindings::put_task_struct(self.task.as_ptr());
        }
    }
}

struct ThreadVTable<T>(core::marker::PhantomData<T>);

impl<T: Run> ThreadVTable<T> {
    /// # Safety
    ///
    /// Only a thread of [`Thread<T>`] may call this, with its data.
    unsafe extern "C" fn run(data: *mut c_void) -> c_int {
        // SAFETY: The `Thread` owns the data until the thread has ended.
        T::run(unsafe { &*data.cast::<T>() });
        0
    }
}
