// SPDX-License-Identifier: GPL-2.0

//! Waiters are woken.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};
use rb::{
    wait::RcuWait,
    workqueue::{
        Flag,
        OwnedQueue, //
    },
};

/// A place, what its visitors wait for, and how many have left.
#[pin_data]
struct Place {
    #[pin]
    place: RcuWait,
    come: [Atomic<bool>; 2],
    left: Atomic<u32>,
}

#[kunit_tests(rb_wait)]
mod tests {
    use super::*;

    #[test]
    fn two_in_one_place_are_both_woken() -> Result {
        let place = Arc::pin_init(
            pin_init!(Place {
                place <- RcuWait::new(),
                come: [Atomic::new(false), Atomic::new(false)],
                left: Atomic::new(0),
            }),
            GFP_KERNEL,
        )?;
        let queue = OwnedQueue::new(c"rb_test", Flag::Unbound, 2)?;
        for visitor in 0..2 {
            let place = place.clone();
            queue.try_spawn(GFP_KERNEL, move || {
                place
                    .place
                    .wait_event_idle(|| place.come[visitor].load(Acquire));
                place.left.fetch_add(1, Relaxed);
            })?;
            fsleep(Delta::from_millis(100));
        }
        // The first to come, then the second.
        for come in &place.come {
            come.store(true, Release);
            place.place.wake_up();
            fsleep(Delta::from_millis(100));
        }
        let woken = crate::wait_until(|| place.left.load(Relaxed) == 2);
        if !woken {
            // Dropped, it would wait for those who are not woken.
            core::mem::forget(queue);
        }
        assert!(woken);
        Ok(())
    }

    #[test]
    fn who_waits_for_a_time_is_back_in_the_end() -> Result {
        let place = Arc::pin_init(RcuWait::new(), GFP_KERNEL)?;
        let soon = Some(Delta::from_millis(20));

        // Nobody comes.
        let mut looks = 0;
        let result = place.wait_event_idle_timeout(soon, || {
            looks += 1;
            false
        });
        assert!(!result);
        assert_eq!(looks, 2);
        // It has come before.
        assert!(place.wait_event_idle_timeout(soon, || true));
        Ok(())
    }
}
