// SPDX-License-Identifier: GPL-2.0

//! Runs programs of the system.

use crate::{Error, Result};
use std::ffi::OsStr;
use std::io;
use std::process::Command;

/// Runs a program, whose output and errors are the user's to read.
///
/// # Errors
///
/// That it is not there (`package` has it), or that it failed, with its status.
pub fn run(
    program: &str,
    package: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result {
    match Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Failed(format!("{program} failed: {status}"))),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(Error::Failed(format!(
            "there is no program {program}: install {package}"
        ))),
        Err(err) => Err(Error::system(program, err)),
    }
}
