// SPDX-License-Identifier: GPL-2.0

//! Text files in debugfs.
//!
//! Unlike upstream's, the files name the module as their owner, so it cannot be unloaded while one
//! is open. Nothing here fails: a driver must work as well without debugfs, so what cannot be made
//! is missing, no more.
//!
//! Not supported: files that can be written, binary files.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)
//!
//! # Examples
//!
//! ```
//! # use kernel::{seq_file::SeqFile, seq_print, sync::Arc};
//! # use rb::debugfs::{Dir, TextFile};
//! # struct Cache;
//! # impl Cache {
//! #     fn pages(&self) -> u32 {
//! #         7
//! #     }
//! # }
//! struct Info;
//!
//! impl TextFile for Info {
//!     type Data = Cache;
//!
//!     fn show(cache: &Cache, out: &SeqFile) -> Result {
//!         seq_print!(out, "{} pages\n", cache.pages());
//!         Ok(())
//!     }
//! }
//!
//! # let cache = Arc::new(Cache, GFP_KERNEL)?;
//! // `/sys/kernel/debug/cache/cache0/info`
//! let top = Dir::new(c"cache");
//! let info = top.subdir(c"cache0").file::<Info>(c"info", cache);
//! ```

use crate::{
    bindings,
    THIS_MODULE, //
};
use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    }, //
};
use kernel::{
    error::{
        from_err_ptr,
        from_result, //
    },
    prelude::*,
    seq_file::SeqFile,
    sync::Arc, //
};

/// The contents of a read-only file in debugfs.
pub trait TextFile: 'static {
    /// What the file is about.
    type Data: Send + Sync + 'static;

    /// Writes the whole file with [`seq_print!`](kernel::seq_print).
    ///
    /// It is called again, with more memory, if the text did not fit. Process context, may sleep.
    /// Removing the file waits for it.
    fn show(data: &Self::Data, out: &SeqFile) -> Result;
}

/// Makes a directory; returns null or an error pointer if it cannot.
///
/// # Safety
///
/// `parent` must be null, for the top, or a directory of ours.
unsafe fn create_dir(name: &CStr, parent: *mut bindings::dentry) -> *mut bindings::dentry {
    #[cfg(not(CONFIG_DEBUG_FS))]
    let dentry = {
        let _ = (name, parent);
        ptr::null_mut()
    };
    // SAFETY: By the requirements of this function; the name ends with NUL and is copied.
    #[cfg(CONFIG_DEBUG_FS)]
    let dentry = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), parent) };
    dentry
}

/// Makes a file, mode 0444; returns null or an error pointer if it cannot.
///
/// # Safety
///
/// `parent` must be a directory of ours, and `data` what `fops` expects, until the file is removed.
unsafe fn create_file(
    name: &CStr,
    parent: *mut bindings::dentry,
    data: *mut c_void,
    fops: &'static bindings::file_operations,
) -> *mut bindings::dentry {
    #[cfg(not(CONFIG_DEBUG_FS))]
    let dentry = {
        let _ = (name, parent, data, fops);
        ptr::null_mut()
    };
    // SAFETY: By the requirements of this function; the name ends with NUL and is copied.
    #[cfg(CONFIG_DEBUG_FS)]
    let dentry = unsafe {
        bindings::debugfs_create_file_full(
            name.as_char_ptr(),
            0o444,
            parent,
            data,
            ptr::null(),
            fops,
        )
    };
    dentry
}

/// A file or directory that we made.
///
/// # Invariants
///
/// `dentry` exists in debugfs, nobody else removes it, and its parent outlives it.
struct Entry {
    dentry: NonNull<bindings::dentry>,
    _parent: Option<Arc<Entry>>,
}

// SAFETY: Any thread may remove an entry.
unsafe impl Send for Entry {}

// SAFETY: debugfs locks what it does with an entry.
unsafe impl Sync for Entry {}

impl Entry {
    /// Takes what `create` makes, in a parent directory or, without one, at the top of debugfs.
    fn new(
        parent: Option<&Arc<Entry>>,
        create: impl FnOnce(*mut bindings::dentry) -> *mut bindings::dentry,
    ) -> Option<Self> {
        let raw = parent.map_or(ptr::null_mut(), |parent| parent.dentry.as_ptr());
        let dentry = from_err_ptr(create(raw)).ok()?;
        // INVARIANT: It was made just now, and we hold the parent.
        Some(Self {
            dentry: NonNull::new(dentry)?,
            _parent: parent.cloned(),
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the entry exists, and nobody else removes it.
        #[cfg(CONFIG_DEBUG_FS)]
        unsafe {
            bindings::debugfs_remove(self.dentry.as_ptr())
        };
    }
}

/// A directory in debugfs.
///
/// It is removed when this, all clones, and all files and directories in it have been dropped.
#[derive(Clone)]
pub struct Dir(Option<Arc<Entry>>);

impl Dir {
    /// Makes a directory at the top of debugfs.
    pub fn new(name: &CStr) -> Self {
        Self::create(name, None)
    }

    /// Makes a directory in this one.
    pub fn subdir(&self, name: &CStr) -> Self {
        match &self.0 {
            Some(parent) => Self::create(name, Some(parent)),
            None => Self(None),
        }
    }

    fn create(name: &CStr, parent: Option<&Arc<Entry>>) -> Self {
        let entry = Entry::new(parent, |parent| {
            // SAFETY: The parent is null or exists.
            unsafe { create_dir(name, parent) }
        });
        Self(entry.and_then(|entry| Arc::new(entry, GFP_KERNEL).ok()))
    }

    /// Makes a file, mode 0444, that is about `data`.
    pub fn file<F: TextFile>(&self, name: &CStr, data: Arc<F::Data>) -> File<F> {
        let raw: *mut c_void = Arc::as_ptr(&data).cast_mut().cast();
        let entry = self.0.as_ref().and_then(|dir| {
            Entry::new(Some(dir), |parent| {
                // SAFETY: The parent exists. The file operations expect an `F::Data`, which is
                // kept longer than the file.
                unsafe { create_file(name, parent, raw, FileVTable::<F>::FOPS) }
            })
        });
        // INVARIANT: The file, if any, is about `data`.
        File {
            _entry: entry,
            _data: data,
        }
    }
}

/// A file in debugfs. It is removed when this is dropped, which waits for those who read it.
///
/// See the [module](self) for an example.
///
/// # Invariants
///
/// `entry`, if any, was made with `data` as its data.
pub struct File<F: TextFile> {
    // Dropped first, for it reads the data.
    _entry: Option<Entry>,
    _data: Arc<F::Data>,
}

struct FileVTable<F>(PhantomData<F>);

impl<F: TextFile> FileVTable<F> {
    const FOPS: &'static bindings::file_operations = &bindings::file_operations {
        owner: THIS_MODULE.as_ptr(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `inode` and `file` must be those of a file that is being opened, made for a [`File<F>`].
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: By the requirements of this function.
        let data = unsafe { (*inode).i_private };
        // SAFETY: As above. `show` is called only while the file exists, as debugfs checks at
        // each call, and removing the file waits for it.
        unsafe { bindings::single_open(file, Some(Self::show), data) }
    }

    /// # Safety
    ///
    /// `seq` must be a file that [`Self::open`] opened and whose data is still there.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: By the requirements of this function.
        let data: *const F::Data = unsafe { (*seq).private }.cast_const().cast();
        // SAFETY: By the invariant of `File`, it is an `F::Data`.
        let data = unsafe { &*data };
        // SAFETY: `seq` is valid and locked by the caller.
        let out = unsafe { SeqFile::from_raw(seq) };
        from_result(|| F::show(data, out).map(|()| 0))
    }
}
