// SPDX-License-Identifier: GPL-2.0

//! The files of a mapped device in sysfs.
//!
//! Two layouts show the same: that of mainline, `/sys/class/pktcdvd/pktcdvdN/`, and that of the
//! original proposal, `/sys/block/pktcdvdN/packet/`.

use crate::{
    disk::{
        device::Device,
        info,
        users::MAX_LINGER_MS, //
    },
    logic::{
        marks::parse_mark,
        options::parse_packet_buffers, //
    },
    refuse,
    tokens::{
        parse_u64,
        NumberError, //
    }, //
};
use kernel::{
    error::code::*,
    prelude::*,
    time::Delta, //
};
use rb::{
    block::gen_disk::DiskDevice,
    device::class_device::ClassDevice,
    sysfs::{
        Attribute,
        Groups,
        Output, //
    },
    sysfs_groups, //
};

/// Longest time for which writes can be set to wait.
const MAX_WAIT_US: u64 = 10_000_000;

/// The files of the class device.
pub(crate) const CLASS_DEVICE: Groups<ClassDevice<Device>> = sysfs_groups!(
    ClassDevice<Device> =>
    [PacketBuffers, PacketWait, LingerTime, SessionPhase],
    c"stat": [
        PacketsStarted,
        PacketsFinished,
        PacketsFull,
        PacketsFailed,
        KbWritten,
        KbRead,
        KbReadGather,
        CacheHits,
        Flushes,
        Errors,
        QueueMax,
        Reset,
    ],
    c"write_queue": [Size, CongestionOn, CongestionOff],
);

/// The files of the disk.
pub(crate) const DISK: Groups<DiskDevice<Device>> = sysfs_groups!(
    DiskDevice<Device> => c"packet": [Stat, ResetStat, WriteCongestionOn, WriteCongestionOff],
);

/// Declares attributes that show one number of a device.
macro_rules! numbers {
    ($($name:ident, $file:literal, |$device:ident| $value:expr;)+) => {
        $(
            struct $name;

            #[vtable]
            impl Attribute<Device> for $name {
                const NAME: &'static CStr = $file;

                fn show($device: &Device, out: &mut Output<'_>) -> Result {
                    out.line($value)
                }
            }
        )+
    };
}

numbers! {
    PacketsStarted, c"packets_started", |d| d.hub.stats.packets_started.get();
    PacketsFinished, c"packets_finished", |d| d.hub.stats.packets_finished.get();
    PacketsFull, c"packets_full", |d| d.hub.stats.packets_full.get();
    PacketsFailed, c"packets_failed", |d| d.hub.stats.packets_failed.get();
    KbWritten, c"kb_written", |d| d.hub.stats.sectors_written.get() / 2;
    KbRead, c"kb_read", |d| d.hub.stats.sectors_read.get() / 2;
    KbReadGather, c"kb_read_gather", |d| d.hub.stats.sectors_read_gather.get() / 2;
    CacheHits, c"cache_hits", |d| d.hub.stats.cache_hits.get();
    Flushes, c"flushes", |d| d.hub.stats.flushes.get();
    Errors, c"errors", |d| d.hub.stats.errors.get();
    QueueMax, c"queue_max", |d| d.hub.stats.queue_max.get();
    Size, c"size", |d| d.hub.queue.lock().size();
}

/// Declares attributes that reset the counters when anything is written.
macro_rules! resets {
    ($($name:ident, $file:literal;)+) => {
        $(
            struct $name;

            #[vtable]
            impl Attribute<Device> for $name {
                const NAME: &'static CStr = $file;

                fn store(device: &Device, _text: &[u8]) -> Result {
                    device.hub.stats.reset();
                    Ok(())
                }
            }
        )+
    };
}

resets! {
    Reset, c"reset";
    ResetStat, c"reset_stat";
}

/// Declares attributes that show and change a congestion mark.
macro_rules! marks {
    ($($name:ident, $file:literal, $get:ident, $set:ident;)+) => {
        $(
            struct $name;

            #[vtable]
            impl Attribute<Device> for $name {
                const NAME: &'static CStr = $file;

                fn show(device: &Device, out: &mut Output<'_>) -> Result {
                    out.line(device.hub.marks().$get())
                }

                fn store(device: &Device, text: &[u8]) -> Result {
                    let value = parse_mark(text).map_err(number_error)?;
                    device.hub.set_marks(|gate| gate.$set(value.into()));
                    Ok(())
                }
            }
        )+
    };
}

marks! {
    CongestionOn, c"congestion_on", on, set_on;
    CongestionOff, c"congestion_off", off, set_off;
    WriteCongestionOn, c"write_congestion_on", on, set_on;
    WriteCongestionOff, c"write_congestion_off", off, set_off;
}

fn number_error(err: NumberError) -> Error {
    match err {
        NumberError::Invalid => EINVAL,
        NumberError::Range => ERANGE,
    }
}

/// `packet_buffers`: how many buffers the device gets at the next open at which nobody else has it
/// open.
struct PacketBuffers;

#[vtable]
impl Attribute<Device> for PacketBuffers {
    const NAME: &'static CStr = c"packet_buffers";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        out.line(device.buffers())
    }

    fn store(device: &Device, text: &[u8]) -> Result {
        let buffers = parse_packet_buffers(text).map_err(|err| refuse!(err, "packet_buffers"))?;
        device.set_buffers(buffers);
        Ok(())
    }
}

/// `packet_wait_us`: how long a packet waits for more writes, in microseconds.
struct PacketWait;

#[vtable]
impl Attribute<Device> for PacketWait {
    const NAME: &'static CStr = c"packet_wait_us";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        out.line(device.hub.wait().as_nanos() / 1000)
    }

    fn store(device: &Device, text: &[u8]) -> Result {
        let us = parse_u64(text.trim_ascii_end()).map_err(number_error)?;
        if us > MAX_WAIT_US {
            return Err(ERANGE);
        }
        device.hub.set_wait(Delta::from_micros(i64::try_from(us)?));
        Ok(())
    }
}

/// `linger_ms`: how long a session goes on after the last close of the disk, in milliseconds, if
/// the drive has to close the disc at its end.
struct LingerTime;

#[vtable]
impl Attribute<Device> for LingerTime {
    const NAME: &'static CStr = c"linger_ms";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        out.line(device.users.linger().as_nanos() / 1_000_000)
    }

    fn store(device: &Device, text: &[u8]) -> Result {
        let ms = parse_u64(text.trim_ascii_end()).map_err(number_error)?;
        if ms > MAX_LINGER_MS {
            return Err(ERANGE);
        }
        device
            .users
            .set_linger(Delta::from_millis(i64::try_from(ms)?));
        Ok(())
    }
}

/// `session`: the state of the session. Writing `end` ends a session that lingers.
struct SessionPhase;

#[vtable]
impl Attribute<Device> for SessionPhase {
    const NAME: &'static CStr = c"session";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        out.line(device.users.phase())
    }

    fn store(device: &Device, text: &[u8]) -> Result {
        if text.trim_ascii_end() != b"end" {
            return Err(EINVAL);
        }
        device.users.end_lingering()
    }
}

/// `stat`: all counters, as text.
struct Stat;

#[vtable]
impl Attribute<Device> for Stat {
    const NAME: &'static CStr = c"stat";

    fn show(device: &Device, out: &mut Output<'_>) -> Result {
        info::statistics(device, out)
    }
}
