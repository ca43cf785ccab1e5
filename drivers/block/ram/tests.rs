// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the pages of a disk.

use kernel::prelude::*;

#[kunit_tests(rblk_page_array)]
mod page_array {
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
    };
    use rb::{
        kthread::{
            Run,
            Thread, //
        },
        mm::{
            self,
            Gfp, //
        },
        page::SafePage,
        page_array::{
            Inserted,
            Owner,
            PageArray, //
        }, //
    };

    fn with_pages(indices: &[usize]) -> Result<Pin<KBox<PageArray>>> {
        let array = KBox::pin_init(PageArray::new(()), GFP_KERNEL)?;
        for &index in indices {
            array.insert(index, SafePage::alloc_zeroed(Gfp::KERNEL)?, Gfp::KERNEL)?;
        }
        Ok(array)
    }

    #[test]
    fn missing_page_is_none() -> Result {
        let array = with_pages(&[])?;

        assert!(array.cursor().get(0).is_none());
        assert!(array.cursor().get(usize::MAX).is_none());
        assert!(array.is_empty());
        Ok(())
    }

    #[test]
    fn second_insert_finds_the_first_page() -> Result {
        let array = with_pages(&[7])?;
        let second = array.insert(7, SafePage::alloc_zeroed(Gfp::KERNEL)?, Gfp::KERNEL)?;

        assert_eq!(second, Inserted::Occupied);
        assert_eq!(array.len(), 1);
        assert!(array.cursor().get(7).is_some() && array.cursor().get(6).is_none());
        Ok(())
    }

    #[test]
    fn remove_takes_the_range_only() -> Result {
        // Neighbours in a node, other nodes, and both ends of the index.
        let all = [0, 1, 62, 63, 64, 65, 4095, 4096, 1 << 28, usize::MAX];

        for &(first, last, left) in &[
            (1, 63, 7),
            (0, 0, 9),
            (64, usize::MAX, 4),
            (2, 61, 10),
            (usize::MAX, usize::MAX, 9),
            (0, usize::MAX, 0),
        ] {
            let array = with_pages(&all)?;
            let removed = array.remove(first..=last);

            assert_eq!(removed, all.len() - left);
            assert_eq!(array.len(), left);
            for &index in &all {
                let inside = first <= index && index <= last;
                assert_eq!(array.cursor().get(index).is_none(), inside);
            }
        }
        Ok(())
    }

    #[test]
    fn remove_goes_on_behind_a_batch() -> Result {
        let array = with_pages(&[])?;
        for index in 0..1000 {
            array.insert(index * 3, SafePage::alloc_zeroed(Gfp::KERNEL)?, Gfp::KERNEL)?;
        }

        assert_eq!(array.remove(1..=2996), 998);
        assert_eq!(array.len(), 2);
        assert!(array.contains(0) && array.contains(2997));
        Ok(())
    }

    #[test]
    fn cursor_finds_the_same_in_any_order() -> Result {
        let all = [0, 1, 62, 63, 64, 65, 4095, 4096, 1 << 28, usize::MAX];
        let array = with_pages(&all)?;

        for &from in &all {
            for &to in &all {
                // Those next to it as well, of which some are there.
                for to in [to, to ^ 1, to ^ 2, to ^ 64] {
                    let mut cursor = array.cursor();
                    assert!(cursor.get(from).is_some());
                    assert_eq!(cursor.get(to).is_some(), all.contains(&to));
                    assert_eq!(cursor.get(from ^ 4).is_some(), all.contains(&(from ^ 4)));
                    assert!(cursor.get(from).is_some());
                }
            }
        }
        Ok(())
    }

    #[test]
    fn first_missing_page_is_found() -> Result {
        let array = with_pages(&[0])?;
        assert_eq!(array.cursor().first_missing(0..=0), None);
        assert_eq!(array.cursor().first_missing(0..=9), Some(1));

        for index in 1..200 {
            array.insert(index, SafePage::alloc_zeroed(Gfp::KERNEL)?, Gfp::KERNEL)?;
        }
        for first in [0, 1, 63, 64, 100, 199] {
            assert_eq!(array.cursor().first_missing(first..=199), None);
            assert_eq!(array.cursor().first_missing(first..=usize::MAX), Some(200));
        }
        array.remove(100..=100);
        assert_eq!(array.cursor().first_missing(3..=199), Some(100));
        assert_eq!(array.cursor().first_missing(3..=99), None);
        assert_eq!(array.cursor().first_missing(101..=150), None);
        Ok(())
    }

    #[test]
    fn cursor_finds_what_comes_meanwhile() -> Result {
        let array = with_pages(&[5])?;
        let page = SafePage::alloc_zeroed(Gfp::KERNEL)?;
        let mut cursor = array.cursor();

        assert!(cursor.get(5).is_some() && cursor.get(6).is_none());
        assert_eq!(array.insert(6, page, Gfp::NOWAIT)?, Inserted::Stored);
        assert!(cursor.get(6).is_some());
        Ok(())
    }

    /// Counts pages.
    struct Counts {
        removed: Atomic<usize>,
        freed: Atomic<usize>,
    }

    impl Counts {
        fn none() -> Result<Arc<Self>> {
            let counts = Self {
                removed: Atomic::new(0),
                freed: Atomic::new(0),
            };
            Ok(Arc::new(counts, GFP_KERNEL)?)
        }
    }

    /// An owner whose counts outlive it.
    struct Told(Arc<Counts>);

    impl Owner for Told {
        fn removed(&self, pages: usize) {
            self.0.removed.fetch_add(pages, Relaxed);
        }

        fn freed(&self) {
            self.0.freed.fetch_add(1, Relaxed);
        }
    }

    /// Looks at an array until it is told to end.
    #[pin_data]
    struct Looker {
        #[pin]
        array: PageArray<Told>,
        looks: Atomic<bool>,
        ends: Atomic<bool>,
    }

    impl Run for Looker {
        fn run(&self) {
            let mut cursor = self.array.cursor();

            assert!(cursor.get(1).is_some());
            self.looks.store(true, Release);
            while !self.ends.load(Acquire) {
                core::hint::spin_loop();
            }
        }
    }

    #[test]
    fn owner_hears_of_pages_when_they_are_free() -> Result {
        let counts = Counts::none()?;
        let told = Told(counts.clone());
        let looker = Arc::pin_init(
            pin_init!(Looker {
                array <- PageArray::new(told),
                looks: Atomic::new(false),
                ends: Atomic::new(false),
            }),
            GFP_KERNEL,
        )?;
        for index in 1..=100 {
            let page = SafePage::alloc_zeroed(Gfp::KERNEL)?;
            looker.array.insert(index, page, Gfp::KERNEL)?;
        }

        let thread = Thread::spawn(c"rblk-test", 0, looker.clone())?;
        while !looker.looks.load(Acquire) {
            mm::cond_resched();
        }
        let removed = looker.array.remove(1..=90);
        let freed = counts.freed.load(Relaxed);
        looker.ends.store(true, Release);
        drop(thread);

        assert_eq!((removed, counts.removed.load(Relaxed)), (90, 90));
        assert_eq!(freed, 0);
        mm::rcu_barrier();
        assert_eq!(counts.freed.load(Relaxed), 90);
        drop(looker);
        assert_eq!(counts.freed.load(Relaxed), 90);
        Ok(())
    }

    #[test]
    fn an_array_waits_until_removed_pages_are_free() -> Result {
        let counts = Counts::none()?;
        let array = KBox::pin_init(PageArray::new(Told(counts.clone())), GFP_KERNEL)?;
        for index in 1..=3 {
            let page = SafePage::alloc_zeroed(Gfp::KERNEL)?;
            array.insert(index, page, Gfp::KERNEL)?;
        }

        assert_eq!(array.remove(2..=9), 2);
        drop(array);
        assert_eq!(counts.freed.load(Relaxed), 2);
        Ok(())
    }
}

#[kunit_tests(rblk_ram_disk)]
mod disk {
    use crate::{
        disk::Disk,
        logic::options::{
            AddOptions,
            Front, //
        },
        store::Budget, //
    };
    use kernel::{
        prelude::*,
        sync::Arc, //
    };
    use rb::block::{
        gen_disk::Disks,
        limits::{
            Feature,
            Features, //
        }, //
    };

    fn features(front: Front) -> Result<Features> {
        let options = AddOptions {
            size: 1 << 20,
            block_size: 512,
            mem_limit: 0,
            prealloc: false,
            name: None,
            front,
        };
        let budget = Arc::new(Budget::new(Budget::UNLIMITED), GFP_KERNEL)?;

        let disks = Disks::new()?;
        let disk = Disk::build(disks.token(), fmt!("rblk-test"), &options, None, budget)?;
        Ok(disk.limits().features)
    }

    #[test]
    fn only_bios_end_before_their_submitter_goes_on() -> Result {
        assert!(features(Front::Bio)?.contains(Feature::Synchronous));
        assert!(!features(Front::Mq)?.contains(Feature::Synchronous));
        for front in [Front::Bio, Front::Mq] {
            assert!(features(front)?.contains(Feature::NoWait));
        }
        Ok(())
    }
}

#[kunit_tests(rblk_ram_budget)]
mod budget {
    use crate::store::Budget;

    #[test]
    fn never_exceeds_the_limit() {
        let budget = Budget::new(3);

        assert!(budget.take(2).is_some());
        assert!(budget.take(2).is_none());
        assert!(budget.take(1).is_some());
        assert!(budget.take(1).is_none());
        budget.give(3);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn lower_limit_only_stops_growth() {
        let budget = Budget::new(Budget::UNLIMITED);

        assert!(budget.take(5).is_some());
        budget.set_limit(4);
        assert!(budget.take(1).is_none());
        assert_eq!(budget.taken(), 5);
        budget.give(2);
        assert!(budget.take(1).is_some());
        assert!(budget.take(usize::MAX).is_none());
        budget.set_limit(Budget::UNLIMITED);
        assert_eq!(budget.taken(), 4);
        assert!(budget.take(Budget::UNLIMITED).is_none());
        assert!(budget.take(Budget::UNLIMITED - 4).is_some());
    }
}
