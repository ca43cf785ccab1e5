// SPDX-License-Identifier: GPL-2.0

//! nbd: the driver for network block devices alone, by the name that scripts and programs know.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use rb::module_param;

module! {
    type: Nbd,
    name: "nbd",
    authors: ["The rblk developers"],
    description: "Network block devices in Rust",
    license: "GPL",
    alias: ["net-pf-16-proto-16-family-nbd"],
}

module_param!(nbds_max: int = 16, 0o444, "Number of devices to add at load");
module_param!(max_part: int = 16, 0o444, "Partitions of each device, rounded up; 0 for none");
module_param!(
    max_request_bytes: uint = nbd::LARGE_REQUEST,
    0o444,
    "Most bytes of a request, by default; 0 for a page"
);

struct Nbd {
    _driver: nbd::Driver,
}

impl kernel::Module for Nbd {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let config = nbd::Config {
            nbds_max: nbds_max.read(),
            max_part: max_part.read(),
            max_request_bytes: max_request_bytes.read(),
        };
        max_part.set(config.real_max_part()?);

        Ok(Self {
            _driver: nbd::Driver::init(&config)?,
        })
    }
}
