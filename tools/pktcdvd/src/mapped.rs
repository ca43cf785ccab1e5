// SPDX-License-Identifier: GPL-2.0

//! A packet device for as long as a command needs one.

use crate::class::Class;
use crate::device_map::Mapping;
use crate::drive::Target;
use crate::paths::Paths;
use crate::remove;
use crate::{Error, Result};
use rustix::io::Errno;
use std::time::Duration;

/// How long to wait for programs that look at a device which was just made, or just used.
pub const LOOKERS: Duration = Duration::from_secs(5);

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

    /// Whether it was made.
    pub fn is_new(&self) -> bool {
        self.made
    }

    /// Unmaps it if it was made.
    pub fn end(&self) -> Result {
        match self.made {
            true => remove::unmap(self.paths, self.class, &self.mapping, LOOKERS),
            false => Ok(()),
        }
    }
}
