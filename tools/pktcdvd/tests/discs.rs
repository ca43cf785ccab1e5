// SPDX-License-Identifier: GPL-2.0

//! Discs in an emulated drive are formatted and shown. The drive knows nothing of this command: it
//! is the judge of whether packets can be written on a disc then.

use pktcdvd::driver::logic::mmc::sense::{Failure, Sense};
use pktcdvd::format::plan::{Effort, Impossible, Spare, Wish};
use pktcdvd::format::{format, Done, FormatError};
use pktcdvd::inspect::{self, Report, State};
use pktcdvd::mmc::{Data, Transport, COMMAND_SIZE};
use rblk_mmc_drive::drive::{Answer, Drive};
use rblk_mmc_drive::options;
use std::time::{Duration, Instant};

/// A drive, and time that passes when somebody waits.
struct Bench {
    drive: Drive,
    start: Instant,
    now: Instant,
    /// The commands that were sent.
    sent: Vec<u8>,
}

impl Bench {
    fn new(spec: &str) -> Self {
        let (options, medium) = options::parse(spec).unwrap();
        let now = Instant::now();
        Self {
            drive: Drive::new(options, medium).unwrap(),
            start: now,
            now,
            sent: Vec::new(),
        }
    }

    fn count(&mut self, name: &str) -> u64 {
        let text = self.drive.command(&["get", name]).unwrap();
        text.trim().parse().unwrap()
    }

    fn format(&mut self, wish: &Wish, force: bool) -> Result<Done, FormatError> {
        format(self, wish, force, &mut |_| ())
    }

    fn report(&mut self) -> Report {
        inspect::report(self, "/dev/sr0", None, false)
    }

    /// Writes blocks as a packet driver does; returns whether the drive has accepted them.
    fn write(&mut self, first: u32, blocks: u16) -> bool {
        let data = vec![0x55; usize::from(blocks) * 2048];
        let (b, n) = (first.to_be_bytes(), blocks.to_be_bytes());
        let cdb = [0x2a, 0, b[0], b[1], b[2], b[3], 0, n[0], n[1], 0, 0, 0];
        self.send(&cdb, Data::Out(&data), 60).is_ok()
    }
}

impl Transport for Bench {
    fn send(
        &mut self,
        cdb: &[u8; COMMAND_SIZE],
        data: Data<'_>,
        _seconds: u32,
    ) -> Result<usize, Failure> {
        let out = match &data {
            Data::Out(bytes) => *bytes,
            _ => &[],
        };
        self.sent.push(cdb[0]);
        let outcome = self.drive.execute(cdb, out, self.now);
        self.now += outcome.takes;
        if let Answer::Check(sense) = outcome.answer {
            let response = if sense.deferred { 0x71 } else { 0x70 };
            let mut found = Sense::new(response, sense.key, sense.asc, sense.ascq).unwrap();
            found.progress = sense.progress;
            return Err(Failure::Sense(found));
        }
        if outcome.answer != Answer::Good {
            return Err(Failure::Transport);
        }
        let len = outcome.data.len();
        if let Data::In(buffer) = data {
            assert!(len <= buffer.len(), "{cdb:02x?}");
            buffer[..len].copy_from_slice(&outcome.data);
        }
        Ok(len)
    }

    fn pause(&mut self, time: Duration) {
        self.now += time;
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }
}

const USUAL: Wish = Wish {
    effort: Effort::Usual,
    mrw: false,
    spare: Spare::Default,
    resume: false,
};

fn full() -> Wish {
    Wish {
        effort: Effort::Full,
        ..USUAL
    }
}

/// Discs as they are sold, with what they are then, and the blocks of a packet.
const NEW: [(&str, &str, u16); 5] = [
    ("cdrw,blank,blocks=4096", "CD-RW", 32),
    ("dvd-rw,blank,blocks=4096", "DVD-RW", 16),
    ("dvd+rw,blank,blocks=4096", "DVD+RW", 16),
    ("dvdram,blocks=4096", "DVD-RAM", 16),
    ("bd-re,blank,blocks=65536", "BD-RE", 32),
];

#[test]
fn each_new_disc_can_be_written_to_its_end() {
    for (spec, name, packet) in NEW {
        for wish in [USUAL, full()] {
            let mut bench = Bench::new(spec);
            let done = bench.format(&wish, false);
            let done = done.unwrap_or_else(|error| panic!("{spec}: {error}"));
            let medium = done.medium.unwrap();
            let writing = medium.writing.unwrap();
            assert_eq!(writing.kind.name(), name);
            assert_eq!(writing.geometry.packet_frames(), u32::from(packet));
            assert_eq!(bench.count("formats"), 1, "{spec}");
            if let Some(parameters) = writing.parameters() {
                // As the driver does when it is opened.
                let sense = [0x5a, 0, 5, 0, 0, 0, 0, 1, 0, 0, 0, 0];
                let mut page = [0; 256];
                let len = bench.send(&sense, Data::In(&mut page), 60).unwrap();
                if let Some(len) = parameters.edit(&mut page[..len]).unwrap() {
                    let [high, low] = len.to_be_bytes();
                    let select = [0x55, 0x10, 0, 0, 0, 0, 0, high, low, 0, 0, 0];
                    let list = Data::Out(&page[..len.into()]);
                    bench.send(&select, list, 60).unwrap();
                }
            }
            assert!(bench.write(0, packet), "{spec}: the first packet");
            let last = u32::try_from(medium.blocks).unwrap() - u32::from(packet);
            assert!(bench.write(last, packet), "{spec}: the last packet");
            let report = bench.report().disc.unwrap();
            assert!(report.writable && report.reason.is_none(), "{report:?}");
        }
    }
}

/// Formats that take their time are shown, and with how much is left.
#[test]
fn progress() {
    let mut bench = Bench::new("cdrw,blocks=4096,format-time=60000");
    let mut seen: Vec<(String, f64)> = Vec::new();
    let mut tell = |progress: pktcdvd::format::Progress<'_>| {
        seen.push((progress.title.to_owned(), progress.done.unwrap()));
    };
    format(&mut bench, &USUAL, false, &mut tell).unwrap();
    let (blanking, formatting): (Vec<_>, Vec<_>) = seen
        .iter()
        .partition(|(title, _)| title.starts_with("blanking"));
    for part in [&blanking, &formatting] {
        assert!(part.len() >= 50, "{seen:?}");
        assert!(part.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert!(part[0].1 < 0.1 && part.last().unwrap().1 > 0.9);
    }
    assert_eq!(bench.count("blanks") + bench.count("formats"), 2);
    assert!(bench.elapsed() >= Duration::from_secs(120));
}

#[test]
fn what_is_on_a_disc_is_not_lost_unasked() {
    for (spec, packet) in [
        ("dvd+rw,blocks=4096", 16),
        ("dvdram,blocks=4096", 16),
        ("bd-re,blocks=65536", 32),
    ] {
        let mut bench = Bench::new(spec);
        bench.send(&[0; 12], Data::None, 60).unwrap_err();
        assert!(bench.write(0, packet));
        let error = bench.format(&USUAL, false).unwrap_err();
        assert!(matches!(error, FormatError::Holds(_)), "{error}");
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(bench.count("formats"), 0);
        assert!(bench.report().disc.unwrap().holds.is_some());
        bench.format(&USUAL, true).unwrap();
        assert_eq!(bench.count("formats"), 1);
        assert_eq!(bench.report().disc.unwrap().holds, None);
    }
}

#[test]
fn a_drive_that_was_reset_or_is_slow() {
    let mut bench = Bench::new("dvd+rw,blank,blocks=4096");
    for rule in [
        "op=0x04 act=sense:6/29/00",
        "op=0x00 count=3 act=sense:2/04/01",
        "op=0x46 act=sense:b/00/00",
    ] {
        let words: Vec<_> = ["fault"].into_iter().chain(rule.split(' ')).collect();
        bench.drive.command(&words).unwrap();
    }
    bench.format(&USUAL, false).unwrap();
    assert_eq!((bench.count("formats"), bench.count("faults")), (1, 5));
}

#[test]
fn a_drive_that_fails() {
    let mut bench = Bench::new("dvd+rw,blank,blocks=4096");
    bench
        .drive
        .command(&["fault", "op=0x04", "act=sense:4/44/00"])
        .unwrap();
    let error = bench.format(&USUAL, false).unwrap_err();
    assert!(
        error.to_string().starts_with("FORMAT UNIT failed: "),
        "{error}"
    );
    // Formatting has begun, and fails.
    let mut bench = Bench::new("cdrw,blank,blocks=4096,format-time=60000");
    bench.send(&[0; 12], Data::None, 60).unwrap_err();
    let rule = "op=0x00 skip=5 count=inf act=sense:3/31/01";
    let words: Vec<_> = ["fault"].into_iter().chain(rule.split(' ')).collect();
    bench.drive.command(&words).unwrap();
    let error = bench.format(&USUAL, false).unwrap_err();
    assert!(error.to_string().contains("3/31/01"), "{error}");
    assert!(bench.elapsed() < Duration::from_secs(60));
}

#[test]
fn what_cannot_be_formatted() {
    let mut empty = Bench::new("none");
    let error = empty.format(&USUAL, true).unwrap_err();
    assert!(error.to_string().contains("no medium"), "{error}");
    let mut protected = Bench::new("dvdram,read-only,blocks=4096");
    let error = protected.format(&USUAL, true).unwrap_err();
    assert!(matches!(error, FormatError::Protected), "{error}");
    for profile in ["09", "10", "1b", "41"] {
        let mut bench = Bench::new(&format!("dvd+rw,profile={profile}"));
        let error = bench.format(&USUAL, true).unwrap_err();
        assert!(
            matches!(error, FormatError::Impossible(Impossible::Profile(_))),
            "{error}"
        );
        assert!(!bench.sent.contains(&0x04) && !bench.sent.contains(&0xa1));
    }
}

#[test]
fn an_empty_drive_is_shown() {
    let report = Bench::new("none").report();
    assert!(report.disc.is_none() && report.no_disc.is_some());
    assert!(!report.identity.product.is_empty());
    assert!(inspect::text(&report).contains("no medium"));
}

#[test]
fn discs_are_shown() {
    let report = Bench::new("cdrw,blank,blocks=4096").report();
    let text = inspect::text(&report);
    let disc = report.disc.unwrap();
    assert_eq!((disc.state, disc.writable), (State::Blank, false));
    assert!(disc.reason.is_some() && disc.holds.is_none());
    assert!(text.contains("  state           blank\n"), "{text}");
    assert!(text.contains("  writable        no: "), "{text}");

    let report = Bench::new("dvdram,blocks=4096").report();
    let text = inspect::text(&report);
    assert!(text.contains("DVD-RAM (profile 0x0012)"), "{text}");
    assert!(
        text.contains("  size            8 MiB, in packets of 32 KiB\n"),
        "{text}"
    );
    assert!(text.contains("  writable        yes\n"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&pktcdvd::output::document(&report)).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["disc"]["size_bytes"], 8 << 20);
    assert_eq!(json["disc"]["state"], "formatted");
    assert_eq!(json["disc"]["writable"], true);
}

/// Nothing of looking changes the drive.
#[test]
fn looking_changes_nothing() {
    for (spec, ..) in NEW {
        let mut bench = Bench::new(spec);
        bench.report();
        let changing = [
            0x04, 0x15, 0x1b, 0x1e, 0x2a, 0x55, 0x5b, 0xa1, 0xaa, 0xb6, 0xbb,
        ];
        let changed = bench.sent.iter().any(|op| changing.contains(op));
        assert!(!changed, "{spec}: {:02x?}", bench.sent);
    }
}

/// A hostile drive gets an error out of it, or a report; it ends in bounded time.
#[test]
fn any_drive() {
    use proptest::prelude::*;
    struct Hostile {
        bytes: Vec<u8>,
        at: usize,
        time: Duration,
        sent: u32,
    }
    impl Transport for Hostile {
        fn send(
            &mut self,
            _: &[u8; COMMAND_SIZE],
            data: Data<'_>,
            _: u32,
        ) -> Result<usize, Failure> {
            self.sent += 1;
            let mut next = || {
                self.at += 1;
                self.bytes[self.at % self.bytes.len()]
            };
            if next() > 200 {
                return Err(Sense::new(0x70, next(), next(), next())
                    .map_or(Failure::Transport, Failure::Sense));
            }
            Ok(match data {
                Data::In(buffer) => {
                    buffer.iter_mut().for_each(|byte| *byte = next());
                    usize::from(next()) * 4
                }
                _ => 0,
            })
        }
        fn pause(&mut self, time: Duration) {
            self.time += time;
        }
        fn elapsed(&self) -> Duration {
            self.time
        }
    }
    let mut runner = proptest::test_runner::TestRunner::default();
    let strategy = (prop::collection::vec(any::<u8>(), 7..400), any::<bool>());
    runner
        .run(&strategy, |(bytes, is_full)| {
            let mut drive = Hostile {
                bytes,
                at: 0,
                time: Duration::ZERO,
                sent: 0,
            };
            let wish = if is_full { full() } else { USUAL };
            let _ = format(&mut drive, &wish, true, &mut |_| ());
            let report = inspect::report(&mut drive, "x", None, false);
            let text = inspect::text(&report);
            prop_assert!(
                text.chars().all(|c| c == '\n' || !c.is_control()),
                "{}",
                text
            );
            Ok(())
        })
        .unwrap();
}
