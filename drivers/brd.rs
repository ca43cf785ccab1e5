// SPDX-License-Identifier: GPL-2.0

//! brd: RAM disks by the names, numbers and parameters that scripts know, in place of the C driver.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use rb::{
    kconfig,
    module_param, //
};

module! {
    type: Brd,
    name: "brd",
    authors: ["The rblk developers"],
    description: "RAM disks in Rust",
    license: "GPL",
    alias: ["block-major-1-*", "rd"],
}

module_param!(rd_nr: int = kconfig::BLK_DEV_RAM_COUNT, 0o444, "Number of RAM disks to add at load");
module_param!(rd_size: ulong = kconfig::BLK_DEV_RAM_SIZE, 0o444, "Size of each RAM disk, in KiB");
module_param!(max_part: int = 1, 0o444, "Minor numbers of each RAM disk, rounded up; at most 256");

struct Brd {
    _driver: ram::brd::Driver,
}

impl kernel::Module for Brd {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let config = ram::brd::Config::new(rd_nr.read(), rd_size.read(), max_part.read())?;
        max_part.set(config.max_part());

        Ok(Self {
            _driver: ram::brd::Driver::init(&config)?,
        })
    }
}
