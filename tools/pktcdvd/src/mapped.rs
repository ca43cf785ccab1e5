// SPDX-License-Identifier: GPL-2.0

//! A packet device for as long as a command needs one.

use crate::class::Class;
use crate::device_map::Mapping;
use crate::drive::Target;
use crate::paths::Paths;
use crate::remove;
use crate::{Error, Result};
use rustix::io::Errno;
use std::fs;
use std::time::Duration;

/// How long to wait for programs that look at a device which was just made, or just used.
pub const LOOKERS: Duration = Duration::from_secs(5);

/// Whether a packet device was made by [`Mapped`], and kept.
pub fn is_ours(paths: &Paths, mapping: &Mapping) -> bool {
    let lower = fs::read_to_string(paths.state(&mapping.name)).unwrap_or_default();
    lower.trim() == mapping.lower.to_string()
}

/// A packet device that was there, or was made.
pub struct Mapped<'a> {
    paths: &'a Paths,
    class: &'a Class<'a>,
    mapping: Mapping,
    made: bool,
}

impl<'a> Mapped<'a> {
    /// Maps a device if it is not mapped.
    pub fn new(paths: &'a Paths, class: &'a Class<'a>, target: &Target) -> Result<Self> {
        if let Some(mapping) = target.mapping.clone() {
            return Ok(Self {
                paths,
                class,
                mapping,
                made: false,
            });
        }
        let node = target.node.display();
        class
            .add(&target.lower.to_string())
            .map_err(|err| match Errno::from_io_error(&err) {
                Some(Errno::BUSY) => Error::Busy(format!("{node} is mounted, or claimed")),
                _ => Error::system(format!("cannot map {node}"), err),
            })?;
        let mut mappings = class.mappings()?.into_iter();
        let mapping = mappings.find(|map| map.lower == target.lower);
        Ok(Self {
            paths,
            class,
            mapping: mapping
                .ok_or_else(|| Error::NoDevice(format!("{node} was unmapped by somebody")))?,
            made: true,
        })
    }

    /// The packet device.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Leaves it there if it was made, until the disc is unmounted or taken out.
    ///
    /// So the drive need not close the disc between two commands that use it.
    pub fn keep(&self) -> Result {
        if !self.made {
            return Ok(());
        }
        let path = self.paths.state(&self.mapping.name);
        let write = || {
            path.parent().map(fs::create_dir_all).transpose()?;
            fs::write(&path, format!("{}\n", self.mapping.lower))
        };
        write().map_err(|err| Error::system(format!("cannot write {}", path.display()), err))
    }

    /// Unmaps it if it was made.
    pub fn end(&self) -> Result {
        match self.made {
            true => remove::unmap(self.paths, self.class, &self.mapping, LOOKERS),
            false => Ok(()),
        }
    }
}
