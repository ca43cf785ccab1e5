// SPDX-License-Identifier: GPL-2.0

//! Lists disks, and shows how they are.

use crate::class::{Class, Disk};
use crate::Result;
use serde::Serialize;
use std::fmt::Write;

/// Several disks, as JSON.
#[derive(Debug, Serialize)]
pub struct Disks<T> {
    /// In the order of the driver.
    pub disks: Vec<T>,
}

/// How a disk is. What the driver does not say is left out.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Which it is.
    #[serde(flatten)]
    pub disk: Disk,
    /// Path of the backing file.
    pub backing: Option<String>,
    /// Sectors of the disk.
    pub sectors: Option<u64>,
    /// Sectors that the image has.
    pub cow_sectors: Option<u64>,
    /// Blocks of the bitmap that the next flush writes.
    pub dirty_blocks: Option<u64>,
    /// Whether the disk cannot be written.
    pub read_only: Option<bool>,
    /// Why the last flush has failed, as a negative number; 0 if it has not.
    pub error: Option<i32>,
}

/// All disks.
pub fn list() -> Result<Vec<Disk>> {
    Class::open()?.disks()
}

/// How these disks are; all, if there are none given.
pub fn read(targets: &[String]) -> Result<Vec<Status>> {
    let class = Class::open()?;
    let disks = match targets {
        [] => class.disks()?,
        targets => targets
            .iter()
            .map(|target| class.find(target))
            .collect::<Result<_>>()?,
    };
    Ok(disks.into_iter().map(|disk| status(&class, disk)).collect())
}

fn status(class: &Class, disk: Disk) -> Status {
    let name = disk.name.as_str();
    Status {
        backing: class.attribute(name, "ubd/backing"),
        sectors: class.attribute(name, "size"),
        cow_sectors: class.attribute(name, "ubd/cow_sectors"),
        dirty_blocks: class.attribute(name, "ubd/dirty_blocks"),
        read_only: class.attribute::<u8>(name, "ro").map(|ro| ro != 0),
        error: class.attribute(name, "ubd/error"),
        disk,
    }
}

/// The list, for people.
pub fn list_text(disks: &[Disk]) -> String {
    let mut text = format!("{:<10} {:<9} IMAGE\n", "DISK", "NUMBER");
    for disk in disks {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:<10} {:<9} {}", disk.name, disk.number, disk.cow);
    }
    text
}

/// How disks are, for people.
pub fn text(statuses: &[Status]) -> String {
    let texts: Vec<_> = statuses.iter().map(one).collect();
    texts.join("\n")
}

fn one(status: &Status) -> String {
    let mut text = format!("{} ({})", status.disk.name, status.disk.number);
    if status.read_only == Some(true) {
        text += ", read-only";
    }
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text += &format!("\n  {name:<14}{value}");
        }
    };
    line("image", Some(status.disk.cow.clone()));
    line("backing file", status.backing.clone());
    let sectors = status.sectors.zip(status.cow_sectors);
    line(
        "sectors",
        sectors.map(|(of, has)| format!("{has} of {of} are in the image")),
    );
    line(
        "bitmap",
        status
            .dirty_blocks
            .map(|blocks| format!("{blocks} blocks to write")),
    );
    let failed = status.error.filter(|error| *error != 0);
    line(
        "last flush",
        failed.map(|error| std::io::Error::from_raw_os_error(-error).to_string()),
    );
    text + "\n"
}
