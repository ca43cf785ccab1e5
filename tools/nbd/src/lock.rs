// SPDX-License-Identifier: GPL-2.0

//! Only one process keeps a device.
//!
//! The lock is that of a process, fcntl(2): others can ask who has it without taking it. It is given
//! back when the process closes the file, by whichever descriptor: so nothing else opens it here.

use crate::device::Device;
use crate::{Error, Result};
use rustix::fs::{fcntl_lock, FlockOperation};
use rustix::io::Errno;
use rustix::process::{fcntl_getlk, Flock, FlockType};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "/run/rblk-nbd";

fn path(device: Device) -> PathBuf {
    format!("{DIRECTORY}/{device}").into()
}

/// Held while this process keeps a device.
pub struct Lock(#[allow(dead_code, reason = "open as long as it is held")] File);

impl Lock {
    /// Takes the device.
    ///
    /// # Errors
    ///
    /// Who keeps it already.
    pub fn take(device: Device) -> Result<Self> {
        fs::create_dir_all(DIRECTORY).map_err(|err| Error::system(DIRECTORY, err))?;
        Self::take_file(device, &path(device))
    }

    fn take_file(device: Device, path: &Path) -> Result<Self> {
        let failed = |err| Error::system(path.display().to_string(), err);
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path);
        let file = open.map_err(failed)?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN | Errno::ACCESS) => Err(Error::Busy(match holder(&file) {
                Some(pid) => format!("{device} is kept by process {pid} already"),
                None => format!("{device} is kept by another process already"),
            })),
            other => other.map(|()| Self(file)).map_err(|err| failed(err.into())),
        }
    }
}

/// Who has the lock of a file, and not this process.
fn holder(file: &File) -> Option<u32> {
    let lock = fcntl_getlk(file, &Flock::from(FlockType::WriteLock)).ok()??;
    lock.pid?.as_raw_nonzero().get().try_into().ok()
}

/// Which process keeps a device, if it is not this one.
pub fn keeper(device: Device) -> Option<u32> {
    holder(&File::open(path(device)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};
    use std::thread;

    const DEVICE: Device = Device(7);

    #[test]
    fn who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        fs::write(&path, "").unwrap();
        let mut other = Command::new("python3")
            .args(["-c", "import fcntl, sys\nfile = open(sys.argv[1], 'r+')\nfcntl.lockf(file, fcntl.LOCK_EX)\nprint(flush=True)\nsys.stdin.read()"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = other.stdout.take().unwrap();
        out.read_exact(&mut [0]).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(holder(&file), Some(other.id()));
        let Err(err) = Lock::take_file(DEVICE, &path) else {
            panic!("two have it");
        };
        assert_eq!(err.exit_status(), 5);
        assert!(err.to_string().contains(&other.id().to_string()), "{err}");
        other.stdin.take().unwrap().write_all(b"end").unwrap();
        other.wait().unwrap();
        assert_eq!(holder(&file), None);
        assert!(Lock::take_file(DEVICE, &path).is_ok());
    }

    /// Whoever looks takes nothing, not for a moment.
    #[test]
    fn looking_is_not_taking() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        fs::write(&path, "").unwrap();
        let file = File::open(&path).unwrap();
        thread::scope(|scope| {
            let looks = scope.spawn(|| (0..100_000).all(|_| holder(&file).is_none()));
            while !looks.is_finished() {
                assert!(Lock::take_file(DEVICE, &path).is_ok());
            }
            assert!(looks.join().unwrap());
        });
    }
}
