// SPDX-License-Identifier: GPL-2.0

//! Where partitions are looked for.

use super::used::Used;
use crate::{
    block::bio::{
        Bio,
        Command,
        Flags,
        Piece, //
    },
    page::Memory, //
};

/// Reads where partitions are listed, if the disk has room for that.
pub(super) fn read_table(disk: &dyn Used) {
    let (size, capacity) = disk
        .core()
        .get(|state| (state.limits.logical_block_size, state.capacity));
    let piece = Piece {
        page: Memory::filled(0),
        offset: 0,
        len: size.min(4096) as usize,
    };
    if size <= 4096 && capacity != 0 {
        let read = Bio::new(Command::Read, Flags::empty(), 0, size, vec![piece]);
        let _ = disk.submit(read);
    }
}
