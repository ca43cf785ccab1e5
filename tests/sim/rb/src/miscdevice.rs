// SPDX-License-Identifier: GPL-2.0

//! Misc devices.

use crate::sim::files::{
    self,
    Entry, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// What a misc device does.
#[vtable]
pub trait MiscDevice: Send + Sync + Sized + 'static {
    /// Called when the device is opened.
    fn open(&self) -> Result {
        build_error!()
    }

    /// Called for `ioctl(2)`.
    fn ioctl(&self, _cmd: u32, _arg: usize) -> Result<isize> {
        build_error!()
    }
}

/// How a misc device looks from outside.
#[derive(Clone, Copy)]
pub struct Options {
    /// The name.
    pub name: &'static CStr,
    /// The path below `/dev`, if it is not the name.
    pub nodename: Option<&'static CStr>,
    /// The access mode of the node.
    pub mode: u16,
}

/// A registered misc device.
pub struct Registration<D: MiscDevice> {
    data: Arc<D>,
    _entry: Entry,
}

impl<D: MiscDevice> Registration<D> {
    /// Returns an initializer that registers a misc device.
    pub fn register(options: Options, data: Arc<D>) -> impl PinInit<Self, Error> {
        let node = options.nodename.unwrap_or(options.name);
        Ok(Self {
            data,
            _entry: files::add(format!("dev/{}", node.to_string_lossy()), None, None),
        })
    }

    /// Returns the data.
    pub fn data(&self) -> &Arc<D> {
        &self.data
    }
}
