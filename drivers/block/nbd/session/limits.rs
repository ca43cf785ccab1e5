// SPDX-License-Identifier: GPL-2.0

//! The limits of a disk's queue, and its size.

use crate::{
    links::reserves::with_reserves,
    logic::{
        flags::ServerFlags,
        size::{
            self,
            Size, //
        },
    },
    session::{
        device::Device,
        setup::Setup, //
    },
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    time::Delta, //
};
use rb::block::{
    gen_disk::DiskRef,
    limits::{
        Feature,
        Features,
        QueueLimits, //
    },
    SECTOR_SHIFT,
    SECTOR_SIZE, //
};

/// How long a change of the block size waits for requests in flight.
const RESIZE_TIME: Delta = Delta::from_millis(2000);

/// All limits of a session, whatever was before.
fn limits(size: Size, flags: ServerFlags, max_request: u32) -> QueueLimits {
    // What the length of a message can say, in whole blocks.
    let most = !(size.block - 1) >> SECTOR_SHIFT;
    let if_supported = |supported: bool| if supported { most } else { 0 };
    let mut features = Features::default();

    if flags.rotational() {
        features |= Feature::Rotational;
    }
    if flags.can_flush() {
        features |= Feature::WriteCache;
    }
    if flags.can_fua() {
        features |= Feature::ForcedUnitAccess;
    }
    QueueLimits {
        logical_block_size: size.block,
        physical_block_size: size.block,
        max_hw_sectors: size.whole_blocks(max_request) / SECTOR_SIZE,
        io_opt: size::preferred_io(max_request),
        // Data goes to the socket as it lies in memory, in however many pieces.
        max_segments: u16::MAX,
        max_segment_size: u32::MAX,
        max_discard_sectors: if_supported(flags.can_trim()),
        discard_granularity: if flags.can_trim() { size.block } else { 0 },
        max_write_zeroes_sectors: if_supported(flags.can_write_zeroes()),
        features,
        ..QueueLimits::default()
    }
}

/// The limits of a disk that is not connected.
pub(crate) fn idle_limits(max_request: u32) -> QueueLimits {
    let size = Size {
        bytes: 0,
        block: SECTOR_SIZE,
    };
    limits(size, ServerFlags::default(), max_request)
}

/// Returns how many bytes a request has at most, if somebody wants `bytes`; zero stands for a page.
///
/// Fails with `EINVAL` if that is no multiple of a page, or more than the protocol allows.
pub(crate) fn request_limit(bytes: u64) -> Result<u32> {
    let bytes = u32::try_from(bytes).map_err(|_| EINVAL)?;
    size::request_limit(bytes, PAGE_SIZE as u32).ok_or(EINVAL)
}

/// Sets the limits of the queue, within a time if one is given, and looks whether they hold: on the
/// size of requests rests how much memory they take.
///
/// Fails with `EBUSY` if requests in flight do not end in time, and with `ENOTSUPP` if a request may be
/// larger than it should.
fn set_limits(
    device: &Device,
    disk: &DiskRef,
    limits: &QueueLimits,
    within: Option<Delta>,
) -> Result {
    match within {
        Some(time) => disk.update_limits_within(limits, time)?,
        None => disk.update_limits(limits)?,
    }
    let real = disk.limits().max_hw_sectors;
    if real != limits.max_hw_sectors {
        pr_err!(
            "nbd{}: a request may have {} sectors, not {}\n",
            device.index(),
            real,
            limits.max_hw_sectors
        );
        return Err(ENOTSUPP);
    }
    Ok(())
}

/// Changes how many bytes a request has at most. The caller has the lock of `setup`, and has looked
/// that nobody uses the device.
///
/// Fails with `ENOTSUPP` if a request may be larger than it should; then nothing has changed.
pub(crate) fn set_max_request(
    device: &Device,
    disk: &DiskRef,
    _setup: &Setup,
    bytes: u32,
) -> Result {
    set_limits(device, disk, &idle_limits(bytes), None).inspect_err(|_| {
        let _ = disk.update_limits(&idle_limits(device.max_request()));
    })?;
    device.set_max_request(bytes);
    Ok(())
}

/// Sets all limits of a session that begins.
///
/// Fails as [`set_max_request`].
pub(crate) fn begin(device: &Device, disk: &DiskRef, setup: &Setup) -> Result {
    let limits = limits(setup.size, setup.flags, device.max_request());
    set_limits(device, disk, &limits, None)
}

/// Gives the disk its size, and notifies user space.
pub(super) fn show_size(device: &Device, disk: &DiskRef, setup: &Setup) {
    device.traffic.set_size(setup.size);
    if device.has_partitions() {
        disk.need_partition_scan();
    }
    if !disk.set_capacity_and_notify(setup.size.sectors()) {
        disk.notify_change();
    }
}

/// Changes the size, now if there is a session, or else when one begins.
///
/// Fails with `EINVAL` if the blocks are too large, and with `EBUSY` if they would change, and requests
/// in flight do not end soon.
pub(crate) fn resize(device: &Device, disk: &DiskRef, setup: &mut Setup, size: Size) -> Result {
    if setup.session.is_some() && size.block != setup.size.block {
        if size.block > device.max_request() {
            return Err(EINVAL);
        }
        // A server that does not answer must not hold up a task that could end the session.
        let limits = limits(size, device.traffic.flags(), device.max_request());
        set_limits(device, disk, &limits, Some(RESIZE_TIME))?;
    }
    setup.size = size;
    if setup.session.is_some() {
        // A connection may be lost now, and the task that brings another one wait for the setup.
        with_reserves(|| show_size(device, disk, setup));
    }
    Ok(())
}
