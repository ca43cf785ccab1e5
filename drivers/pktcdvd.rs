// SPDX-License-Identifier: GPL-2.0

//! pktcdvd: the packet driver alone, by the name that scripts and programs know.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use rb::module_param;

module! {
    type: Pktcdvd,
    name: "pktcdvd",
    authors: ["The rblk developers"],
    description: "Packet writing in Rust",
    license: "GPL",
}

module_param!(
    buffers: uint = pktcdvd::logic::options::DEFAULT_PACKET_BUFFERS,
    0o444,
    "Packet buffers of each packet device, 2 to 64"
);

struct Pktcdvd {
    _driver: pktcdvd::Driver,
}

impl kernel::Module for Pktcdvd {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let config = pktcdvd::Config::new(buffers.read())?;

        Ok(Self {
            _driver: pktcdvd::Driver::init(&config)?,
        })
    }
}
