// SPDX-License-Identifier: GPL-2.0

//! Discs in an emulated drive are formatted and shown. The drive knows nothing of this command: it
//! is the judge of whether packets can be written on a disc then.

use pktcdvd::driver::logic::mmc::sense::{Failure, Sense};
use pktcdvd::format::plan::{Effort, Impossible, Wish};
use pktcdvd::format::spare::Spare;
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

    /// Has the next commands that the rule is about go wrong.
    fn fault(&mut self, rule: &str) {
        let words: Vec<_> = ["fault"].into_iter().chain(rule.split(' ')).collect();
        self.drive.command(&words).unwrap();
    }

    fn format(&mut self, wish: &Wish, force: bool) -> Result<Done, FormatError> {
        format(self, wish, force, &mut |_| ())
    }

    fn report(&mut self) -> Report {
        inspect::report(self, "/dev/sr0", None, false)
    }

    /// Readies the drive for packets as the driver does when it is opened.
    fn ready(&mut self) {
        let medium = pktcdvd::survey::verdict(self).unwrap();
        let Some(parameters) = medium.writing.unwrap().parameters() else {
            return;
        };
        let sense = [0x5a, 0, 5, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let mut page = [0; 256];
        let len = self.send(&sense, Data::In(&mut page), 60).unwrap();
        if let Some(len) = parameters.edit(&mut page[..len]).unwrap() {
            let [high, low] = len.to_be_bytes();
            let select = [0x55, 0x10, 0, 0, 0, 0, 0, high, low, 0, 0, 0];
            // A DVD-RW does without, too.
            let _ = self.send(&select, Data::Out(&page[..len.into()]), 60);
        }
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
const NEW: [(&str, &str, u16); 6] = [
    ("cdrw,blank,blocks=4096", "CD-RW", 32),
    ("dvd-rw,blank,blocks=4096", "DVD-RW", 16),
    ("dvd+rw,blank,blocks=4096", "DVD+RW", 16),
    ("dvd+rw-dl,blank,blocks=4096", "DVD+RW DL", 16),
    ("dvdram,blocks=4096", "DVD-RAM", 16),
    ("bd-re,blank,blocks=65536", "BD-RE", 32),
];

/// What drives of different makers do differently, as far as it matters here.
const QUIRKS: [&str; 14] = [
    "time=0",
    "quirks=slow-ready",
    "quirks=no-packet-size",
    "quirks=no-track-info",
    "quirks=no-page5",
    "quirks=no-page5-open",
    "quirks=wants-page5",
    "quirks=keeps-size",
    "quirks=few-features",
    "quirks=run-out",
    "quirks=grows+ice",
    "quirks=no-progress",
    "quirks=lies-ready",
    "quirks=hides-protection",
];

/// Formats a new disc, and has packets written at both of its ends.
fn walk(spec: &str, name: &str, packet: u16, wish: &Wish) -> Bench {
    let mut bench = Bench::new(spec);
    let done = bench.format(wish, false);
    let done = done.unwrap_or_else(|error| panic!("{spec}: {error}"));
    let medium = done.medium.unwrap();
    let writing = medium.writing.unwrap();
    assert_eq!(writing.kind.name(), name, "{spec}");
    assert_eq!(
        writing.geometry.packet_frames(),
        u32::from(packet),
        "{spec}"
    );
    assert_eq!(bench.count("formats"), 1, "{spec}");
    bench.ready();
    assert!(bench.write(0, packet), "{spec}: the first packet");
    let last = u32::try_from(medium.blocks).unwrap() - u32::from(packet);
    assert!(bench.write(last, packet), "{spec}: the last packet");
    let report = bench.report().disc.unwrap();
    assert!(report.writable && report.reason.is_none(), "{report:?}");
    bench
}

#[test]
fn each_new_disc_can_be_written_to_its_end() {
    for (spec, name, packet) in NEW {
        for wish in [USUAL, full()] {
            for time in ["time=0", "time=1"] {
                walk(&format!("{spec},{time}"), name, packet, &wish);
            }
        }
    }
}

#[test]
fn in_drives_of_all_makers() {
    for (spec, name, packet) in NEW {
        for quirk in QUIRKS {
            // Without the size of a packet the driver does not know how to write these.
            let needs_track = name == "CD-RW";
            if needs_track && matches!(quirk, "quirks=no-packet-size" | "quirks=no-track-info") {
                continue;
            }
            walk(&format!("{spec},time=1,{quirk}"), name, packet, &USUAL);
        }
    }
}

/// Some drives say that they are ready, and do nothing else for ten minutes.
#[test]
fn a_drive_that_says_too_early_that_it_is_ready() {
    let spec = "cdrw,blocks=4096,format-time=600000,quirks=lies-ready";
    walk(spec, "CD-RW", 32, &USUAL);
}

/// A DVD+RW can be used after a minute, and goes on by itself; --full waits for that.
#[test]
fn a_format_in_the_background() {
    let spec = "dvd+rw,blank,time=1,blocks=2295104";
    let mut bench = Bench::new(spec);
    let done = bench.format(&USUAL, false).unwrap();
    assert!(done.in_background);
    assert_eq!(bench.count("bgformat"), 2);
    assert!(bench.elapsed() < Duration::from_secs(120));
    let disc = bench.report().disc.unwrap();
    assert_eq!(disc.state, State::Formatting);
    assert!(disc.format_done.is_some());

    let mut bench = Bench::new(spec);
    let mut last = None;
    let mut tell = |progress: pktcdvd::format::Progress<'_>| last = progress.done;
    let done = format(&mut bench, &full(), false, &mut tell).unwrap();
    assert!(!done.in_background);
    assert_eq!(bench.count("bgformat"), 3);
    assert!(bench.elapsed() > Duration::from_secs(600));
    assert!(last.unwrap() > 0.9);
}

#[test]
fn what_was_stopped_goes_on() {
    let resume = Wish {
        resume: true,
        ..USUAL
    };
    for spec in ["dvd+rw", "dvd+rw-dl", "dvd+rw,mrw", "cdrw,mrw"] {
        let spec = format!("{spec},state=stopped,formatted=2048,blocks=65536,time=1");
        let mut bench = Bench::new(&spec);
        bench.send(&[0; 12], Data::None, 60).unwrap_err();
        assert!(bench.write(0, 32));
        assert_eq!(bench.report().disc.unwrap().state, State::FormatStopped);
        // What is on it is not lost unasked, and need not be.
        let error = bench.format(&USUAL, false).unwrap_err();
        assert!(matches!(error, FormatError::HoldsUnfinished(_)), "{error}");
        let done = bench.format(&resume, false).unwrap();
        assert!(done.in_background, "{spec}");
        assert_eq!((bench.count("restarts"), bench.count("formats")), (1, 0));
        assert!(bench.report().disc.unwrap().holds.is_some(), "{spec}");
        // Anew, while it runs.
        assert_eq!(bench.count("bgformat"), 2);
        bench.format(&USUAL, true).unwrap();
        assert_eq!(bench.count("formats"), 1, "{spec}");
        assert!(bench.report().disc.unwrap().holds.is_none(), "{spec}");
    }
    let mut complete = Bench::new("dvd+rw,blocks=4096");
    let error = complete.format(&resume, false).unwrap_err();
    assert!(error.to_string().contains("leave --resume out"), "{error}");
}

#[test]
fn mount_rainier() {
    let mrw = Wish { mrw: true, ..USUAL };
    for (spec, name, packet) in [
        ("cdrw,blank,rainier,blocks=4096", "CD-MRW", 32),
        ("dvd+rw,blank,rainier,blocks=4096", "DVD+MRW", 16),
    ] {
        walk(spec, name, packet, &mrw);
        walk(&format!("{spec},time=1"), name, packet, &mrw);
        let without = spec.replace(",rainier", "");
        let error = Bench::new(&without).format(&mrw, false).unwrap_err();
        assert!(error.to_string().contains("leave --mrw out"), "{error}");
    }
}

/// Quickly it can only be written in sequence, which is said; and never happens unasked.
#[test]
fn a_dvd_rw_quickly() {
    let quick = Wish {
        effort: Effort::Quick,
        ..USUAL
    };
    let mut bench = Bench::new("dvd-rw,blank,blocks=4096,time=1");
    let done = bench.format(&quick, false).unwrap();
    assert!(done.warning.is_some() && done.medium.is_none());
    assert!(!bench.write(2048, 16));
    let disc = bench.report().disc.unwrap();
    assert_eq!(disc.state, State::FormattedQuickly);
    // From there, too, the advised command leads on.
    bench.format(&USUAL, false).unwrap();
    assert!(bench.write(2048, 16));
    assert_eq!(bench.report().disc.unwrap().state, State::Formatted);
}

/// The driver's advice about a disc that it refuses is a command that helps.
#[test]
fn advice_is_followed() {
    for spec in [
        "cdrw,blank",
        "dvd-rw,blank",
        "dvd-rw,quick",
        "dvd+rw,blank",
        "dvd+rw-dl,blank",
        "bd-re,blank",
        "cdrw,blank,rainier",
    ] {
        let mut bench = Bench::new(&format!("{spec},blocks=65536"));
        let disc = bench.report().disc.unwrap();
        let reason = disc.reason.unwrap();
        let command = "pktcdvd format /dev/sr0";
        assert!(reason.contains(command), "{spec}: {reason}");
        bench.format(&USUAL, false).unwrap();
        let disc = bench.report().disc.unwrap();
        assert!(disc.writable, "{spec}: {:?}", disc.reason);
    }
}

#[test]
fn spare_areas() {
    for spec in [
        "bd-re,blank,blocks=4718592",
        "dvdram,blocks=65536",
        "dvdram,blocks=65536,quirks=keeps-size",
    ] {
        let size = |spare| {
            let mut bench = Bench::new(spec);
            let wish = Wish { spare, ..USUAL };
            bench.format(&wish, false).unwrap().medium.unwrap().blocks
        };
        let usual = size(Spare::Default);
        assert!(size(Spare::None) > usual);
        assert!(size(Spare::Blocks(u32::MAX)) < usual);
        let least = size(Spare::Blocks(0));
        assert!(least > usual && least <= size(Spare::None));
    }
    let mut bench = Bench::new("dvd+rw,blank,blocks=4096");
    let wish = Wish {
        spare: Spare::None,
        ..USUAL
    };
    let error = bench.format(&wish, false).unwrap_err();
    assert!(error.to_string().contains("leave --spare out"), "{error}");
}

/// Certification takes its time, and only --full has it.
#[test]
fn certification() {
    for spec in [
        "dvdram,blocks=2236704,time=1",
        "bd-re,blank,blocks=11826176,time=1",
    ] {
        let time = |wish: &Wish| {
            let mut bench = Bench::new(spec);
            bench.format(wish, false).unwrap();
            bench.elapsed().as_secs()
        };
        let (usual, full) = (time(&USUAL), time(&full()));
        assert!(usual < 300 && full > 1200, "{spec}: {usual} s, {full} s");
    }
}

/// A disc that the drive still formats is brought to an end before it is taken out.
#[test]
fn a_disc_is_taken_out() {
    let mut bench = Bench::new("dvd+rw,blank,time=1,blocks=2295104");
    bench.format(&USUAL, false).unwrap();
    assert!(bench.write(0, 16));
    pktcdvd::eject::open_tray(&mut bench).unwrap();
    let words = ["tray_open", "cache", "bgformat"].map(|name| bench.count(name));
    assert_eq!(words[..2], [1, 0]);
    assert_ne!(words[2], 2);
    assert!(bench.count("closes") > 0);
    // An empty drive opens, too; one that is locked is unlocked.
    let mut empty = Bench::new("none");
    pktcdvd::eject::open_tray(&mut empty).unwrap();
    assert_eq!(empty.count("tray_open"), 1);
    let mut locked = Bench::new("dvdram,blocks=4096");
    locked.send(&[0; 12], Data::None, 60).unwrap_err();
    locked
        .send(&[0x1e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], Data::None, 60)
        .unwrap();
    pktcdvd::eject::open_tray(&mut locked).unwrap();
    assert_eq!((locked.count("tray_open"), locked.count("locked")), (1, 0));
}

/// What could not be written, or may not have been, is said, and the tray stays shut.
#[test]
fn a_disc_that_could_not_be_written_is_not_taken_out() {
    for (rule, says) in [
        // Of a write that the drive had accepted: told to whatever comes next.
        (
            "op=0x2a act=deferred:3/0c/00",
            "TEST UNIT READY failed: medium error",
        ),
        (
            "op=0x00 act=deferred:3/0c/00",
            "SYNCHRONIZE CACHE failed: medium error",
        ),
        (
            "op=0x35 act=sense:3/0c/00",
            "SYNCHRONIZE CACHE failed: medium error",
        ),
        // Its cache is empty, and what was in it is lost.
        (
            "op=0x35 act=sense:6/29/00",
            "SYNCHRONIZE CACHE failed: the drive was reset",
        ),
        (
            "op=0x00 act=sense:4/44/00",
            "TEST UNIT READY failed: hardware error",
        ),
        (
            "op=0x5b act=sense:3/0c/00",
            "CLOSE TRACK failed: medium error",
        ),
    ] {
        let mut bench = Bench::new("dvd+rw,state=running,blocks=65536,time=1");
        bench.send(&[0; 12], Data::None, 60).unwrap_err();
        bench.fault(rule);
        assert!(bench.write(0, 16));
        let error = pktcdvd::eject::open_tray(&mut bench).unwrap_err();
        assert!(error.to_string().starts_with(says), "{rule}: {error}");
        assert_eq!(bench.count("tray_open"), 0, "{rule}");
    }
    // A drive need not flush what it cannot write; where it can, that is no answer.
    for (spec, opens) in [("dvd+rw,profile=10", 1), ("dvd+rw", 0)] {
        let mut bench = Bench::new(&format!("{spec},blocks=4096"));
        bench.fault("op=0x35 count=inf act=sense:5/30/00");
        assert_eq!(pktcdvd::eject::open_tray(&mut bench).is_ok(), opens == 1);
        assert_eq!(bench.count("tray_open"), opens, "{spec}");
    }
    // What says nothing of that is no reason.
    for rule in [
        "op=0x00 act=sense:6/28/00",
        "op=0x00 act=sense:2/30/01",
        "op=0x35 count=2 act=sense:2/04/08",
        "op=0x35 act=sense:5/20/00",
        "op=0x5b count=inf act=sense:5/24/00",
    ] {
        let mut bench = Bench::new("dvd+rw,state=running,blocks=65536,time=1");
        bench.fault(rule);
        pktcdvd::eject::open_tray(&mut bench).unwrap();
        assert_eq!(bench.count("tray_open"), 1, "{rule}");
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
        ("cdrw,blocks=4096", 32),
        ("dvd-rw,blocks=4096", 16),
        ("dvd+rw,blocks=4096", 16),
        ("dvdram,blocks=4096", 16),
        ("bd-re,blocks=65536", 32),
    ] {
        let mut bench = Bench::new(spec);
        bench.ready();
        assert!(bench.write(0, packet), "{spec}");
        let error = bench.format(&USUAL, false).unwrap_err();
        assert!(matches!(error, FormatError::Holds(_)), "{error}");
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!((bench.count("formats"), bench.count("blanks")), (0, 0));
        assert!(bench.report().disc.unwrap().holds.is_some());
        bench.format(&USUAL, true).unwrap();
        assert_eq!(bench.count("formats"), 1);
        assert_eq!(bench.report().disc.unwrap().holds, None);
    }
}

/// Recorders reserve a first track for what they write when they finalise a disc.
#[test]
fn what_begins_later_is_not_lost_unasked() {
    for spec in [
        "cdrw,recorder=512",
        "dvd-rw,recorder=512",
        // It is recorded with zeroes.
        "cdrw,recorder=0",
        "dvd-rw,recorder=0",
        // It has no format, as the drive says.
        "dvd-rw,recorder=512,patch=23@8:01",
    ] {
        let mut bench = Bench::new(&format!("{spec},blocks=4096"));
        let error = bench.format(&USUAL, false).unwrap_err();
        assert!(matches!(error, FormatError::Holds(_)), "{spec}: {error}");
        assert_eq!((bench.count("formats"), bench.count("blanks")), (0, 0));
        assert!(bench.report().disc.unwrap().holds.is_some(), "{spec}");
        bench.drive.command(&["set", "pristine"]).unwrap();
        bench.format(&USUAL, true).unwrap();
        assert_eq!(bench.report().disc.unwrap().holds, None, "{spec}");
        // What was formatted and holds nothing is formatted again.
        bench.format(&USUAL, false).unwrap();
    }
}

/// No CD-RW is left blank by a drive that takes the size of packets at no time, or only now.
#[test]
fn a_drive_that_does_not_take_the_size_of_packets() {
    for rule in ["5/26/00", "5/24/00", "5/30/05", "5/2c/00", "5/64/00"] {
        let mut bench = Bench::new("cdrw,blocks=4096");
        bench.fault(&format!("op=0x55 count=inf act=sense:{rule}"));
        let done = bench.format(&USUAL, true).unwrap();
        assert!(done.medium.unwrap().writing.is_ok(), "{rule}");
    }
    let mut bench = Bench::new("cdrw,blocks=4096,quirks=no-page5-open");
    bench.format(&USUAL, true).unwrap();
    assert_eq!(bench.count("mode_selects"), 1);
    // One that is broken is left alone.
    let mut bench = Bench::new("cdrw,blocks=4096");
    bench.fault("op=0x55 act=sense:4/44/00");
    bench.format(&USUAL, true).unwrap_err();
    assert_eq!(bench.count("blanks"), 0);
}

/// To format these again need not write their blocks: nothing is found there all the same.
#[test]
fn what_was_on_a_disc_is_not_found_again() {
    for (spec, packet) in [("dvdram,blocks=4096", 16u16), ("bd-re,blocks=65536", 32)] {
        let mut bench = Bench::new(spec);
        let blocks = bench.report().disc.unwrap().size_bytes.unwrap() / 2048;
        let last = u32::try_from(blocks).unwrap() - u32::from(packet);
        let middle = last / 2 / 32 * 32;
        for block in [0, 256, middle, last] {
            assert!(bench.write(block, packet), "{spec}");
        }
        bench.format(&USUAL, true).unwrap();
        let mut first_byte = |block: u32| {
            use pktcdvd::mmc::{commands, Talk};
            bench.ask(&commands::read(block, 1)).unwrap()[0]
        };
        // The rest is as the drive has left it.
        let bytes = [0, 256, last, middle].map(&mut first_byte);
        assert_eq!(bytes, [0, 0, 0, 0x55], "{spec}");
        bench.format(&USUAL, false).unwrap();
    }
}

/// A drive says once that it has failed, and is ready then.
#[test]
fn a_format_that_fails_is_not_one_that_is_done() {
    for rule in [
        "act=sense:3/31/01",
        "act=sense:3/32/00",
        "act=sense:3/51/00",
        "act=sense:4/09/00",
    ] {
        for spec in ["cdrw,blank", "dvd-rw,blank", "dvd+rw,blank", "dvdram"] {
            for op in ["op=0x00", "op=0x51"] {
                let spec = format!("{spec},blocks=4096,format-time=60000");
                let mut bench = Bench::new(&spec);
                bench.send(&[0; 12], Data::None, 60).unwrap_err();
                bench.sent.clear();
                // The first is asked before anything is begun.
                bench.fault(&format!("{op} skip=1 {rule}"));
                let error = bench.format(&USUAL, false).unwrap_err();
                assert!(matches!(error, FormatError::Command(_)), "{spec} {error}");
            }
        }
    }
    let mut bench = Bench::new("dvdram,blocks=4096,format-time=60000");
    bench.fault("op=0x00 skip=1 act=deferred:3/31/01");
    let error = bench.format(&USUAL, false).unwrap_err();
    assert!(
        error.to_string().contains("of an earlier command"),
        "{error}"
    );
    // One that has done nothing, or does not have what it was to make.
    let wish = Wish {
        spare: Spare::None,
        ..USUAL
    };
    for (spec, rule, wish) in [
        ("dvdram,blocks=4096", "op=0x04 act=lose", wish),
        ("bd-re,blocks=65536", "op=0x04 act=lose", wish),
        (
            "dvd-rw,blank,blocks=4096,patch=23@6:08",
            "op=0xff act=lose",
            USUAL,
        ),
    ] {
        let mut bench = Bench::new(spec);
        bench.fault(rule);
        let error = bench.format(&wish, true).unwrap_err();
        assert!(
            matches!(error, FormatError::OtherSize { .. }),
            "{spec}: {error}"
        );
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

/// What a drive offers it need not take.
#[test]
fn a_drive_that_takes_the_plain_form_only() {
    for spec in ["dvdram,blocks=4096", "bd-re,blank,blocks=65536"] {
        let mut bench = Bench::new(spec);
        let words = ["fault", "op=0x04", "act=sense:5/26/00"];
        bench.drive.command(&words).unwrap();
        bench.format(&full(), false).unwrap();
        assert_eq!((bench.count("formats"), bench.count("faults")), (1, 1));
    }
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
    assert!(error.to_string().contains("cartridge"), "{error}");
    // No others have one.
    for spec in ["dvd+rw", "bd-re", "cdrw"] {
        let mut protected = Bench::new(&format!("{spec},read-only,blocks=65536"));
        let error = protected.format(&USUAL, true).unwrap_err();
        assert!(error.to_string().ends_with("is write protected"), "{error}");
    }
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

    let protected = Bench::new("dvdram,read-only,blocks=4096").report();
    let disc = protected.disc.unwrap();
    assert!(!disc.writable && disc.reason.unwrap().contains("write protected"));

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
