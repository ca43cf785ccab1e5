// SPDX-License-Identifier: GPL-2.0

//! Boxes from a pool drop their value once, and the pool goes with the last of them.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    types::ForeignOwnable, //
};
use rb::mempool::{
    MemPool,
    MemPoolBox, //
};

/// A value that counts how often it is dropped.
struct Counted {
    id: u32,
    drops: Arc<Atomic<u32>>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Relaxed);
    }
}

#[kunit_tests(rb_mempool)]
mod tests {
    use super::*;

    fn counter() -> Result<Arc<Atomic<u32>>> {
        Ok(Arc::new(Atomic::new(0), GFP_KERNEL)?)
    }

    #[test]
    fn boxes_hold_values() -> Result {
        let (pool, drops) = (MemPool::new(2)?, counter()?);
        let mut boxes = KVec::new();
        // More than are kept back, so that some come from the slab.
        for id in 0..8 {
            let drops = drops.clone();
            boxes.push(pool.alloc(Counted { id, drops }), GFP_KERNEL)?;
        }
        for (i, item) in boxes.iter().enumerate() {
            assert_eq!(item.id as usize, i);
        }
        assert_eq!(drops.load(Relaxed), 0);
        drop(boxes);
        assert_eq!(drops.load(Relaxed), 8);
        Ok(())
    }

    #[test]
    fn a_box_outlives_the_pool() -> Result {
        let (pool, drops) = (MemPool::new(1)?, counter()?);
        let value = Counted {
            id: 7,
            drops: drops.clone(),
        };
        let mut item = pool.try_alloc(value)?;
        drop(pool);
        item.id += 1;
        assert_eq!(item.id, 8);
        drop(item);
        assert_eq!(drops.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn a_failed_initializer_drops_nothing() -> Result {
        let (pool, drops) = (MemPool::new(1)?, counter()?);
        let value = drops.clone();
        let result = pool.alloc_pin_init(try_init!(Counted {
            drops: value,
            id: Err::<u32, Error>(EBADF)?,
        }? Error));
        assert_eq!(result.err(), Some(EBADF));
        assert_eq!(drops.load(Relaxed), 0);

        let value = drops.clone();
        let item = pool.alloc_pin_init(init!(Counted {
            drops: value,
            id: 3
        }))?;
        assert_eq!(item.id, 3);
        drop(item);
        assert_eq!(drops.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn c_may_own_a_box() -> Result {
        let (pool, drops) = (MemPool::new(1)?, counter()?);
        let value = Counted {
            id: 5,
            drops: drops.clone(),
        };
        let raw = pool.alloc(value).into_foreign();
        drop(pool);
        // SAFETY: `raw` is owned by us, and not yet given back.
        let borrowed: &Counted = unsafe { MemPoolBox::borrow(raw) };
        assert_eq!(borrowed.id, 5);
        // SAFETY: `raw` is given back once.
        let item: MemPoolBox<Counted> = unsafe { ForeignOwnable::from_foreign(raw) };
        assert_eq!(drops.load(Relaxed), 0);
        drop(item);
        assert_eq!(drops.load(Relaxed), 1);
        Ok(())
    }
}
