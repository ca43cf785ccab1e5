// SPDX-License-Identifier: GPL-2.0

//! Data that others keep.

use crate::{
    alloc::KBox,
    sync::{
        Arc,
        ArcBorrow, //
    },
};

/// Data that others keep for its owner, and lend.
pub trait ForeignOwnable: Sized {
    /// What is lent.
    type Borrowed<'a>
    where
        Self: 'a;

    /// Lends it.
    #[doc(hidden)]
    fn lend(&self) -> Self::Borrowed<'_>;
}

impl<T: 'static> ForeignOwnable for Arc<T> {
    type Borrowed<'a> = ArcBorrow<'a, T>;

    fn lend(&self) -> ArcBorrow<'_, T> {
        self.as_arc_borrow()
    }
}

impl<T: 'static> ForeignOwnable for KBox<T> {
    type Borrowed<'a> = &'a T;

    fn lend(&self) -> &T {
        self
    }
}

impl ForeignOwnable for () {
    type Borrowed<'a> = ();

    fn lend(&self) {}
}
