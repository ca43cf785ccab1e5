// SPDX-License-Identifier: GPL-2.0

//! Lower devices that are no optical drives, and whether they can take packets.

use crate::{
    control::mapping::fits_blocks,
    logic::{
        options::AddOptions,
        zone::Geometry, //
    },
    lower::{
        bell::Bell,
        fate::Fate,
        session::{
            Card,
            Session, //
        }, //
    }, //
};
use kernel::{
    error::code::*,
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};
use rb::block::{
    bdev::{
        BdevFile,
        Mode, //
    },
    dev_t::DevT,
    error::BlkError,
    SECTOR_SIZE, //
};

/// Opens the lower device that `options` names, exclusively, and cuts it into packets.
///
/// A device that refuses writes is opened for reading. Fails with [`ENXIO`] if there is no such
/// device, [`EBUSY`] if it is mounted, mapped or otherwise claimed, `EOPNOTSUPP` if it has
/// sequential zones, [`EINVAL`], and one line in the log, if it does not take
/// packets of this size, and what its own open returns. May sleep, and wait for hardware.
pub(crate) fn open(options: &AddOptions, bell: &Arc<Bell>) -> Result<Session> {
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
    check_limits(&lower, &geometry)?;
    Ok(Session {
        geometry,
        read_only: lower.is_read_only(),
        optical: None,
        card: Card::of(&lower, fate),
        lower,
    })
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

/// Checks that the lower device takes a packet in one piece.
fn check_limits(lower: &BdevFile, geometry: &Geometry) -> Result {
    let limits = lower.limits();

    if !fits_blocks(geometry, limits.logical_block_size) {
        pr_err!(
            "{}: packets are not made of blocks of {} bytes\n",
            lower.dev(),
            limits.logical_block_size
        );
        return Err(EINVAL);
    }
    if !takes_packet(lower, geometry) {
        pr_err!(
            "{}: a packet of {} sectors would be split; it takes {} sectors, {} segments, \
             multiples of {} sectors\n",
            lower.dev(),
            geometry.packet_sectors(),
            limits.max_sectors,
            limits.max_segments,
            limits.chunk_sectors
        );
        return Err(EINVAL);
    }
    Ok(())
}

/// Returns whether the lower device takes a packet in one piece.
///
/// The limits of the lower device may be lowered any time, so each packet is checked.
pub(crate) fn takes_packet(lower: &BdevFile, geometry: &Geometry) -> bool {
    let limits = lower.limits();
    let packet = geometry.packet_sectors();
    let segments = (packet * SECTOR_SIZE).div_ceil(PAGE_SIZE as u32);
    let first = lower.start_sector().wrapping_add(geometry.start_sector());
    let crosses_chunks = limits.chunk_sectors != 0
        && (limits.chunk_sectors.checked_rem(packet) != Some(0)
            || first.checked_rem(packet.into()) != Some(0));

    packet <= limits.max_sectors && segments <= limits.max_segments && !crosses_chunks
}
