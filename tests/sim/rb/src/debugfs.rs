// SPDX-License-Identifier: GPL-2.0

//! Text files in debugfs.

use crate::sim::files::{
    self,
    Entry, //
};
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    sync::Arc, //
};

/// The contents of a read-only file in debugfs.
pub trait TextFile: 'static {
    /// What the file is about.
    type Data: Send + Sync + 'static;

    /// Writes the whole file.
    fn show(data: &Self::Data, out: &SeqFile) -> Result;
}

/// A directory in debugfs.
#[derive(Clone)]
pub struct Dir(String);

impl Dir {
    /// Makes a directory at the top of debugfs.
    pub fn new(name: &CStr) -> Self {
        Self(format!("debug/{}", name.to_string_lossy()))
    }

    /// Makes a directory in this one.
    pub fn subdir(&self, name: &CStr) -> Self {
        Self(format!("{}/{}", self.0, name.to_string_lossy()))
    }

    /// Makes a file that is about `data`.
    pub fn file<F: TextFile>(&self, name: &CStr, data: Arc<F::Data>) -> File<F> {
        let show = move || {
            let out = SeqFile::default();
            F::show(&data, &out)?;
            Ok(out.into_text().into_bytes())
        };
        let path = format!("{}/{}", self.0, name.to_string_lossy());
        File {
            _entry: files::add(path, Some(Box::new(show)), None),
            _p: PhantomData,
        }
    }
}

/// A file in debugfs. It is removed when this is dropped, which waits for those who read it.
pub struct File<F: TextFile> {
    _entry: Entry,
    _p: PhantomData<fn(F)>,
}
