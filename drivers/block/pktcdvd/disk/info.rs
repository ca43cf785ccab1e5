// SPDX-License-Identifier: GPL-2.0

//! The state of a device as text, for people.

use crate::{
    disk::device::Device,
    engine::packets::Packets,
    logic::{
        frames::FRAME_SIZE,
        mmc::{
            cdb::MAX_SPEED,
            disc::Formatted,
            medium::{
                Medium,
                LINK_LOSS, //
            }, //
        },
        state::State, //
    }, //
};
use kernel::{
    fmt,
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};
use rb::{
    debugfs::TextFile,
    sysfs::Output, //
};

/// The file `info` in debugfs.
pub(crate) struct Info;

impl TextFile for Info {
    type Data = Device;

    fn show(device: &Device, out: &SeqFile) -> Result {
        seq_print!(out, "{}", Text(device));
        Ok(())
    }
}

/// Writes the counters.
pub(crate) fn statistics(device: &Device, out: &mut Output<'_>) -> Result {
    out.print(fmt!("{}", Statistics(device)))
}

struct Text<'a>(&'a Device);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.0;
        let hub = &device.hub;
        let mut queue = hub.queue.lock();
        let (size, marks) = (queue.size(), queue.gate().marks());
        drop(queue);
        let (openers, phase) = (device.users.count(), device.users.phase());
        let geometry = hub.geometry();
        let medium = hub.medium();
        // Last: the lock of the openers is outside this one.
        let packets = device.packets.lock();

        f.write_fmt(fmt!(
            "Writer pktcdvd{} mapped to {}:\n\n",
            hub.index(),
            &*device.lower_name
        ))?;
        f.write_fmt(fmt!(
            "Settings:\n\tpacket size:\t\t{}kB\n\tpacket buffers:\t\t{}\n\tpacket wait:\t\t{}us\n",
            geometry.map_or(0, |g| g.packet_frames()) * FRAME_SIZE / 1024,
            packets.len(),
            hub.wait().as_nanos() / 1000
        ))?;
        if let Some((medium, _)) = &medium {
            f.write_fmt(fmt!("{}", Settings(medium)))?;
        }
        f.write_fmt(fmt!("\n{}", Statistics(device)))?;
        f.write_fmt(fmt!(
            "\nMisc:\n\treference count:\t{}\n\tstart offset:\t\t{}\n",
            openers,
            geometry.map_or(0, |g| g.start_sector())
        ))?;
        if hub.optical {
            f.write_fmt(fmt!("\tsession:\t\t{phase}\n"))?;
        }
        if let Some((medium, speed)) = &medium {
            // The drive reads as fast as it can.
            f.write_fmt(fmt!(
                "\tflags:\t\t\t{:#x}\n\tread speed:\t\t{}kB/s\n\twrite speed:\t\t{}kB/s\n",
                medium.writing.map_or(0, |writing| writing.flags()),
                MAX_SPEED,
                speed
            ))?;
        }
        if hub.optical {
            let activity = device.activity.get();
            f.write_fmt(fmt!("\tdrive busy with:\t{}\n", format_args!("{activity}")))?;
        }
        f.write_fmt(fmt!(
            "\nQueue state:\n\tbios queued:\t\t{}\n\tbios pending:\t\t{}\n\tcurrent sector:\t\t{:#x}\n",
            size,
            hub.reads_in_flight(),
            packets.current_sector()
        ))?;
        f.write_fmt(fmt!("{}", States(&packets)))?;
        f.write_fmt(fmt!(
            "\n\tWrite congestion marks:\toff={} on={}\n",
            marks.off(),
            marks.on()
        ))
    }
}

/// How many packet buffers are in each state.
struct States<'a>(&'a Packets);

impl fmt::Display for States<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\tstate:\t\t\t")?;
        for state in State::ALL {
            f.write_fmt(fmt!("{}:{} ", state.label(), self.0.count(state)))?;
        }
        Ok(())
    }
}

/// How a medium is written.
struct Settings<'a>(&'a Medium);

impl fmt::Display for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!("\tmedium:\t\t\t{}\n", self.0.profile.name()))?;
        if self.0.formatted != Formatted::No {
            f.write_fmt(fmt!("\tformatted:\t\t{}\n", self.0.formatted.name()))?;
        }
        let Ok(writing) = &self.0.writing else {
            return f.write_str("\twrite type:\t\tUnknown\n");
        };
        f.write_fmt(fmt!(
            "\twrite type:\t\tPacket\n\tpacket type:\t\t{}\n\tlink loss:\t\t{}\n",
            writing.packet_type(),
            LINK_LOSS
        ))?;
        f.write_fmt(fmt!(
            "\ttrack mode:\t\t{}\n\tblock mode:\t\t{}\n",
            writing.track_mode(),
            writing.block_mode()
        ))
    }
}

struct Statistics<'a>(&'a Device);

impl fmt::Display for Statistics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.0.hub.stats;

        f.write_fmt(fmt!(
            "Statistics:\n\tpackets started:\t{}\n\tpackets ended:\t\t{}\n",
            stats.packets_started.get(),
            stats.packets_finished.get()
        ))?;
        f.write_fmt(fmt!(
            "\twritten:\t\t{}kB\n\tread gather:\t\t{}kB\n\tread:\t\t\t{}kB\n",
            stats.sectors_written.get() / 2,
            stats.sectors_read_gather.get() / 2,
            stats.sectors_read.get() / 2
        ))?;
        f.write_fmt(fmt!(
            "\tfull packets:\t\t{}\n\tfailed packets:\t\t{}\n\tcache hits:\t\t{}\n",
            stats.packets_full.get(),
            stats.packets_failed.get(),
            stats.cache_hits.get()
        ))?;
        f.write_fmt(fmt!(
            "\tflushes:\t\t{}\n\terrors:\t\t\t{}\n\tlongest queue:\t\t{}\n",
            stats.flushes.get(),
            stats.errors.get(),
            stats.queue_max.get()
        ))
    }
}
