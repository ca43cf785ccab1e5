// SPDX-License-Identifier: GPL-2.0

//! A fuzz target for each reply of an optical drive, and one for all of them in a row.

use super::{ITERATIONS, MAX_LEN};
use bolero::check;
use rblk_host_tests::pktcdvd::logic::mmc::{
    capacity::ReadCapacity,
    cdb::Transfer,
    configuration::{Configuration, FeatureList},
    disc::{DiscInfo, Formatted},
    events::MediaStatus,
    formats::{FormatCapacities, TYPE_MRW, TYPE_PLUS_RW},
    mode,
    probe::{Access, Outcome, Probe, Step, BUFFER_LEN, RESTART_LIMIT_MS},
    reply::Reply,
    sense::{Failure, Sense},
    speed,
    track::TrackInfo,
    write_page::WriteParameters,
};

target! {
    /// Sense data has a key and says so.
    sense, data => {
        if let Ok(sense) = Sense::parse(data) {
            assert!(sense.key < 16 && (0x70..=0x73).contains(&(data[0] & 0x7f)));
            assert!(sense.to_string().is_ascii());
            assert!(sense.fault().retry_after_ms(u32::MAX).is_none());
        }
    }
}

target! {
    /// Features do not overlap, and lie within the reply.
    configuration, data => {
        let taken = FeatureList(Reply::new(data)).map(|feature| 4 + feature.data.len());
        assert!(taken.sum::<usize>() <= data.len());
        if let Ok(found) = Configuration::parse(data) {
            assert_eq!(found.profile.0.to_be_bytes(), data[6..8]);
            assert_ne!(found.blocking, Some(0));
        }
    }
}

target! {
    /// What is told of a disc and of a track stands in what came.
    disc_and_track, data => {
        if let Ok(disc) = DiscInfo::parse(data) {
            assert_eq!(disc.disc_type, data[8]);
            assert!(disc.id.is_none_or(|id| id.to_be_bytes() == data[12..16]));
        }
        if let Ok(track) = TrackInfo::parse(data) {
            assert_eq!(track.size.to_be_bytes(), data[24..28]);
            assert!(track.end() >= track.start.into());
            assert!(track.last_recorded.is_none_or(|lra| lra.to_be_bytes() == data[28..32]));
        }
    }
}

target! {
    /// A capacity is at most what 32 bits can address; an event is one of the medium.
    capacity_and_event, data => {
        if let Some(blocks) = ReadCapacity::parse(data).ok().and_then(|told| told.blocks()) {
            assert!((2..=1 << 32).contains(&blocks));
        }
        assert!(MediaStatus::parse(data).is_err() || data[2] & 0x87 == 4);
    }
}

target! {
    /// What is formatted, and what can be, stands in what came.
    format_capacities, data => {
        if let Ok(found) = FormatCapacities::parse(data) {
            let blocks = u32::from_be_bytes([data[4], data[5], data[6], data[7]]);
            assert!(found.formatted().is_none_or(|formatted| formatted == u64::from(blocks)));
            for code in [TYPE_MRW, TYPE_PLUS_RW] {
                assert_ne!(found.whole(code), Some(0));
            }
        }
    }
}

target! {
    /// The page of write parameters is edited in its place, and once.
    write_page, data => {
        let parameters = WriteParameters {
            fixed: true,
            track_mode: 5,
            data_mode: 2,
            packet_blocks: 32,
        };
        let mut edited = data.to_vec();
        let page = mode::page_range(data, mode::WRITE_PARAMETERS);

        match parameters.edit(&mut edited) {
            Ok(sent) => {
                let page = page.unwrap();
                assert!(sent.is_none_or(|len| usize::from(len) == page.end));
                assert_eq!(edited[2..page.start], data[2..page.start]);
                assert_eq!(edited[page.end..], data[page.end..]);
                assert_eq!(edited[page.start + 10..page.start + 14], [0, 0, 0, 32]);
                edited[..2].copy_from_slice(&data[..2]);
                assert_eq!(parameters.edit(&mut edited), Ok(None));
            }
            Err(_) => assert_eq!(edited, data),
        }
    }
}

target! {
    /// Speeds are not zero.
    speeds, data => {
        assert_ne!(speed::drive_speed(data), Ok(Some(0)));
        assert_ne!(speed::listed_speed(data), Ok(Some(0)));
        assert!(speed::atip_times(data).is_err() || data[6] & 0x40 != 0);
        let _ = mode::write_cache(data);
    }
}

/// A drive that answers with what it is given, command by command: 0, key, code, qualifier for
/// sense; 1 for no answer; any other byte, a 16-bit length and as many bytes for a reply.
struct Puppet<'a>(&'a [u8]);

impl Puppet<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn answer(&mut self, transfer: Transfer, buffer: &mut [u8; BUFFER_LEN]) -> Option<Outcome> {
        let kind = self.byte()?;
        if kind == 0 {
            let sense = Sense::new(0x70, self.byte()?, self.byte()?, self.byte()?)?;
            return Some(Err(Failure::Sense(sense)));
        }
        if kind == 1 {
            return Some(Err(Failure::Transport));
        }
        let len = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
        let (reply, rest) = self.0.split_at(len.min(self.0.len()));
        let taken = reply.len().min(BUFFER_LEN);

        self.0 = rest;
        if let Transfer::In(_) = transfer {
            buffer[..taken].copy_from_slice(&reply[..taken]);
        }
        Some(Ok(len))
    }
}

target! {
    /// A drive may answer what it likes: there is a verdict, and it lies within what can be reached.
    probe, data => {
        const LOWER: u64 = 1 << 30;
        let (mut buffer, mut drive) = ([0; BUFFER_LEN], Puppet(data));
        let mut probe = Probe::new(Access::Write, LOWER);
        let mut step = probe.begin(&mut buffer);
        let mut waited = 0;

        while let Step::Send { command, after_ms } = step {
            waited += after_ms;
            let outcome = drive.answer(command.transfer(), &mut buffer);
            step = probe.reply(outcome.unwrap_or(Err(Failure::Transport)), &mut buffer);
        }
        assert!(waited < 60_000 + RESTART_LIMIT_MS);
        match probe.verdict().unwrap() {
            Ok(medium) => {
                let grows = medium.formatted == Formatted::Stopped;
                assert!((medium.blocks > 0 || grows) && medium.blocks <= medium.reach);
                if let Ok(writing) = medium.writing {
                    assert!(medium.sectors() <= writing.geometry.capacity_sectors());
                }
            }
            Err(refusal) => assert!(refusal.to_string().len() < 160),
        }
    }
}
