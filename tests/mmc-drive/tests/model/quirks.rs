// SPDX-License-Identifier: GPL-2.0-or-later
//! What drives of different makers do differently.

use crate::bench::{sense, word, Bench};

fn track(bench: &mut Bench) -> Vec<u8> {
    bench.ask(&[0x52, 1, 0, 0, 0, 1, 0, 0, 36])
}

#[test]
fn refused_writes_have_many_names() {
    for (quirk, mode, range) in [
        ("", "5/64/00", "5/21/00"),
        ("says-sequence", "5/2c/00", "5/2c/00"),
        ("says-field", "5/24/00", "5/24/00"),
        ("says-format", "5/30/05", "5/30/05"),
    ] {
        let mut bench = Bench::new(&format!("cdrw,blocks=1024,quirks={quirk}"));
        assert_eq!(bench.refused(0, 32), mode);
        assert_eq!(bench.refused(2048, 32), range);
        assert_eq!(bench.count("rejected_mode"), 1);
        let mut bench = Bench::new(&format!("dvdram,read-only,quirks={quirk}"));
        assert_eq!(bench.refused(0, 16), "7/27/00");
    }
}

#[test]
fn a_disc_is_ready_late() {
    let mut bench = Bench::new("none,quirks=slow-ready");
    bench.line("insert dvd+rw");
    bench.now = std::time::Instant::now();
    assert_eq!(bench.failed(&[0]), "6/28/00");
    assert_eq!(bench.failed(&[0]), "2/04/01");
    bench.pass(1000);
    assert_eq!(bench.failed(&[0x25]), "2/04/01");
    bench.pass(2500);
    bench.ask(&[0x25]);
}

#[test]
fn tracks_tell_little() {
    let mut bench = Bench::new("dvd+rw,quirks=no-packet-size");
    assert_eq!(word(&track(&mut bench), 20), 0);
    bench.line("set quirks=no-track-info");
    assert_eq!(bench.failed(&[0x52, 1, 0, 0, 0, 1, 0, 0, 36]), "5/24/00");
    bench.line("set quirks=");
    assert_eq!(word(&track(&mut bench), 20), 16);
    assert!(bench.try_line("set quirks=none+such").is_err());
}

#[test]
fn page_5_is_wanted_or_refused() {
    let mut bench = Bench::new("dvd-rw,blocks=1024,quirks=wants-page5");
    assert_eq!(bench.refused(0, 16), "5/64/00");
    bench.packets_of(16, 8);
    bench.fill(0, 16, 1);
    bench.line("set quirks=no-page5");
    let mut list = vec![0; 8];
    list.extend([5, 50]);
    list.extend([0; 50]);
    let select = [0x55, 0x10, 0, 0, 0, 0, 0, 0, 60];
    assert_eq!(sense(bench.run(&select, &list).answer), "5/26/00");
    Bench::new("cdrw,quirks=no-page5").packets_of(32, 10);
    for spec in ["cdrw,blank", "cdrw,recorder=0"] {
        let mut bench = Bench::new(&format!("{spec},quirks=no-page5-open"));
        assert_eq!(sense(bench.run(&select, &list).answer), "5/26/00");
    }
    for spec in ["cdrw", "dvd-rw,blank"] {
        let mut bench = Bench::new(&format!("{spec},quirks=no-page5-open"));
        bench.tell(&select, &list);
    }
}

/// With CmpLst, and DCRT among the bits that are valid.
#[test]
fn a_size_is_kept() {
    for (complete_list, flags, size) in [(0x08, 0xa0, 4096), (0x00, 0xa0, 4192), (0x08, 0x80, 4192)]
    {
        let mut bench = Bench::new("dvdram,blocks=4096,quirks=keeps-size");
        let list = [0, flags, 0, 8, 0, 0, 0x10, 0x60, 0, 0, 8, 0];
        bench.tell(&[4, 0x11 | complete_list], &list);
        assert_eq!(bench.size(), size);
    }
}

#[test]
fn features_are_few() {
    let mut bench = Bench::new("dvd+rw,quirks=few-features");
    for code in [0x20, 0x23, 0x2a] {
        assert_eq!(bench.feature(code), (0x1a, None));
    }
    assert_eq!(bench.feature(0x03).1, Some(true));
}

#[test]
fn run_out_blocks_count() {
    let mut bench = Bench::new("cdrw,blocks=1024,quirks=run-out");
    assert_eq!(bench.size(), 1026);
    assert_eq!(word(&track(&mut bench), 24), 1026);
    assert_eq!(
        bench.failed(&crate::bench::transfer(0x28, 1024, 1)),
        "5/64/00"
    );
    bench.packets_of(32, 10);
    assert_eq!(bench.refused(1024, 32), "5/21/00");
    bench.fill(992, 32, 1);
}

#[test]
fn a_running_format_shows() {
    let spec = "dvd+rw,state=running,formatted=1600,blocks=16000,quirks=grows+ice";
    let mut bench = Bench::new(spec);
    assert_eq!((bench.size(), bench.formats()[0]), (1600, (2, 1600)));
    assert_eq!(word(&track(&mut bench), 24), 1600);
    assert_eq!(
        bench.failed(&crate::bench::transfer(0x28, 1600, 1)),
        "3/11/05"
    );
    bench.fill(3200, 16, 1);
    assert_eq!((bench.size(), bench.byte(3200)), (3216, 1));
}

#[test]
fn progress_is_hidden() {
    let mut bench = Bench::new("cdrw,format-time=1000,quirks=no-progress");
    bench.tell(&[0xa1, 0x11], &[]);
    assert_eq!(bench.failed(&[0]), "2/04/04");
    let sense = bench.ask(&[3, 0, 0, 0, 18]);
    assert_eq!((sense[12], sense[15]), (4, 0));
    bench.line("set quirks=lies-ready");
    bench.ask(&[0]);
    assert_eq!(bench.failed(&[0x25]), "2/04/07");
    bench.pass(1100);
    bench.ask(&[0]);
}

#[test]
fn protection_is_hidden() {
    let mut bench = Bench::new("dvdram,read-only,quirks=hides-protection");
    assert_eq!(bench.feature(0x20).1, Some(true));
    assert_eq!(bench.ask(&[0x5a, 8, 0x2a, 0, 0, 0, 0, 0, 8])[3], 0);
    assert_eq!(bench.refused(0, 16), "7/27/00");
}
