// SPDX-License-Identifier: GPL-2.0

//! Where things are.

use crate::device_number::DeviceNumber;
use std::path::PathBuf;

/// Directories of the system, below one that stands for `/`.
#[derive(Debug, Clone)]
pub struct Paths {
    root: PathBuf,
}

impl Paths {
    /// Has `root` stand for `/`, for tests.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The class of the driver.
    pub fn class(&self) -> PathBuf {
        self.root.join("sys/class/pktcdvd")
    }

    /// A packet device in the class.
    pub fn class_device(&self, name: &str) -> PathBuf {
        self.class().join(name)
    }

    /// The file that only some may read.
    pub fn info(&self, name: &str) -> PathBuf {
        self.root
            .join("sys/kernel/debug/pktcdvd")
            .join(name)
            .join("info")
    }

    /// A block device in sysfs: a link.
    pub fn block(&self, number: DeviceNumber) -> PathBuf {
        self.root.join("sys/dev/block").join(number.to_string())
    }

    /// Processes.
    pub fn proc(&self) -> PathBuf {
        self.root.join("proc")
    }

    /// What is remembered of a packet device until the system is started anew.
    pub fn state(&self, name: &str) -> PathBuf {
        self.root.join("run/pktcdvd").join(name)
    }

    /// Where nodes are.
    pub fn dev(&self) -> PathBuf {
        self.root.join("dev")
    }

    /// Where nodes of packet devices are.
    pub fn nodes(&self) -> PathBuf {
        self.dev().join("pktcdvd")
    }
}
