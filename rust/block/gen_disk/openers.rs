// SPDX-License-Identifier: GPL-2.0

use super::{
    DiskRef,
    GenDisk,
    Operations, //
};
use crate::bindings;

impl<T: Operations> GenDisk<T> {
    /// Runs `f` while the disk can be neither opened nor closed.
    ///
    /// `f` gets how often the disk, or a partition of it, is open. While nobody has a disk open,
    /// its page cache is empty, and no I/O comes. `f` must not open or remove the disk. May sleep.
    pub fn with_openers<R>(&self, f: impl FnOnce(u32) -> R) -> R {
        // SAFETY: By the type invariant, the disk is valid.
        let open_mutex = unsafe { &raw mut (*self.as_raw()).open_mutex };

        // SAFETY: The mutex is initialized, since the disk is; it is unlocked below.
        unsafe { bindings::mutex_lock(open_mutex) };
        let result = f(self.openers());
        // SAFETY: It was locked above.
        unsafe { bindings::mutex_unlock(open_mutex) };
        result
    }
}

impl DiskRef {
    /// Drops what the page cache of the disk holds from byte `start` on, written back or not.
    ///
    /// Waits for writeback that runs, so I/O must be able to complete. May sleep.
    pub fn truncate_cache(&self, start: u64) {
        // SAFETY: By the type invariant, the disk is valid, and has a page cache.
        unsafe {
            bindings::truncate_inode_pages(
                (*(*self.as_raw()).part0).bd_mapping,
                start.try_into().unwrap_or(i64::MAX),
            )
        };
    }
}
