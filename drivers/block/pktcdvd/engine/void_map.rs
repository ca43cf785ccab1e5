// SPDX-License-Identifier: GPL-2.0

//! The memory of the map of void packets.

use crate::logic::void_map::{
    self,
    words, //
};
use kernel::{
    alloc::{
        flags::__GFP_NOWARN,
        KVVec, //
    },
    prelude::*, //
};

/// One bit for each packet of a device.
pub(crate) type VoidMap = void_map::VoidMap<KVVec<u64>>;

/// Creates a map for `packets` packets, none of them void. May sleep.
///
/// If there is not enough memory, the map keeps no marks.
pub(crate) fn new(packets: u64) -> VoidMap {
    let map =
        words(packets).and_then(|words| KVVec::from_elem(0, words, GFP_KERNEL | __GFP_NOWARN).ok());
    VoidMap::new(map.unwrap_or_default())
}

/// Returns a map of no packets, which takes no memory.
pub(crate) fn empty() -> VoidMap {
    VoidMap::new(KVVec::new())
}
