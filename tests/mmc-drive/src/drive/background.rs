// SPDX-License-Identifier: GPL-2.0-or-later
//! The background format of DVD+RW and Mount Rainier: how far it is at what time.

use super::state::Drive;
use crate::medium::State;
use crate::quirks::Quirk;
use std::time::{Duration, Instant};

impl Drive {
    /// Starts the clock of a background format at `from`. If formatting takes no time, the format
    /// is complete at once.
    pub(super) fn begin_background(&mut self, from: Instant) {
        self.background = from;
        let speed = self.background_speed();
        if let (None, Some(medium)) = (speed, self.medium.as_mut()) {
            medium.reach(medium.size);
        }
    }

    /// Blocks that are formatted in a second; `None` if the drive takes no time.
    fn background_speed(&self) -> Option<f64> {
        let medium = self.medium.as_ref()?;
        let seconds = match self.options.format_time {
            0 => medium.kind.seconds(medium.size) * self.options.time,
            whole => whole as f64 / 1000.0,
        };
        (seconds > 0.0).then(|| f64::from(medium.size) / seconds)
    }

    /// Formats the blocks that the drive has had time for until `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        let speed = self.background_speed();
        let (Some(medium), Some(speed)) = (self.medium.as_mut(), speed) else {
            self.background = now;
            return;
        };
        if medium.state != State::Running {
            return;
        }
        let gone = now.saturating_duration_since(self.background).as_secs_f64();
        let packets = (gone * speed / f64::from(medium.packet)) as u32;
        if packets == 0 {
            return;
        }
        let blocks = packets.saturating_mul(medium.packet);
        medium.reach(medium.formatted.saturating_add(blocks));
        self.background += Duration::from_secs_f64(f64::from(blocks) / speed);
    }

    /// Formats all blocks in front of `block`, counted from the start of the disc, because a write
    /// ends there. The write takes as long as that.
    pub(super) fn format_up_to(&mut self, block: u32) {
        let speed = self.background_speed();
        let Some(medium) = self.medium.as_mut() else {
            return;
        };
        let missing = block.saturating_sub(medium.formatted);
        if medium.state != State::Running || missing == 0 {
            return;
        }
        medium.reach(block.div_ceil(medium.packet) * medium.packet);
        if let Some(speed) = speed {
            let time = Duration::try_from_secs_f64(f64::from(missing) / speed).unwrap_or_default();
            self.takes += time;
            self.background = self.now + time;
        }
    }

    /// The progress of a running background format, of 65536.
    pub(super) fn background_progress(&self) -> Option<u16> {
        let medium = self.medium.as_ref()?;
        let hides = self.options.quirks.has(Quirk::NoProgress);
        if medium.state != State::Running || self.tray_open || hides {
            return None;
        }
        let part = u64::from(medium.formatted) * 65536 / u64::from(medium.size.max(1));
        Some(part.min(65535) as u16)
    }

    /// Stops the background format, because the disc or the power is gone. It goes on when the host
    /// restarts it.
    pub(super) fn stop_background(&mut self) {
        if let Some(medium) = self.medium.as_mut() {
            medium.stop();
        }
    }
}
