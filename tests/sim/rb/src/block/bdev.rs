// SPDX-License-Identifier: GPL-2.0

//! Lower devices.

mod limits;

pub use limits::LowerLimits;

use super::{
    dev_t::DevT,
    gen_disk::Ioctl,
    inflight::{
        Inflight,
        InflightGuard, //
    },
};
use crate::{
    bindings,
    sim::lower::{
        self,
        Lower, //
    },
    sysfs::KobjectRef, //
};
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sim,
    str::CString,
    sync::Arc, //
};
use std::rc::Rc;

/// How a lower device is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For reading.
    Read,
    /// For reading and writing.
    ReadWrite,
}

/// Is told about a device that it has claimed.
pub trait Watcher: Send + Sync + 'static {
    /// The device has been removed from the system.
    fn device_gone(&self);
}

/// An exclusively opened block device.
pub struct BdevFile {
    pub(crate) dev: DevT,
    raw: bindings::block_device,
    /// Others may have claimed it, too.
    shared: bool,
    name: CString,
    inflight: Arc<Inflight>,
    _watcher: Option<std::sync::Arc<dyn Watcher>>,
}

impl BdevFile {
    /// Opens the device `dev`, and claims it.
    pub fn open(dev: DevT, mode: Mode) -> Result<Self> {
        Self::open_with(dev, mode, false, None)
    }

    /// Opens the device `dev` for reading, and claims it together with others who do so.
    pub fn open_shared(dev: DevT) -> Result<Self> {
        Self::open_with(dev, Mode::Read, true, None)
    }

    /// Opens the device `dev`, and has `watcher` told when it goes.
    pub fn open_watched<W: Watcher>(dev: DevT, mode: Mode, watcher: Arc<W>) -> Result<Self> {
        Self::open_with(dev, mode, false, Some(watcher.as_std().clone()))
    }

    fn open_with(
        dev: DevT,
        mode: Mode,
        shared: bool,
        watcher: Option<std::sync::Arc<dyn Watcher>>,
    ) -> Result<Self> {
        sim::might_sleep("opening a lower device");
        let inflight = Inflight::new()?;
        let device = lower::find(dev).ok_or(ENXIO)?;
        let name = CString::try_from_fmt(format_args!("{}", device.name()))?;
        lower::claim(dev, shared)?;
        if let Err(err) = device.open(mode == Mode::ReadWrite) {
            lower::release(dev, shared);
            return Err(err);
        }
        let file = Self {
            dev,
            raw: raw(dev),
            shared,
            name,
            inflight,
            _watcher: watcher,
        };
        if mode == Mode::ReadWrite && file.is_read_only() {
            return Err(EACCES);
        }
        Ok(file)
    }

    /// Returns the device as C has it.
    pub(crate) fn as_raw(&self) -> *mut bindings::block_device {
        core::ptr::from_ref(&self.raw).cast_mut()
    }

    pub(crate) fn lower(&self) -> Rc<dyn Lower> {
        sim::point();
        lower::find(self.dev).expect("an open device stays")
    }

    /// Counts one more I/O, until the guard is dropped.
    pub(super) fn begin_io(&self) -> InflightGuard {
        Inflight::begin(&self.inflight)
    }

    /// Returns the device number.
    pub fn dev(&self) -> DevT {
        self.dev
    }

    /// Returns the name of the device.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Returns the device as the target of links.
    pub fn kobject(&self) -> KobjectRef<'_> {
        KobjectRef(PhantomData)
    }

    /// Returns the size, in sectors of 512 bytes.
    pub fn nr_sectors(&self) -> u64 {
        self.lower().sectors()
    }

    /// Returns where the device starts on its disk, in sectors.
    pub fn start_sector(&self) -> u64 {
        self.lower().start_sector()
    }

    /// Returns whether the device refuses writes.
    pub fn is_read_only(&self) -> bool {
        self.lower().is_read_only()
    }

    /// Returns whether the medium of the device can be changed.
    pub fn is_removable(&self) -> bool {
        self.lower().is_removable()
    }

    /// Returns whether the device is an optical drive.
    pub fn is_optical(&self) -> bool {
        self.lower().drive().is_some()
    }

    /// Returns whether the device has zones that must be written in sequence.
    pub fn is_zoned(&self) -> bool {
        false
    }

    /// Returns a number that changes when the disk is found to have another medium.
    pub fn media_seq(&self) -> u64 {
        self.lower().media_seq()
    }

    /// Passes an ioctl on to the device.
    pub fn ioctl(&self, _call: &Ioctl) -> Result<i32> {
        Err(ENOTTY)
    }

    /// Returns the limits as they are now.
    pub fn limits(&self) -> LowerLimits {
        self.lower().limits()
    }
}

impl Drop for BdevFile {
    fn drop(&mut self) {
        sim::might_sleep("closing a lower device");
        self.inflight.wait();
        self.lower().close();
        lower::release(self.dev, self.shared);
    }
}

/// Returns what C has of a device.
fn raw(dev: DevT) -> bindings::block_device {
    bindings::block_device {
        flush: Box::new(move || {
            let flushed = lower::flush(dev);
            flushed.map_or_else(|err| err.to_error().to_errno(), |()| 0)
        }),
    }
}

/// A block device that is open, but not claimed, and not for I/O.
pub struct Glance {
    dev: DevT,
    name: CString,
}

impl Glance {
    /// Opens the device `dev`.
    pub fn open(dev: DevT) -> Result<Self> {
        sim::might_sleep("opening a lower device");
        let device = lower::find(dev).ok_or(ENXIO)?;
        device.glance()?;
        let name = CString::try_from_fmt(format_args!("{}", device.name()))?;
        Ok(Self { dev, name })
    }

    fn lower(&self) -> Rc<dyn Lower> {
        lower::find(self.dev).expect("an open device stays")
    }

    /// Returns the name of the device.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Returns the device as the target of links.
    pub fn kobject(&self) -> KobjectRef<'_> {
        KobjectRef(PhantomData)
    }

    /// Returns whether the device is an optical drive.
    pub fn is_optical(&self) -> bool {
        self.lower().drive().is_some()
    }

    /// Returns whether the device is an optical drive whose tray is open.
    pub fn has_open_tray(&self) -> bool {
        sim::might_sleep("asking a drive");
        self.lower()
            .drive()
            .is_some_and(|drive| drive.has_open_tray())
    }
}
