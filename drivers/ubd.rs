// SPDX-License-Identifier: GPL-2.0

//! ubd: copy-on-write disks in the format of User-Mode Linux.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use rb::module_param;

module! {
    type: Ubd,
    name: "ubd",
    authors: ["The rblk developers"],
    description: "Copy-on-write disks in Rust",
    license: "GPL",
}

module_param!(
    disks: charp = c"",
    0o444,
    "Disks to add at load: cow=PATH [backing=PATH] ..., separated by semicolons"
);

struct Ubd {
    _driver: ubd::Driver,
}

impl kernel::Module for Ubd {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let texts = disks.to_cstring()?;
        let config = ubd::Config::new(texts.to_bytes())?;

        Ok(Self {
            _driver: ubd::Driver::init(&config)?,
        })
    }
}
