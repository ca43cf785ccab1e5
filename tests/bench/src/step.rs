// SPDX-License-Identifier: GPL-2.0

//! Single things that an administrator does, counted from the system call on: not the
//! programs that usually make it.

use crate::error::Result;
use crate::mark;
use nix::kmod::{delete_module, finit_module, DeleteModuleFlags, ModuleInitFlags};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::time::Instant;

mod ioctl {
    //! From `linux/fs.h`.
    nix::ioctl_write_ptr_bad!(discard, nix::request_code_none!(0x12, 119), [u64; 2]);
}

/// Does it, and prints how many operations that was and how long they took.
fn measured(operations: u64, step: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    mark::begin();
    let done = step();
    mark::end();
    let all = start.elapsed().as_nanos();
    done?;
    println!("{operations} {all} {}", all / u128::from(operations));
    Ok(())
}

/// Loads a module.
pub fn insmod(file: &str, parameters: &str) -> Result<()> {
    let (file, parameters) = (File::open(file)?, CString::new(parameters)?);
    measured(1, || {
        Ok(finit_module(&file, &parameters, ModuleInitFlags::empty())?)
    })
}

/// Unloads a module that nobody uses.
pub fn rmmod(name: &str) -> Result<()> {
    let name = CString::new(name)?;
    measured(1, || {
        Ok(delete_module(&name, DeleteModuleFlags::O_NONBLOCK)?)
    })
}

/// Discards all of a disk, in one call.
pub fn discard(device: &str) -> Result<()> {
    let mut disk = OpenOptions::new().read(true).write(true).open(device)?;
    let range = [0, disk.seek(SeekFrom::End(0))?];
    measured(1, || {
        // SAFETY: The file is open, and the kernel only reads the range.
        unsafe { ioctl::discard(disk.as_raw_fd(), &range) }?;
        Ok(())
    })
}

/// Writes lines to a file of the kernel's.
pub fn echo(file: &str, text: &str, count: u64) -> Result<()> {
    let lines: Vec<String> = (0..count)
        .map(|number| text.replace("{}", &number.to_string()))
        .collect();
    measured(count, || {
        for line in lines {
            OpenOptions::new()
                .write(true)
                .open(file)?
                .write_all(line.as_bytes())?;
        }
        Ok(())
    })
}
