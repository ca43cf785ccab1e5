// SPDX-License-Identifier: GPL-2.0

//! Lower devices that are no optical drives.

use crate::{
    logic::{
        options::AddOptions,
        zone::Geometry, //
    },
    lower::{
        card::Card,
        fate::Fate,
        limits, //
    }, //
};
use common::bell::Bell;
use kernel::{
    error::code::*,
    prelude::*,
    sync::Arc, //
};
use rb::block::{
    bdev::{
        BdevFile,
        Mode, //
    },
    dev_t::DevT,
    error::BlkError, //
};

/// Opens the lower device that `options` names, exclusively, and cuts it into packets.
///
/// A device that refuses writes is opened for reading. Fails with [`ENXIO`] if there is no such
/// device, [`EBUSY`] if it is mounted, mapped or otherwise claimed, `EOPNOTSUPP` if it has
/// sequential zones, and with what its own open returns. If it does not take packets of this size, fails
/// with [`EINVAL`] and one line in the log. May sleep, and wait for hardware.
pub(crate) fn open(
    options: &AddOptions,
    bell: &Arc<Bell>,
) -> Result<(BdevFile, Geometry, Option<Card>)> {
    let dev = DevT::new(options.device.major, options.device.minor)?;
    let fate = Fate::new(bell)?;
    let open = |mode| BdevFile::open_watched(dev, mode, fate.clone());
    let lower = match open(Mode::ReadWrite) {
        Err(err) if err == EACCES || err == EROFS => open(Mode::Read),
        opened => opened,
    }?;

    if lower.is_zoned() {
        pr_err!("{dev}: zoned devices are not supported\n");
        return Err(BlkError::NOTSUPP.to_error());
    }
    let geometry = cut(&lower, options)?;
    limits::check(&lower, &geometry)?;
    let card = Card::of(&lower, fate);
    Ok((lower, geometry, card))
}

fn cut(lower: &BdevFile, options: &AddOptions) -> Result<Geometry> {
    Geometry::new(
        options.packet_sectors(),
        options.start_sector(),
        lower.nr_sectors(),
    )
    .map_err(|err| {
        pr_err!("{}: {}\n", lower.dev(), err.reason());
        EINVAL
    })
}
