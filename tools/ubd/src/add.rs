// SPDX-License-Identifier: GPL-2.0

//! Adds disks.

use crate::class::{is, Class, Disk};
use crate::cli::Add;
use crate::file::absolute;
use crate::{Error, Result};
use rustix::io::Errno;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Adds a disk; returns what it is.
pub fn add(options: &Add) -> Result<Disk> {
    let class = Class::open()?;
    let cow = absolute(&options.cow)?;
    let command = command(options, &cow)?;
    class.add(&command).map_err(|err| refusal(options, err))?;
    // An image has one disk at most.
    let cow = cow.to_string_lossy();
    let mut disks = class.disks()?.into_iter();
    disks
        .find(|disk| disk.cow == cow)
        .ok_or_else(|| Error::NotThere(format!("{cow} was added, and somebody has removed it")))
}

/// What to write to `add`.
fn command(options: &Add, cow: &Path) -> Result<Vec<u8>> {
    let mut command = b"cow=".to_vec();
    command.extend(quoted(cow)?);
    if let Some(backing) = &options.backing {
        command.extend(b" backing=");
        command.extend(quoted(&absolute(backing)?)?);
    }
    if let Some(name) = &options.name {
        command.extend(b" name=");
        command.extend(name.as_bytes());
    }
    for (word, is_wanted) in [
        (" ro", options.read_only),
        (" force", options.force),
        (" create", options.create),
        (" discard=none", options.no_discard),
    ] {
        if is_wanted {
            command.extend(word.as_bytes());
        }
    }
    Ok(command)
}

/// A path between quotes that it has none of.
fn quoted(path: &Path) -> Result<Vec<u8>> {
    let bytes = path.as_os_str().as_bytes();
    let quote = [b'"', b'\'']
        .into_iter()
        .find(|quote| !bytes.contains(quote));
    let quote = quote.ok_or_else(|| {
        let path = path.display();
        Error::Usage(format!(
            "{path}: the driver takes no path with both ' and \" in it"
        ))
    })?;
    Ok([&[quote], bytes, &[quote]].concat())
}

/// Says in words why the driver did not add a disk.
fn refusal(options: &Add, err: io::Error) -> Error {
    let cow = options.cow.display();
    let log = "the kernel's log says why";
    match Errno::from_io_error(&err) {
        Some(Errno::STALE) => Error::Image(format!(
            "{cow}: the backing file is not as it was when the image was made; {log}"
        )),
        Some(Errno::INVAL) => Error::Image(format!("{cow} cannot be used: {log}")),
        Some(Errno::BUSY | Errno::AGAIN | Errno::TXTBSY) => Error::Busy(format!(
            "{cow} or its backing file is in use, by a disk, by User-Mode Linux or by another program"
        )),
        Some(Errno::EXIST) if options.name.is_some() => {
            let name = options.name.as_deref().unwrap_or_default();
            Error::Busy(format!("{cow} exists, or there is a disk {name}"))
        }
        Some(Errno::EXIST) => Error::Busy(format!("{cow} exists already")),
        Some(Errno::NOENT) => {
            Error::NotThere(format!("there is no {cow}, or no backing file of it"))
        }
        _ if is(&err, Errno::FBIG) => {
            Error::Image(format!("{cow}: the bitmap is larger than the driver allows"))
        }
        _ => Error::system(format!("cannot add {cow}"), err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::options::{parse_add, AddOptions, Discard};

    fn options() -> Add {
        Add {
            cow: "a.cow".into(),
            backing: None,
            name: None,
            read_only: false,
            force: false,
            create: false,
            no_discard: false,
            json: false,
        }
    }

    #[test]
    fn commands_are_what_the_driver_reads() {
        let plain = command(&options(), Path::new("/my \"images\"/a.cow")).unwrap();
        assert_eq!(plain, b"cow='/my \"images\"/a.cow'");
        let all = Add {
            backing: Some("/etc/hosts".into()),
            name: Some("root".into()),
            read_only: true,
            force: true,
            no_discard: true,
            ..options()
        };
        let text = command(&all, Path::new("/it's")).unwrap();
        let backing: &[u8] = b"/etc/hosts";
        assert_eq!(
            parse_add(&text),
            Ok(AddOptions {
                cow: b"/it's",
                backing: Some(backing),
                name: Some("root"),
                read_only: true,
                force: true,
                create: false,
                discard: Discard::None,
            })
        );
        assert!(quoted(Path::new("/a'b\"c")).is_err());
    }
}
