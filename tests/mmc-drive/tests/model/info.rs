// SPDX-License-Identifier: GPL-2.0-or-later
//! What the drive tells of itself and its disc.

use crate::bench::{word, Bench};

fn disc(bench: &mut Bench) -> Vec<u8> {
    bench.ask(&[0x51, 0, 0, 0, 0, 0, 0, 0, 34])
}

fn track(bench: &mut Bench) -> Vec<u8> {
    bench.ask(&[0x52, 1, 0, 0, 0, 1, 0, 0, 36])
}

fn features(bench: &mut Bench, wanted: u8, start: u8) -> Vec<u16> {
    let reply = bench.ask(&[0x46, wanted, 0, start, 0, 0, 0, 2, 0]);
    assert_eq!(word(&reply, 0) as usize + 4, reply.len());
    let (mut list, mut rest) = (Vec::new(), &reply[8..]);
    while let [high, low, _, more, ..] = *rest {
        list.push(u16::from_be_bytes([high, low]));
        rest = &rest[4 + usize::from(more)..];
    }
    list
}

#[test]
fn media_look_as_they_should() {
    // Profile, state of the disc, background format, disc type, bytes 5 and 6 of the track, packet.
    let wanted = [
        ("cdrw", 0x0a, 0x1e, 0, 0x20, 5, 0x32, 32),
        ("cdrw,data-mode=1", 0x0a, 0x1e, 0, 0x20, 5, 0x31, 32),
        ("dvd-rw", 0x13, 0x1e, 0, 0, 4, 0x31, 16),
        ("dvd+rw", 0x1a, 0x1e, 3, 0, 7, 0x01, 16),
        ("dvd+rw-dl", 0x2a, 0x1e, 3, 0, 7, 0x01, 16),
        ("dvdram", 0x12, 0x1f, 0, 0, 7, 0x01, 16),
        ("bd-re", 0x43, 0x1e, 0, 0, 4, 0x01, 32),
    ];
    for (spec, profile, state, format, disc_type, mode, flags, packet) in wanted {
        let mut bench = Bench::new(&format!("{spec},blocks=1024"));
        let config = bench.ask(&[0x46, 0, 0, 0, 0, 0, 0, 0, 8]);
        assert_eq!(config[6..8], [0, profile], "{spec}");
        let d = disc(&mut bench);
        let wanted = [0, 32, state, 1, 1, 1, 1, 0x20 | format, disc_type];
        assert_eq!(d[..9], wanted, "{spec}");
        let t = track(&mut bench);
        assert_eq!((t[5], t[6], word(&t, 20)), (mode, flags, packet), "{spec}");
        assert_eq!((word(&t, 8), word(&t, 16), word(&t, 24)), (0, 0, 1024));
        assert_eq!(word(&bench.ask(&[0x25]), 0), 1023);
    }
}

#[test]
fn discs_lie_as_told() {
    let mut bench = Bench::new(
        "cdrw,type=ff,erasable=0,border=2,reserved-blank,varying,packet=129,profile=0x14,last-recorded",
    );
    let d = disc(&mut bench);
    assert_eq!((d[2], d[8]), (0x0a, 0xff));
    let t = track(&mut bench);
    assert_eq!(
        (t[6], t[7], word(&t, 20), word(&t, 28)),
        (0xe2, 2, 129, 32767)
    );
    assert_eq!(bench.ask(&[0x46, 0, 0, 0, 0, 0, 0, 0, 8])[7], 0x14);
    bench.line("set patch=51@0:ff:fe");
    bench.line("set cut=51@28");
    let d = disc(&mut bench);
    assert_eq!((d.len(), d[0], d[1]), (28, 0xff, 0xfe));
    bench.line("set pristine");
    assert_eq!(disc(&mut bench).len(), 34);
}

#[test]
fn replies_end_where_the_buffer_does() {
    let mut bench = Bench::new("cdrw");
    let commands: [&[u8]; 6] = [
        &[0x51, 0, 0, 0, 0, 0, 0, 0, 2],
        &[0x52, 1, 0, 0, 0, 1, 0, 0, 2],
        &[0x46, 0, 0, 0, 0, 0, 0, 0, 2],
        &[0x5a, 0, 5, 0, 0, 0, 0, 0, 2],
        &[0x43, 2, 4, 0, 0, 0, 0, 0, 2],
        &[0x12, 0, 0, 0, 2],
    ];
    for command in commands {
        assert_eq!(bench.ask(command).len(), 2, "{command:02x?}");
    }
}

#[test]
fn the_kernel_finds_the_random_writable_feature() {
    let mut multi = Bench::new("dvd+rw,class=multi");
    assert_eq!(features(&mut multi, 0, 0x20)[0], 0x20);
    assert!(!features(&mut multi, 0, 0).contains(&0x24));
    assert!(features(&mut Bench::new("cdrw,class=cdrw"), 2, 0x20).is_empty());
    let now = features(&mut Bench::new("cdrw"), 1, 0);
    assert!(now.contains(&0x26) && !now.contains(&0x20) && !now.contains(&0x28));
    assert_eq!(features(&mut Bench::new("none"), 2, 0), [0]);
}

#[test]
fn contents_of_discs() {
    let mut bench = Bench::new("cdrw,blocks=1024");
    let toc = bench.ask(&[0x43, 2, 0, 0, 0, 0, 0, 0, 20]);
    assert_eq!(toc[..4], [0, 18, 1, 1]);
    assert_eq!((toc[5] & 4, toc[6], &toc[8..12]), (4, 1, &[0, 0, 2, 0][..]));
    assert_eq!((toc[14], &toc[16..20]), (0xaa, &[0, 0, 15, 49][..]));
    let sessions = bench.ask(&[0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40]);
    assert_eq!(sessions[..4], [0, 10, 1, 1]);
    let full = bench.ask(&[0x43, 2, 2, 0, 0, 0, 0, 0, 60]);
    assert_eq!(full[..4], [0, 46, 1, 1]);
    assert_eq!((full[26 + 3], &full[26 + 8..37]), (0xa2, &[0, 15, 49][..]));
    assert_eq!((full[37 + 3], &full[37 + 8..48]), (1, &[0, 2, 0][..]));
    let atip = bench.ask(&[0x43, 2, 4, 0, 0, 0, 0, 0, 28]);
    assert_eq!((atip[6] & 0x7c, atip[16] & 15), (0x4c, 4));
    assert_eq!(
        Bench::new("dvd+rw").failed(&[0x43, 2, 4, 0, 0, 0, 0, 0, 28]),
        "5/24/00"
    );
}

#[test]
fn mode_pages_change_and_come_back() {
    let mut bench = Bench::new("cdrw");
    bench.packets_of(32, 10);
    let page = |bench: &mut Bench, values: u8| {
        bench.ask(&[0x5a, 0, values << 6 | 5, 0, 0, 0, 0, 1, 0])[8..].to_vec()
    };
    assert_eq!(page(&mut bench, 0)[..5], [5, 50, 0, 0x25, 10]);
    assert_eq!(page(&mut bench, 2)[..5], [5, 50, 1, 0xc5, 8]);
    assert_eq!(page(&mut bench, 1)[2], 0xff);
    assert_eq!(bench.failed(&[0x5a, 0, 0xc5, 0, 0, 0, 0, 1, 0]), "5/39/00");
    assert_eq!(bench.failed(&[0x5a, 0, 0x0e, 0, 0, 0, 0, 1, 0]), "5/24/00");
    let select = |bench: &mut Bench, page: &[u8]| {
        let mut list = vec![0; 8];
        list.extend(page);
        crate::bench::sense(
            bench
                .run(&[0x55, 16, 0, 0, 0, 0, 0, 0, list.len() as u8], &list)
                .answer,
        )
    };
    assert_eq!(select(&mut bench, &[0x2a, 2, 0, 0]), "5/26/00");
    assert_eq!(select(&mut bench, &[5, 0]), "5/26/00");
    assert_eq!(select(&mut bench, &[5, 50, 0, 0]), "5/1a/00");
    assert_eq!(select(&mut bench, &[5]), "5/1a/00");
    assert_eq!(page(&mut bench, 0)[..5], [5, 50, 0, 0x25, 10]);
    bench.line("powercut");
    bench.failed(&[0]);
    assert_eq!(page(&mut bench, 0)[2], 1);
}

#[test]
fn pages_come_as_told() {
    let mut bench = Bench::new("cdrw,descriptor,no-page=8");
    let all = bench.ask(&[0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0]);
    assert_eq!((all[7], all[16]), (8, 1));
    assert_eq!(
        usize::from(all[0]) << 8 | usize::from(all[1]),
        all.len() - 2
    );
    assert_eq!(bench.failed(&[0x5a, 0, 8, 0, 0, 0, 0, 1, 0]), "5/24/00");
    let six = bench.ask(&[0x1a, 8, 0x2a, 0, 128]);
    assert_eq!((six[3], six[4], six[7]), (0, 0x2a, 0x33));
    assert_eq!(
        Bench::new("cdrw,mode6=0").failed(&[0x1a, 0, 0x2a, 0, 128]),
        "5/20/00"
    );
}

#[test]
fn structures_of_discs() {
    let read = |spec: &str, format: u8| {
        let mut bench = Bench::new(spec);
        let media = u8::from(spec.starts_with("bd"));
        bench.ask(&[0xad, media, 0, 0, 0, 0, 0, format, 0x20, 0])
    };
    for (spec, book) in [("dvd-rw", 0x33), ("dvd+rw", 0x92), ("dvdram", 0x16)] {
        let lead_in = read(&format!("{spec},blocks=1600"), 0);
        assert_eq!((lead_in.len(), lead_in[4]), (2052, book));
        assert_eq!(word(&lead_in, 12) - word(&lead_in, 8), 1599);
    }
    assert_eq!(read("dvdram,read-only", 0xc0)[4], 4);
    assert_eq!(read("dvdram", 0xc0)[4], 0);
    assert_eq!(&read("bd-re", 0)[4..6], b"DI");
    assert_eq!(&read("dvd+rw", 0x11)[23..31], b"RBLKTEST");
    for spec in ["dvd-rw", "dvd+rw", "dvdram", "bd-re"] {
        for entry in read(spec, 0xff)[4..].chunks(4) {
            let length = usize::from(entry[2]) << 8 | usize::from(entry[3]);
            assert_eq!(read(spec, entry[0]).len(), length + 2, "{spec} {entry:x?}");
        }
    }
    let cd = Bench::new("cdrw").failed(&[0xad, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
    assert_eq!(cd, "5/24/00");
    let wrong = Bench::new("dvd+rw").failed(&[0xad, 1, 0, 0, 0, 0, 0, 0, 0, 4]);
    assert_eq!(wrong, "5/24/00");
}

#[test]
fn commands_can_be_missing() {
    let mut bench = Bench::new("cdrw,unsupported=46:54");
    assert_eq!(bench.failed(&[0x46, 0, 0, 0, 0, 0, 0, 0, 8]), "5/20/00");
    assert_eq!(bench.failed(&[0x54, 1]), "5/20/00");
    assert_eq!(bench.failed(&[0xbe]), "5/20/00");
}

#[test]
fn each_drive_has_a_number_of_its_own() {
    let mut bench = Bench::new("cdrw");
    bench.drive = bench.drive.numbered(3);
    bench.line("reset dvd+rw");
    assert_eq!(bench.ask(&[0x12, 1, 0x80, 0, 64])[4..], *b"RBLK0003");
}
