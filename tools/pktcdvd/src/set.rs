// SPDX-License-Identifier: GPL-2.0

//! Changes settings of packet devices.

use crate::class::Class;
use crate::cli::Set;
use crate::paths::Paths;
use crate::remove;
use crate::{Error, Result};

/// Makes the settings, in the order in which they were given.
pub fn set(paths: &Paths, options: &Set) -> Result {
    let class = Class::open(paths)?;
    let map = remove::find(paths, &class.mappings()?, &options.target)?;
    for setting in &options.settings {
        class
            .set(&map.name, setting.file, setting.value)
            .map_err(|err| Error::system(format!("{}: {}", map.name, setting.text), err))?;
    }
    Ok(())
}
