// SPDX-License-Identifier: GPL-2.0

//! What the drivers do with atomics and without locks, built for loom.
//!
//! These are the very files that the module is built from. What they take from the `kernel` crate
//! is here the same on top of loom's types, which try every order of what threads do and every
//! value that the memory model lets a load return.

extern crate self as kernel;

/// What the files use of `kernel::sync`.
pub mod sync {
    pub use loom::sync::Arc;

    /// What the files use of `kernel::sync::atomic`.
    pub mod atomic {
        use loom::sync::atomic::{AtomicIsize, Ordering};

        /// No order with other variables.
        #[derive(Clone, Copy)]
        pub struct Relaxed;

        impl From<Relaxed> for Ordering {
            fn from(_: Relaxed) -> Self {
                Self::Relaxed
            }
        }

        /// A type that there is an [`Atomic`] of.
        pub trait AtomicType: Copy {
            /// Loom's type for it.
            type Inner;
        }

        impl AtomicType for isize {
            type Inner = AtomicIsize;
        }

        /// The kernel's atomic variable.
        pub struct Atomic<T: AtomicType>(T::Inner);

        impl Atomic<isize> {
            /// Creates one.
            pub fn new(value: isize) -> Self {
                Self(AtomicIsize::new(value))
            }

            /// Reads it.
            pub fn load(&self, order: impl Into<Ordering>) -> isize {
                self.0.load(order.into())
            }

            /// Adds to it. Returns what it was.
            pub fn fetch_add(&self, value: isize, order: impl Into<Ordering>) -> isize {
                self.0.fetch_add(value, order.into())
            }

            /// Replaces it. Returns what it was.
            pub fn xchg(&self, value: isize, order: impl Into<Ordering>) -> isize {
                self.0.swap(value, order.into())
            }

            /// Replaces it by `new` if it is `old`. Returns what it was, as an error if that is
            /// something else.
            ///
            /// # Errors
            ///
            /// What it is instead of `old`.
            pub fn cmpxchg(
                &self,
                old: isize,
                new: isize,
                order: impl Into<Ordering>,
            ) -> Result<isize, isize> {
                self.0
                    .compare_exchange(old, new, order.into(), Ordering::Relaxed)
            }
        }
    }
}

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../../drivers/block/ram/budget.rs"]
mod budget;

#[cfg(test)]
mod tests {
    use super::{
        budget::{Account, Budget},
        sync::Arc,
    };
    use loom::thread;

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
}
