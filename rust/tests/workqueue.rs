// SPDX-License-Identifier: GPL-2.0

//! Work runs, and a queue waits for it before it goes.

use kernel::{
    impl_has_work,
    new_work,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    workqueue::{
        Work,
        WorkItem, //
    }, //
};
use rb::workqueue::{
    Flag,
    Flags,
    OwnedQueue, //
};

/// Work that counts how often it runs.
#[pin_data]
struct Count {
    runs: Atomic<u32>,
    #[pin]
    work: Work<Count>,
}

impl_has_work! {
    impl HasWork<Self> for Count { self.work }
}

impl WorkItem for Count {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.runs.fetch_add(1, Relaxed);
    }
}

impl Count {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                runs: Atomic::new(0),
                work <- new_work!("Count::work"),
            }),
            GFP_KERNEL,
        )
    }
}

#[kunit_tests(rb_workqueue)]
mod tests {
    use super::*;

    #[test]
    fn work_runs() -> Result {
        let kinds: [Flags; 3] = [
            Flags::default(),
            Flag::MemReclaim.into(),
            Flag::MemReclaim | Flag::Unbound,
        ];
        for flags in kinds {
            let queue = OwnedQueue::new(c"rb_test", flags, 1)?;
            let count = Count::new()?;
            for run in 1..=3 {
                assert!(queue.enqueue(count.clone()).is_ok());
                queue.flush();
                assert_eq!(count.runs.load(Relaxed), run);
            }
        }
        Ok(())
    }

    #[test]
    fn dropping_waits_for_work() -> Result {
        let queue = OwnedQueue::new(c"rb_test", Flag::Unbound, 2)?;
        let runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
        for _ in 0..64 {
            let runs = runs.clone();
            queue.try_spawn(GFP_KERNEL, move || {
                kernel::time::delay::fsleep(kernel::time::Delta::from_micros(100));
                runs.fetch_add(1, Relaxed);
            })?;
        }
        drop(queue);
        assert_eq!(runs.load(Relaxed), 64);
        Ok(())
    }
}
