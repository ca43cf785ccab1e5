// SPDX-License-Identifier: GPL-2.0

//! How many pages a disk uses, in debugfs.

use super::Disk;
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};
use rb::debugfs;

/// The file `ramdisk_pages/NAME`, as the C driver `brd` has it.
pub(crate) struct UsedPages;

impl debugfs::TextFile for UsedPages {
    type Data = Disk;

    fn show(disk: &Disk, out: &SeqFile) -> Result {
        seq_print!(out, "{}\n", disk.store().pages());
        Ok(())
    }
}
