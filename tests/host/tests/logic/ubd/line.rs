// SPDX-License-Identifier: GPL-2.0

//! Requests in line for workers.

use proptest::prelude::*;
use rblk_host_tests::ubd::logic::line::{Line, CROWD};
use std::collections::HashSet;

const PLACES: usize = 20;

proptest! {
    /// Workers come and go, and nothing is lost or done twice; what is in line always has a worker, and no
    /// worker has more in line than a crowd.
    #[test]
    fn each_item_meets_a_worker(steps in prop::collection::vec(any::<bool>(), 0..400)) {
        let mut line = Line::new(vec![None; PLACES]);
        let (mut workers, mut waiting, mut met) = (0_usize, 0_usize, HashSet::new());
        let mut came = 0_u32;
        let mut last = None;

        for comes in steps {
            if comes {
                match line.join(came) {
                    Some(item) => {
                        prop_assert_eq!(item, came);
                        prop_assert!(waiting >= workers * CROWD || waiting == PLACES);
                        workers += 1;
                        met.insert(item);
                    }
                    None => waiting += 1,
                }
                came += 1;
                prop_assert!(waiting <= workers * CROWD);
            } else if workers > 0 {
                match line.take() {
                    Some(item) => {
                        prop_assert!(met.insert(item));
                        prop_assert!(last < Some(item));
                        last = Some(item);
                        waiting -= 1;
                    }
                    None => {
                        prop_assert_eq!(waiting, 0);
                        workers -= 1;
                    }
                }
            }
        }
        while workers > 0 {
            match line.take() {
                Some(item) => prop_assert!(met.insert(item)),
                None => workers -= 1,
            }
        }
        prop_assert_eq!(met.len(), came as usize);
    }
}

#[test]
fn without_places_each_item_takes_a_worker() {
    let mut line = Line::new(Vec::new());
    assert_eq!(
        (line.join(1), line.join(2), line.take()),
        (Some(1), Some(2), None)
    );
}
