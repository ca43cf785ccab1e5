// SPDX-License-Identifier: GPL-2.0

//! Who uses a block device.

use crate::device_number::DeviceNumber;
use crate::mountinfo;
use crate::paths::Paths;
use rustix::io::Errno;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait before another try.
const PAUSE: Duration = Duration::from_millis(100);

/// Somebody who uses a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// It is mounted there.
    Mount(String),
    /// A process has it open.
    Process {
        /// Its number.
        id: u32,
        /// The name of its program.
        name: String,
    },
    /// Another block device lies upon it.
    Holder(String),
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mount(point) => write!(f, "mounted on {point}"),
            Self::Process { id, name } => write!(f, "open in {name} ({id})"),
            Self::Holder(name) => write!(f, "used by {name}"),
        }
    }
}

/// All that can be found out; processes of other users only by root.
pub fn of(paths: &Paths, number: DeviceNumber) -> Vec<User> {
    let points = mountinfo::points(paths, number);
    let mut users: Vec<_> = points
        .iter()
        .map(|point| User::Mount(point.display().to_string()))
        .collect();
    let holders = fs::read_dir(paths.block(number).join("holders"));
    for holder in holders.into_iter().flatten().flatten() {
        users.push(User::Holder(holder.file_name().to_string_lossy().into()));
    }
    let processes = fs::read_dir(paths.proc());
    for process in processes.into_iter().flatten().flatten() {
        let id = process.file_name().to_str().and_then(|id| id.parse().ok());
        // What this command was given open by its caller is the caller's.
        let id = id.filter(|&id| id != std::process::id());
        if let Some(id) = id.filter(|_| has_open(&process.path(), number)) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            let name = name.trim().to_owned();
            users.push(User::Process { id, name });
        }
    }
    users
}

fn has_open(process: &Path, number: DeviceNumber) -> bool {
    let files = fs::read_dir(process.join("fd"));
    files.into_iter().flatten().flatten().any(|file| {
        fs::metadata(file.path()).is_ok_and(|file| {
            file.file_type().is_block_device() && DeviceNumber::from_raw(file.rdev()) == number
        })
    })
}

/// For people: `open in blkid (321), mounted on /mnt`.
pub fn text(users: &[User]) -> String {
    if users.is_empty() {
        return "in use, by nobody that can be seen".to_owned();
    }
    let users: Vec<_> = users.iter().map(User::to_string).collect();
    users.join(", ")
}

/// Tries something until it is not `EBUSY`, or for `limit` at most.
///
/// Does not wait for what does not end by itself: `settled` tells whether it is of no use.
pub fn retry<T>(
    limit: Duration,
    mut settled: impl FnMut() -> bool,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(err)
                if Errno::from_io_error(&err) == Some(Errno::BUSY)
                    && start.elapsed() < limit
                    && !settled() =>
            {
                thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(text(&[]), "in use, by nobody that can be seen");
        let users = [
            User::Mount("/mnt".into()),
            User::Process {
                id: 7,
                name: "cat".into(),
            },
        ];
        assert_eq!(text(&users), "mounted on /mnt, open in cat (7)");
    }

    #[test]
    fn a_looker_goes_away() {
        let mut tries = 0;
        let busy = || io::Error::from(Errno::BUSY);
        let outcome = retry(
            Duration::from_secs(60),
            || false,
            || {
                tries += 1;
                if tries < 3 {
                    Err(busy())
                } else {
                    Ok(tries)
                }
            },
        );
        assert_eq!(outcome.unwrap(), 3);
        // What is mounted stays so, and other errors do, too.
        let mut tries = 0;
        let outcome: io::Result<()> = retry(
            Duration::from_secs(60),
            || true,
            || {
                tries += 1;
                Err(busy())
            },
        );
        assert!(outcome.is_err() && tries == 1);
        let outcome: io::Result<()> = retry(Duration::ZERO, || false, || Err(busy()));
        assert!(outcome.is_err());
        let outcome: io::Result<()> =
            retry(Duration::from_secs(60), || false, || Err(Errno::IO.into()));
        assert!(outcome.is_err());
    }
}
