// SPDX-License-Identifier: GPL-2.0

//! What the files use of `rb::block`.

/// Bios with pages of their own.
pub mod page_bio {
    /// What happens when one completes.
    pub trait Completion: 'static {
        /// Tells that there is a result to take.
        fn completed(&self);
    }
}
