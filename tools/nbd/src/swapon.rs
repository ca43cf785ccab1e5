// SPDX-License-Identifier: GPL-2.0

//! Puts swap areas to use.

use crate::cli;
use crate::uses::Use;
use crate::{Error, Result};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Command;

/// What is at the end of the first page of a swap area.
const SIGNATURE: &[u8; 10] = b"SWAPSPACE2";
const PAGE: u64 = 4096;

/// Whether this is a swap area.
fn is_area(disk: &File) -> io::Result<bool> {
    let mut found = [0; SIGNATURE.len()];
    match disk.read_exact_at(&mut found, PAGE - SIGNATURE.len() as u64) {
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| found == *SIGNATURE),
    }
}

/// Puts a device to use that was connected for swap space, unless it is in use, or has no area yet.
pub fn run(options: &cli::Swapon) -> Result {
    if let Some(path) = &options.config {
        let swap = |option: &String| option == "--swap";
        if !cli::read_config(path)?.options.iter().any(swap) {
            return Ok(());
        }
    }
    let node = options.device.node();
    let failed = |err| Error::system(node.clone(), err);
    if let Some(Use::Swap(_)) = Use::of(options.device).map_err(failed)? {
        return Ok(());
    }
    if !File::open(&node)
        .and_then(|disk| is_area(&disk))
        .map_err(failed)?
    {
        eprintln!("rblk-nbd: {node} has no swap area yet: run `mkswap {node}` and `swapon {node}`");
        return Ok(());
    }
    match Command::new("swapon").arg(&node).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Failed(format!("swapon failed: {status}"))),
        Err(err) => Err(Error::system("swapon", err)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas() {
        let disk = tempfile::tempfile().unwrap();
        assert!(!is_area(&disk).unwrap());
        disk.set_len(1 << 20).unwrap();
        assert!(!is_area(&disk).unwrap());
        disk.write_all_at(SIGNATURE, 4086).unwrap();
        assert!(is_area(&disk).unwrap());
    }
}
