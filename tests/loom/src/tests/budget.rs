// SPDX-License-Identifier: GPL-2.0

//! How the disks of the RAM driver share memory.

use crate::{
    budget::{Account, Budget},
    sync::Arc,
};
use loom::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Runs `f` and `g` at the same time, in every order.
fn both(
    budget: &Arc<Budget>,
    f: impl FnOnce(&Budget) + 'static,
    g: impl FnOnce(&Budget) + 'static,
) {
    let (one, other) = (budget.clone(), budget.clone());
    let one = thread::spawn(move || f(&one));
    let other = thread::spawn(move || g(&other));

    one.join().unwrap();
    other.join().unwrap();
}

#[test]
fn only_one_gets_the_last_page() {
    loom::model(|| {
        let budget = Arc::new(Budget::new(1));
        let other = budget.clone();
        let thread = thread::spawn(move || other.take(1).is_some());

        assert!(budget.take(1).is_some() != thread.join().unwrap());
        assert_eq!(budget.taken(), 1);
    });
}

#[test]
fn what_is_given_back_can_be_taken() {
    loom::model(|| {
        let budget = Arc::new(Budget::new(2));
        let take_and_give = |budget: &Budget| {
            if budget.take(2).is_some() {
                budget.give(2);
            }
        };

        both(&budget, take_and_give, take_and_give);
        assert_eq!(budget.take(2), Some(0));
    });
}

#[test]
fn the_last_limit_holds() {
    loom::model(|| {
        let budget = Arc::new(Budget::new(5));

        assert_eq!(budget.take(1), Some(4));
        both(&budget, |b| b.set_limit(3), |b| b.set_limit(8));
        assert_eq!(budget.taken(), 1);
        assert_eq!(budget.take(budget.limit() - 1), Some(0));
        assert_eq!(budget.take(1), None);
    });
}

#[test]
fn a_limit_that_changes_loses_no_page() {
    loom::model(|| {
        let budget = Arc::new(Budget::new(1));

        both(
            &budget,
            |b| b.set_limit(0),
            |b| {
                if b.take(1).is_some() {
                    b.give(1);
                }
            },
        );
        assert_eq!((budget.limit(), budget.taken()), (0, 0));
        assert_eq!(budget.take(1), None);
    });
}

#[test]
fn disks_share_what_all_may_use() {
    loom::model(|| {
        let shared = Arc::new(Budget::new(2));
        let account = Account::new(2, shared.clone());
        let other = Account::new(2, shared.clone());
        let thread = thread::spawn(move || other.take(2).is_some());

        let here = account.take(1).is_some();
        // The other gives its part back if it got none of the whole.
        assert!(here || thread.join().unwrap());
        drop(account);
    });
}

#[test]
fn a_disk_that_goes_gives_back_what_it_has() {
    loom::model(|| {
        let shared = Arc::new(Budget::new(3));
        let account = Arc::new(Account::new(3, shared.clone()));
        let removed = account.clone();
        // The limit of the disk is below what it has, when it goes.
        let thread = thread::spawn(move || {
            removed.take(2);
            removed.own().set_limit(1);
        });

        if account.take(1).is_some() {
            account.give(1);
        }
        thread.join().unwrap();
        assert_eq!(shared.taken(), 2);
        drop(account);
        assert_eq!(shared.taken(), 0);
    });
}

#[test]
fn what_was_discarded_before_is_seen_to_leave() {
    loom::model(|| {
        let shared = Arc::new(Budget::new(1));
        let account = Arc::new(Account::new(1, shared.clone()));
        let other = Account::new(1, shared);
        let discarded = Arc::new(AtomicBool::new(false));

        account.take(1);
        let (gives, tells) = (account.clone(), discarded.clone());
        let thread = thread::spawn(move || {
            gives.leave(1);
            tells.store(true, Ordering::Release);
            gives.give_leaving(1);
        });

        let before = discarded.load(Ordering::Acquire);
        let leaving = other.is_any_leaving();
        let taken = other.take(1).is_some();
        // Only then is it worth waiting.
        assert!(!before || leaving || taken);
        thread.join().unwrap();
        assert!(!other.is_any_leaving());
        assert!(taken || other.take(1).is_some());
    });
}
