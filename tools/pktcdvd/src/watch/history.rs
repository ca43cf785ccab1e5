// SPDX-License-Identifier: GPL-2.0

//! From counters to rates.

use crate::status::Status;
use std::collections::VecDeque;
use std::time::Duration;

/// How many rates are kept of each device: more than terminals have columns for.
const KEPT: usize = 256;

/// What a device does in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Bytes that users write.
    pub written: f64,
    /// Bytes that users read.
    pub read: f64,
    /// Bytes that are read to complete packets.
    pub gathered: f64,
    /// Packets that are written.
    pub packets: f64,
}

/// The last rates of one kind, oldest first, in bytes in a second.
pub type Line = VecDeque<u64>;

/// A device as time goes by.
#[derive(Debug, Clone)]
pub struct Device {
    /// What it is now.
    pub status: Status,
    /// What it does now, if that is known already.
    pub rates: Option<Rates>,
    /// What users have written of late.
    pub written: Line,
    /// What users have read of late.
    pub read: Line,
    /// What has been gathered of late.
    pub gathered: Line,
}

/// All devices as time goes by.
#[derive(Debug, Clone, Default)]
pub struct History {
    devices: Vec<Device>,
}

impl Rates {
    fn between(before: &Status, after: &Status, elapsed: Duration) -> Option<Self> {
        let seconds = elapsed.as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let rate = |name: &str, unit: f64| {
            let (before, after) = (before.counter(name), after.counter(name));
            // Smaller than before: somebody has reset it, and it started at zero.
            after.checked_sub(before).unwrap_or(after) as f64 * unit / seconds
        };
        Some(Self {
            written: rate("kb_written", 1024.0),
            read: rate("kb_read", 1024.0),
            gathered: rate("kb_read_gather", 1024.0),
            packets: rate("packets_finished", 1.0),
        })
    }
}

impl Device {
    fn new(status: Status) -> Self {
        Self {
            status,
            rates: None,
            written: Line::new(),
            read: Line::new(),
            gathered: Line::new(),
        }
    }

    /// Whether that is the same mapping still, as far as one can tell.
    fn is(&self, status: &Status) -> bool {
        let (a, b) = (&self.status.entry, &status.entry);
        (a.number, a.lower.number) == (b.number, b.lower.number)
    }

    fn update(&mut self, status: Status, elapsed: Duration) {
        self.rates = Rates::between(&self.status, &status, elapsed);
        self.status = status;
        let Some(rates) = self.rates else {
            return;
        };
        for (line, rate) in [
            (&mut self.written, rates.written),
            (&mut self.read, rates.read),
            (&mut self.gathered, rates.gathered),
        ] {
            if line.len() == KEPT {
                line.pop_front();
            }
            line.push_back(rate as u64);
        }
    }
}

impl History {
    /// All devices, in the order of the kernel.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// Takes what devices are now, `elapsed` after the last time.
    pub fn update(&mut self, statuses: Vec<Status>, elapsed: Duration) {
        let mut before = std::mem::take(&mut self.devices);
        for status in statuses {
            let known = before.iter().position(|device| device.is(&status));
            let device = match known {
                Some(at) => {
                    let mut device = before.swap_remove(at);
                    device.update(status, elapsed);
                    device
                }
                None => Device::new(status),
            };
            self.devices.push(device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::tests::example;
    use proptest::prelude::*;

    fn with(kb_written: u64) -> Status {
        let mut status = example();
        status.counters.insert("kb_written".into(), kb_written);
        status
    }

    #[test]
    fn rates() {
        let mut history = History::default();
        history.update(vec![with(100)], Duration::ZERO);
        assert_eq!(history.devices()[0].rates, None);
        history.update(vec![with(200)], Duration::from_secs(2));
        let rates = history.devices()[0].rates.unwrap();
        assert_eq!((rates.written, rates.read), (51200.0, 0.0));
        history.update(vec![with(10)], Duration::from_secs(1));
        assert_eq!(history.devices()[0].rates.unwrap().written, 10240.0);
        assert_eq!(history.devices()[0].written, [51200, 10240]);
    }

    #[test]
    fn coming_and_going() {
        let mut history = History::default();
        let second = Duration::from_secs(1);
        history.update(vec![with(1)], second);
        history.update(vec![], second);
        assert!(history.devices().is_empty());
        history.update(vec![with(9)], second);
        assert_eq!(history.devices()[0].rates, None);
        let mut other = with(99);
        other.entry.lower.number.minor += 1;
        history.update(vec![other], second);
        assert_eq!(history.devices()[0].rates, None);
    }

    proptest! {
        #[test]
        fn no_rate_is_negative(values: Vec<u64>, ms in 0u64..100_000) {
            let mut history = History::default();
            for value in values {
                history.update(vec![with(value)], Duration::from_millis(ms));
                let rates = history.devices()[0].rates.unwrap_or_default();
                prop_assert!(rates.written >= 0.0 && rates.written.is_finite());
            }
            let devices = history.devices();
            prop_assert!(devices.is_empty() || devices[0].written.len() <= KEPT);
        }
    }
}
