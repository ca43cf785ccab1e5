// SPDX-License-Identifier: GPL-2.0

//! What a lower device has to take, so that packets can be written to it.

use crate::logic::{
    frames::FRAME_SIZE,
    zone::Geometry, //
};
use kernel::{
    error::code::*,
    page::PAGE_SIZE,
    prelude::*, //
};
use rb::block::{
    bdev::BdevFile,
    SECTOR_SIZE, //
};

/// Checks that the lower device takes a packet in one piece.
pub(crate) fn check(lower: &BdevFile, geometry: &Geometry) -> Result {
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

/// Returns whether packets consist of whole logical blocks of a lower device.
fn fits_blocks(geometry: &Geometry, logical_block_size: u32) -> bool {
    let block = FRAME_SIZE.max(logical_block_size) / SECTOR_SIZE;
    geometry.chunk_sectors().checked_rem(block) == Some(0)
}
