// SPDX-License-Identifier: GPL-2.0

//! Files and block devices that hold an image or are its backing file.
//!
//! Both User-Mode Linux and the driver lock a whole file: the image against all others, the backing file
//! against those who would write it. The locks here are of the same kind. They belong to the process, and end
//! when it closes the file, by whichever of its descriptors; so each file is opened once.

use crate::{Error, Result};
use rustix::fs::{fcntl_lock, FlockOperation, OFlags};
use rustix::io::Errno;
use rustix::process::{fcntl_getlk, Flock, FlockType};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What is done with a file, and what others may not do meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is looked at, whatever others do.
    Look,
    /// It is read, and others do not write it.
    Read,
    /// It is written, and others neither read nor write it.
    Write,
}

/// A regular file or a block device that is open.
#[derive(Debug)]
pub struct Lower {
    file: File,
    path: PathBuf,
    size: u64,
    mtime: i64,
    is_device: bool,
    id: (u64, u64),
}

impl Lower {
    /// Opens a file, and locks it unless it is just looked at.
    pub fn open(path: &Path, purpose: Use) -> Result<Self> {
        let failed = |err: io::Error| Error::of(path, err);
        // A device that is mounted is not written.
        let is_device = fs::metadata(path)
            .map_err(failed)?
            .file_type()
            .is_block_device();
        let exclusive = match purpose {
            Use::Write if is_device => OFlags::EXCL.bits(),
            _ => 0,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(purpose == Use::Write)
            // CAST: What the kernel takes for an int.
            .custom_flags(exclusive as i32)
            .open(path)
            .map_err(failed)?;
        let lower = Self::new(file, path)?;
        lower.lock(purpose)?;
        Ok(lower)
    }

    fn new(mut file: File, path: &Path) -> Result<Self> {
        let failed = |err: io::Error| Error::of(path, err);
        let meta = file.metadata().map_err(failed)?;
        let kind = meta.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            let what = "neither a regular file nor a block device";
            return Err(Error::Usage(format!("{} is {what}", path.display())));
        }
        let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let id = match kind.is_file() {
            true => (meta.dev(), meta.ino()),
            false => (u64::MAX, meta.rdev()),
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            size,
            mtime: meta.mtime(),
            is_device: !kind.is_file(),
            id,
        })
    }

    /// Locks the file.
    fn lock(&self, purpose: Use) -> Result {
        let operation = match purpose {
            Use::Look => return Ok(()),
            Use::Read => FlockOperation::NonBlockingLockShared,
            Use::Write => FlockOperation::NonBlockingLockExclusive,
        };
        fcntl_lock(&self.file, operation).map_err(|err| match err {
            Errno::AGAIN | Errno::ACCESS => Error::Busy(format!(
                "{} is in use, by a disk, by User-Mode Linux or by another command",
                self.path.display()
            )),
            err => Error::of(&self.path, err),
        })
    }

    /// Whether somebody else has locked it so that it should not be read. Nothing is locked to see that.
    pub fn is_in_use(&self) -> bool {
        // From the start to the end, wherever that is.
        let read = Flock::from(FlockType::ReadLock);
        fcntl_getlk(&self.file, &read).is_ok_and(|lock| lock.is_some())
    }

    /// Its path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its size in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When it was changed, in seconds since 1970; of a device, its node.
    pub fn mtime(&self) -> i64 {
        self.mtime
    }

    /// Whether it is a block device.
    pub fn is_device(&self) -> bool {
        self.is_device
    }

    /// Whether both are the same file or device.
    pub fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Reads as much as there is; returns how much.
    pub fn read(&self, mut bytes: &mut [u8], offset: u64) -> Result<usize> {
        let (mut at, wanted) = (offset, bytes.len());
        while !bytes.is_empty() {
            match self.file.read_at(bytes, at) {
                Ok(0) => break,
                Ok(count) => {
                    bytes = &mut bytes[count..];
                    at += count as u64;
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(Error::of(&self.path, err)),
            }
        }
        Ok(wanted - bytes.len())
    }

    /// Writes all of it.
    pub fn write(&self, bytes: &[u8], offset: u64) -> Result {
        let written = self.file.write_all_at(bytes, offset);
        written.map_err(|err| Error::of(&self.path, err))
    }

    /// Makes durable what was written.
    pub fn sync(&self) -> Result {
        self.file
            .sync_all()
            .map_err(|err| Error::of(&self.path, err))
    }
}

/// A path that does not depend on the current directory. As `uml_mkcow` does, links are followed in the
/// directory, but the name of the file stays.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::Usage(format!("{} is not the path of a file", path.display())))?;
    let directory = parent(path);
    let directory = directory
        .canonicalize()
        .map_err(|err| Error::of(directory, err))?;
    Ok(directory.join(name))
}

/// The directory in which a file is.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// A new file that nobody sees before it is whole.
#[derive(Debug)]
pub struct NewFile {
    temporary: tempfile::NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Begins one that will be at `path`.
    pub fn begin(path: &Path) -> Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix(".ubd-")
            // Of which the umask takes away some.
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(parent(path));
        Ok(Self {
            temporary: temporary.map_err(|err| Error::of(path, err))?,
            path: path.to_owned(),
        })
    }

    /// The file.
    pub fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Puts the file, once it is durable, in its place; in that of another one if `replace` is set.
    pub fn finish(self, replace: bool) -> Result {
        let Self { temporary, path } = self;
        let failed = |err: io::Error| Error::of(&path, err);
        temporary.as_file().sync_all().map_err(failed)?;
        let file = match replace {
            true => temporary.persist(&path),
            false => temporary.persist_noclobber(&path),
        };
        file.map_err(|err| match err.error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => failed(err.error),
        })?;
        // The name, too, is to be there after a power cut.
        let directory = File::open(parent(&path)).map_err(failed)?;
        directory.sync_all().map_err(failed)
    }
}

/// That there is such a file already.
pub fn exists(path: &Path) -> Error {
    Error::Usage(format!(
        "{} exists already; --force replaces it",
        path.display()
    ))
}
