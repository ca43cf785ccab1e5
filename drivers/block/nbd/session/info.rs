// SPDX-License-Identifier: GPL-2.0

//! The files of a session in debugfs.

use crate::{
    links::traffic::Traffic,
    logic::flags::NAMES, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};
use rb::debugfs::{
    File,
    TextFile, //
};

/// The files; they are removed when this is dropped.
pub(crate) struct Files {
    _tasks: File<Tasks>,
    _size: File<SizeBytes>,
    _timeout: File<Timeout>,
    _block: File<BlockSizeBits>,
    _flags: File<Flags>,
}

impl Files {
    /// Makes the files of a traffic.
    pub(crate) fn new(traffic: &Arc<Traffic>) -> Self {
        let dir = match CString::try_from_fmt(fmt!("nbd{}", traffic.index())) {
            Ok(name) => traffic.shared.debugfs.subdir(&name),
            Err(_) => traffic.shared.debugfs.clone(),
        };
        Self {
            _tasks: dir.file(c"tasks", traffic.clone()),
            _size: dir.file(c"size_bytes", traffic.clone()),
            _timeout: dir.file(c"timeout", traffic.clone()),
            _block: dir.file(c"blocksize_bits", traffic.clone()),
            _flags: dir.file(c"flags", traffic.clone()),
        }
    }
}

/// `tasks`: the process that has connected the traffic.
struct Tasks;

impl TextFile for Tasks {
    type Data = Traffic;

    fn show(traffic: &Traffic, out: &SeqFile) -> Result {
        let pid = traffic.pid.load(Relaxed);
        if pid != 0 {
            seq_print!(out, "recv: {}\n", pid);
        }
        Ok(())
    }
}

/// `size_bytes`: the size of the disk.
struct SizeBytes;

impl TextFile for SizeBytes {
    type Data = Traffic;

    fn show(traffic: &Traffic, out: &SeqFile) -> Result {
        seq_print!(out, "{}\n", traffic.size().bytes);
        Ok(())
    }
}

/// `timeout`: within how many jiffies the server is to reply.
struct Timeout;

impl TextFile for Timeout {
    type Data = Traffic;

    fn show(traffic: &Traffic, out: &SeqFile) -> Result {
        let milliseconds = traffic.timeout().saturating_mul(1000);
        seq_print!(out, "{}\n", kernel::time::msecs_to_jiffies(milliseconds));
        Ok(())
    }
}

/// `blocksize_bits`: the binary logarithm of the size of a block.
struct BlockSizeBits;

impl TextFile for BlockSizeBits {
    type Data = Traffic;

    fn show(traffic: &Traffic, out: &SeqFile) -> Result {
        seq_print!(out, "{}\n", traffic.size().block.trailing_zeros());
        Ok(())
    }
}

/// `flags`: what the export can do.
struct Flags;

impl TextFile for Flags {
    type Data = Traffic;

    fn show(traffic: &Traffic, out: &SeqFile) -> Result {
        let flags = traffic.flags().raw();
        seq_print!(out, "Hex: 0x{:08x}\n\nKnown flags:\n", flags);
        for (bit, name) in NAMES {
            if flags >> bit & 1 != 0 {
                seq_print!(out, "{}\n", name);
            }
        }
        Ok(())
    }
}
