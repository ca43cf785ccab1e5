// SPDX-License-Identifier: GPL-2.0

//! References to the own module.

use kernel::prelude::*;
use std::cell::Cell;

thread_local! {
    static REFERENCES: Cell<Option<u32>> = const { Cell::new(Some(0)) };
}

/// A reference that keeps the module from being unloaded.
pub struct ModuleRef(());

impl ModuleRef {
    /// Takes a reference.
    pub fn get() -> Result<Self> {
        kernel::sim::point();
        REFERENCES.with(|references| {
            let now = references.get().ok_or(ENODEV)?;
            references.set(Some(now + 1));
            Ok(Self(()))
        })
    }
}

impl Drop for ModuleRef {
    fn drop(&mut self) {
        kernel::sim::point();
        REFERENCES.with(|references| references.set(references.get().map(|now| now - 1)));
    }
}

/// Begins to unload the module; fails while somebody has a reference.
pub fn unload() -> bool {
    kernel::sim::point();
    REFERENCES.with(|references| {
        if references.get() == Some(0) {
            references.set(None);
            return true;
        }
        false
    })
}

/// Makes it as it is when the module is loaded.
pub(crate) fn reset() {
    REFERENCES.with(|references| references.set(Some(0)));
}
