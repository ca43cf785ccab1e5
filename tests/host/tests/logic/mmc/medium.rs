// SPDX-License-Identifier: GPL-2.0

//! Which media are written, how large they are, and what is said of the others.

use super::drive::{
    self, capacities, drive, failure, random_writable, track, Drive, CAPACITY, CONFIGURATION, DISC,
    TRACK,
};
use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::{
    mmc::{
        medium::Writing,
        probe::{Access, Probe},
        profile::{Kind, Profile},
        refusal::{Errno, Refusal},
    },
    zone::GeometryError,
};

const BLOCKS: u32 = 4096;

/// All media that are written, with the blocks of a packet.
const WRITTEN: [(u16, Kind, u32); 9] = [
    (0x02, Kind::Removable, 16),
    (0x0a, Kind::CdRw, 32),
    (0x12, Kind::DvdRam, 16),
    (0x13, Kind::DvdRw, 16),
    (0x1a, Kind::DvdPlusRw, 16),
    (0x2a, Kind::DvdPlusRwDl, 16),
    (0x43, Kind::BdRe, 32),
    (0x52, Kind::HdDvdRam, 32),
    (0xffff, Kind::CdRw, 32),
];

/// A drive whose track does not tell the packet size unless it has to.
fn silent(profile: u16) -> Drive {
    let mut drive = drive(if profile == 0xffff { 0x0a } else { profile }, BLOCKS);

    drive.profile = (profile != 0xffff).then_some(profile);
    if !matches!(profile, 0x0a | 0x13 | 0xffff) {
        drive.tracks = vec![track([7, 0x00, 0], 0, 0, BLOCKS, 0)];
    }
    drive
}

fn refused(mut drive: Drive) -> (Errno, String) {
    let readable = drive
        .clone()
        .probe(Access::Read)
        .map(|medium| medium.blocks);
    drive.log.clear();
    let refusal = drive.write().unwrap_err();
    let reason = refusal.to_string();

    // What cannot be written can still be read, and the drive was not touched.
    assert!(readable.is_ok(), "{readable:?}");
    assert!(!drive.opcodes().contains(&drive::SELECT) && !drive.opcodes().contains(&drive::SPEED));
    assert!(reason.len() < 160 && reason.is_ascii(), "{reason}");
    (refusal.errno(), reason)
}

#[test]
fn g15_these_media_are_written() {
    // The C driver knew 0x0a, 0x12, 0x13 and 0x1a.
    for (profile, kind, packet) in WRITTEN {
        let writing = silent(profile).write().unwrap();

        assert_eq!(writing.kind, kind, "{profile:#x}");
        assert_eq!(writing.geometry.packet_frames(), packet, "{profile:#x}");
        assert_eq!(writing.geometry.capacity_sectors(), u64::from(BLOCKS) * 4);
        assert_eq!(writing.geometry.start_sector(), 0);
    }
}

#[test]
fn g15_the_others_are_refused_and_it_is_said_why() {
    for profile in 0..=0xffffu16 {
        if WRITTEN.iter().any(|(own, ..)| *own == profile) {
            continue;
        }
        let refusal = drive(profile, BLOCKS).write().unwrap_err();
        assert_eq!(refusal, Refusal::Profile(Profile(profile)));
        assert_eq!(refusal.errno(), Errno::ReadOnly);
    }
    for (profile, name, advice) in [
        (
            0x14,
            "DVD-RW, sequential recording (profile 0x0014)",
            "dvd+rw-format -force=full DRIVE",
        ),
        (0x1b, "DVD+R (profile 0x001b)", "written once"),
        (0x09, "CD-R (profile 0x0009)", "written once"),
        (0x10, "DVD-ROM (profile 0x0010)", "cannot be written"),
        (
            0x42,
            "BD-R, random recording (profile 0x0042)",
            "written once",
        ),
        (0x7777, "unknown profile (profile 0x7777)", "use CD-RW"),
        (
            0x00,
            "no medium that the drive knows (profile 0x0000)",
            "try another",
        ),
    ] {
        let (_, reason) = refused(drive(profile, BLOCKS));
        assert!(reason.contains(name) && reason.contains(advice), "{reason}");
    }
}

#[test]
fn g15_mount_rainier_media() {
    // The drive does by itself what packets are for, and wants no write parameters.
    let feature = [0x00, 0x28, 0x01, 4, 0x01, 0, 0, 0];
    for (profile, kind, packet) in [(0x0a, Kind::CdMrw, 32), (0x1a, Kind::DvdMrw, 16)] {
        let mut drive = drive(profile, BLOCKS);
        drive.features = feature.to_vec();
        drive.disc[7] |= 3;
        let writing = drive.write().unwrap();
        assert_eq!(
            (writing.kind, writing.geometry.packet_frames()),
            (kind, packet)
        );
        assert_eq!(writing.parameters(), None);
        assert!(!drive.opcodes().contains(&drive::SELECT));

        // One that was not formatted so is an ordinary one, whatever the drive can do.
        drive.disc[7] &= !3;
        assert_ne!(drive.write().unwrap().kind, kind);
    }
}

#[test]
fn a_drive_that_knows_no_profiles_has_a_cd() {
    for failing in [
        failure(5, 0x20, 0),
        failure(5, 0x24, 0),
        failure(4, 0x44, 0),
    ] {
        let drive = drive(0x0a, BLOCKS);
        let writing = drive
            .script(CONFIGURATION, usize::MAX, Err(failing))
            .write();
        assert_eq!(writing.unwrap().kind, Kind::CdRw);
    }
    // Replies that make no sense are no better than none; the second question is simpler.
    let drive = drive(0x1a, BLOCKS);
    let writing = drive.script(CONFIGURATION, 1, Ok(vec![0; 512])).write();
    assert_eq!(writing.unwrap().kind, Kind::DvdPlusRw);
}

#[test]
fn a_disk_of_other_blocks_is_not_written() {
    let mut disk = silent(0x02);
    disk.features = vec![
        0x00, 0x20, 0x05, 12, 0, 0, 0x0f, 0xff, 0, 0, 8, 0, 0, 32, 1, 0,
    ];
    assert_eq!(disk.write().unwrap().geometry.packet_frames(), 32);

    disk.block_size = 512;
    assert_eq!(refused(disk).0, Errno::ReadOnly);
}

#[test]
fn rules_of_a_cd() {
    let with = |change: fn(&mut Drive)| {
        let mut drive = drive(0x0a, BLOCKS);
        change(&mut drive);
        drive
    };
    assert!(with(|drive| drive.disc[8] = 0x00).write().is_ok());
    for good in [0x31, 0xb2, 0x72] {
        let mut drive = with(|_| ());
        drive.tracks[0][6] = good;
        assert!(drive.write().is_ok(), "{good:#x}");
    }

    for (change, words) in [
        (
            (|drive| drive.disc[8] = 0xff) as fn(&mut Drive),
            "cdrwtool -d DRIVE -q",
        ),
        (|drive| drive.disc[8] = 0x10, "type 0x10"),
        (|drive| drive.disc[2] &= !0x10, "not rewritable"),
        (|drive| drive.disc[2] = 0x1a, "reserved"),
        (
            |drive| drive.disc[2] = 0x10,
            "blank: format it with pktcdvd format DRIVE (or cdrwtool -d DRIVE -q)",
        ),
        (
            |drive| drive.tracks[0][6] = 0x02,
            "not recorded in fixed packets",
        ),
        (
            |drive| drive.tracks[0][6] = 0x22,
            "not recorded in fixed packets",
        ),
        (|drive| drive.tracks[0][6] = 0xf2, "reserved and blank"),
        (|drive| drive.tracks[0][6] = 0x30, "data mode 0"),
        (|drive| drive.tracks[0][6] = 0x33, "data mode 3"),
    ] {
        let (errno, reason) = refused(with(change));
        assert_eq!(errno, Errno::ReadOnly);
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn rules_of_other_media() {
    // DVD-RW is told by its track and its format; its disc may say anything.
    let mut rw = drive(0x13, BLOCKS);
    rw.disc[2] = 0x08;
    assert!(rw.write().is_ok());
    rw.tracks[0][6] = 0x01;
    let (errno, reason) = refused(rw);
    assert_eq!(errno, Errno::ReadOnly);
    assert!(reason.contains("dvd+rw-format -force=full"), "{reason}");

    // The others need no packets, and no data mode.
    for profile in [0x12, 0x1a, 0x2a, 0x43, 0x52] {
        let mut drive = drive(profile, BLOCKS);
        drive.tracks[0][6] = 0x0f;
        assert!(drive.write().is_ok());
    }
    for profile in [0x12, 0x13, 0x1a, 0x2a, 0x43, 0x52] {
        let mut blank = drive(profile, BLOCKS);
        blank.disc[2] = 0x10;
        blank.formats = Some(capacities(1, BLOCKS, &[(0x26, BLOCKS)]));
        let (errno, reason) = refused(blank);
        assert_eq!(errno, Errno::ReadOnly);
        assert!(
            reason.contains("blank: format it with pktcdvd format DRIVE"),
            "{reason}"
        );
        assert_eq!(reason.contains("(or dvd+rw-format -force"), profile != 0x52);
    }
    // Nor need the disc say so: DVD-RAM and BD-RE may not.
    for profile in [0x12, 0x43, 0x52] {
        let mut blank = drive(profile, BLOCKS);
        blank.formats = Some(capacities(1, BLOCKS, &[]));
        assert!(refused(blank).1.contains("is blank"));
    }
    // What cannot even be read says why it cannot be written.
    let mut blank = drive(0x0a, BLOCKS).fail(CAPACITY, 3, 0x11, 0);
    blank.disc[2] = 0x10;
    blank.tracks[0][6] = 0x72;
    assert_eq!(blank.probe(Access::Read), Err(Refusal::Blank(Kind::CdRw)));
}

#[test]
fn g21_packet_sizes() {
    let packet = |blocks: u32| {
        let mut drive = drive(0x0a, BLOCKS);
        drive.tracks[0] = track([5, 0x32, 0], 0, blocks, BLOCKS, 0);
        drive.write()
    };

    for blocks in [1, 24, 32, 128] {
        assert_eq!(packet(blocks).unwrap().geometry.packet_frames(), blocks);
    }
    assert_eq!(packet(0), Err(Refusal::PacketEmpty));
    assert_eq!(packet(0).unwrap_err().errno(), Errno::NoPackets);
    // The last two wrap to sizes that look well when shifted in 32 bits.
    for blocks in [129, 256, 0x4000_0020, 0x8000_0020] {
        let refusal = packet(blocks).unwrap_err();
        assert_eq!(refusal, Refusal::PacketTooLarge(blocks));
        assert_eq!(refusal.errno(), Errno::ReadOnly);
    }
}

#[test]
fn a_packet_size_is_believed_only_of_a_track_of_fixed_packets() {
    // Drives leave rubbish there for media that have no packets.
    for profile in [0x12, 0x1a, 0x2a, 0x43, 0x52] {
        let usual = if matches!(profile, 0x43 | 0x52) {
            32
        } else {
            16
        };

        for flags in [0x01, 0x11, 0x21, 0x31] {
            for blocks in [0, 1, 7, 24, 64, 200, u32::MAX] {
                let mut drive = drive(profile, BLOCKS);
                drive.tracks[0] = track([7, flags, 0], 0, blocks, BLOCKS, 0);
                let fixed = flags == 0x31 && blocks == 64;
                let wanted = if fixed { 64 } else { usual };
                let frames = drive.write().unwrap().geometry.packet_frames();
                assert_eq!(frames, wanted, "{profile:#x} {flags:#x} {blocks}");
            }
        }
    }
    // A DVD-RW has to have packets, and has one size of them; a CD-RW may have any.
    let mut rw = drive(0x13, BLOCKS);
    for blocks in [0, 1, 17, 200] {
        rw.tracks[0] = track([4, 0x31, 0], 0, blocks, BLOCKS, 0);
        assert_eq!(rw.write().unwrap().geometry.packet_frames(), 16);
    }
}

#[test]
fn a_dvd_rw_of_which_the_drive_tells_no_track() {
    let mut drive = drive(0x13, BLOCKS).fail(TRACK, 5, 0x24, 0);
    let writing = drive.write().unwrap();

    assert_eq!(writing.track, None);
    assert_eq!(writing.geometry.capacity_sectors(), u64::from(BLOCKS) * 4);
    assert_eq!(drive.page(5)[2..5], [0x40, 0x24, 0x08]);
    assert_eq!(drive.page(5)[10..14], [0, 0, 0, 16]);
}

#[test]
fn a_dvd_rw_that_was_formatted_quickly_is_not_written() {
    let mut quick = drive(0x13, BLOCKS);
    quick.formats = Some(capacities(3, BLOCKS, &[(0x15, BLOCKS)]));
    for disc in [0x10, 0x1d, 0x1e] {
        quick.disc[2] = disc;
        let (errno, reason) = refused(quick.clone());
        assert_eq!(errno, Errno::ReadOnly);
        assert!(
            reason.contains("quick") && reason.contains("dvd+rw-format -force=full DRIVE"),
            "{reason}"
        );
    }
    // "Empty" and nothing to tell how large it is: of profile 0x13 all the same.
    for formats in [None, Some(capacities(1, BLOCKS, &[(0x15, BLOCKS)]))] {
        let mut empty = drive(0x13, BLOCKS).fail(CAPACITY, 5, 0x21, 0);
        empty.formats = formats;
        empty.disc[2] = 0x10;
        empty.tracks[0] = track([4, 0x71, 0], 0, 16, 0, 0);
        let refusal = empty.write().unwrap_err();
        assert_eq!(refusal, Refusal::Blank(Kind::DvdRw));
        assert_eq!(refusal.errno(), Errno::ReadOnly);
        assert!(refusal.to_string().contains("dvd+rw-format -force=full"));
    }
    // What is formatted is what can be written; the rest of the track is not there.
    let mut partly = drive(0x13, BLOCKS);
    partly.formats = Some(capacities(2, 1024, &[(0x10, BLOCKS), (0x13, BLOCKS)]));
    assert_eq!(partly.probe(Access::Write).unwrap().blocks, 1024);
    // A drive that does not know the question has formatted it.
    partly.formats = None;
    let medium = partly.probe(Access::Write).unwrap();
    assert_eq!(medium.blocks, u64::from(BLOCKS));
}

#[test]
fn a_medium_that_is_write_protected_is_not_written() {
    for (profile, name) in [
        (0x12, "DVD-RAM"),
        (0x1a, "DVD+RW"),
        (0x2a, "DVD+RW DL"),
        (0x43, "BD-RE"),
    ] {
        let protected = |ways: Option<u8>| {
            let mut drive = drive(profile, BLOCKS);
            drive.features = Vec::new();
            drive.others = random_writable(false);
            drive.protection = ways;
            drive
        };
        // The cartridge, or the disc itself; or the drive does not say how.
        for ways in [Some(0x04), Some(0x02), Some(0x01), None] {
            let (errno, reason) = refused(protected(ways));
            assert_eq!(errno, Errno::ReadOnly);
            let words = format!("the {name} is write protected");
            assert!(reason.contains(&words), "{reason}");
        }
        // A drive that denies it, or does not know the feature, is believed.
        assert!(protected(Some(0)).write().is_ok());
        let mut short = protected(None);
        short.others = Vec::new();
        assert!(short.write().is_ok());
        // It may say so in another place.
        short.mode_flags = 0x80;
        short.log.clear();
        let medium = short.probe(Access::Write).unwrap();
        let reason = medium.writing.unwrap_err().to_string();
        assert!(reason.contains("write protected"), "{reason}");
        assert!(!short.opcodes().contains(&drive::SPEED));
    }
    for profile in [0x0a, 0x13] {
        let mut drive = drive(profile, BLOCKS);
        drive.mode_flags = 0x80;
        assert!(matches!(drive.write(), Err(Refusal::Protected(_))));
        assert!(!drive.opcodes().contains(&drive::SELECT));
    }
}

#[test]
fn g21_a_track_that_does_not_start_at_a_multiple_of_its_packets() {
    let mut drive = drive(0x0a, BLOCKS);
    drive.tracks[0] = track([5, 0x32, 0], 16, 32, BLOCKS - 16, 0);
    let geometry = drive.write().unwrap().geometry;

    assert_eq!(geometry.start_sector(), 64);
    assert_eq!(
        geometry.capacity_sectors(),
        64 + u64::from((BLOCKS - 16) / 32) * 128
    );
    assert_eq!(geometry.zone_of(63), None);
    assert_eq!(geometry.zone_of(64 + 127).unwrap().sector(), 64);

    // A packet does not fit, or all of it lies behind the medium.
    for (start, size) in [(0, 31), (u32::MAX, u32::MAX)] {
        drive.tracks[0] = track([5, 0x32, 0], start, 32, size, 0);
        let small = Err(Refusal::Geometry(GeometryError::DeviceTooSmall));
        assert_eq!(drive.write(), small);
    }
}

#[test]
fn the_last_track_that_serves_is_written() {
    let audio = track([0, 0x01, 0], 0, 0, 1000, 0);
    let packets = track([5, 0x32, 0], 1024, 32, 2048, 0);
    let blank = track([5, 0x72, 0], 3072, 0, 1024, 0);
    let mut drive = drive(0x0a, BLOCKS);
    drive.disc[6] = 3;
    drive.tracks = vec![audio, packets, blank];
    drive.tracks[2][6] = 0xc2;

    let writing = drive.write().unwrap();
    assert_eq!(writing.track.map(|track| track.start), Some(1024));
    assert_eq!(writing.geometry.start_sector(), 4096);
    assert_eq!(writing.geometry.capacity_sectors(), 3072 * 4);

    // None does: what is said is about the first one.
    drive.tracks[1][6] = 0x02;
    assert_eq!(drive.write(), Err(Refusal::NotPackets(Kind::CdRw)));
    // Not even those numbers that a hostile drive tells are all tried.
    (drive.disc[6], drive.disc[11]) = (0xff, 0xff);
    drive.log.clear();
    assert!(drive.write().is_err());
    assert_eq!(
        drive
            .opcodes()
            .iter()
            .filter(|&&opcode| opcode == TRACK)
            .count(),
        99
    );
}

#[test]
fn g12_the_capacity_is_not_one_block_short() {
    // The C driver took the address of the last block for the number of blocks.
    for profile in [0x12, 0x1a, 0x13, 0x0a, 0x43] {
        let mut drive = drive(profile, BLOCKS);
        drive.tracks[0][7] = 2;
        drive.tracks[0][28..32].copy_from_slice(&(BLOCKS - 1).to_be_bytes());
        for access in [Access::Read, Access::Write] {
            let medium = drive.probe(access).unwrap();
            assert_eq!(medium.blocks, u64::from(BLOCKS), "{profile:#x}");
            assert_eq!(medium.sectors(), u64::from(BLOCKS) * 4);
        }
        // Nor does it depend on how far a medium was written.
        drive.tracks[0][28..32].copy_from_slice(&99u32.to_be_bytes());
        assert_eq!(drive.probe(Access::Read).unwrap().blocks, u64::from(BLOCKS));
    }
    let mut once = drive(0x1b, BLOCKS);
    once.tracks[0] = track([7, 0x01, 2], 0, 0, BLOCKS, 999);
    assert_eq!(once.probe(Access::Read).unwrap().blocks, 1000);
    // Where nothing tells the address, what is free counts, and seven blocks that link.
    once.tracks[0][7] = 0;
    assert_eq!(once.probe(Access::Read).unwrap().blocks, u64::from(BLOCKS));
    once.tracks[0][16..20].copy_from_slice(&1000u32.to_be_bytes());
    assert_eq!(
        once.probe(Access::Read).unwrap().blocks,
        u64::from(BLOCKS) - 1007
    );
}

#[test]
fn g12_the_lower_device_need_not_be_as_large_as_the_drive_says() {
    // Its driver may have looked at another time, or cut off what could not be read.
    for profile in [0x0a, 0x13, 0x1a] {
        for access in [Access::Read, Access::Write] {
            for lower in [3, 4000 * 4 + 3, 1 << 40] {
                let medium = drive(profile, BLOCKS)
                    .run(Probe::new(access, lower))
                    .unwrap();
                assert_eq!(medium.blocks, u64::from(BLOCKS));
                assert_eq!(medium.reach, u64::from(BLOCKS).max(lower / 4));
            }
        }
    }
    // But it is the bound if the drive says nothing.
    let silent = drive(0x0a, BLOCKS).fail(CAPACITY, 4, 0x44, 0);
    for access in [Access::Read, Access::Write] {
        let medium = silent.clone().run(Probe::new(access, 4000 * 4 + 3));
        assert_eq!(medium.unwrap().blocks, 4000);
        let nothing = silent.clone().run(Probe::new(access, 3));
        assert_eq!(nothing, Err(Refusal::NoCapacity));
    }
}

#[test]
fn the_capacity_is_checked_against_what_the_drive_says() {
    let blocks = |profile, size: u32, last: u32| {
        let mut drive = drive(profile, BLOCKS);
        drive.tracks[0][24..28].copy_from_slice(&size.to_be_bytes());
        drive.last_block = last;
        drive.probe(Access::Write).unwrap().blocks
    };

    // The smaller one counts.
    assert_eq!(blocks(0x1a, 4096, 3199), 3200);
    assert_eq!(blocks(0x1a, 3200, 4095), 3200);
    assert_eq!(blocks(0x0a, 3200, 4095), 3200);
    // A CD may have two blocks of run-out, which READ CAPACITY does not count.
    assert_eq!(blocks(0x0a, 4096, 4093), 4096);
    assert_eq!(blocks(0x0a, 4096, 3199), 3200);
    assert_eq!(blocks(0x1a, 4096, 4093), 4080);
    // Numbers that make no sense do not count.
    assert_eq!(blocks(0x0a, 4096, 0), 4096);
    assert_eq!(blocks(0x12, 4096, u32::MAX), 4096);
    assert_eq!(blocks(0x12, 0, 4095), 4096);
}

#[test]
fn media_of_which_nothing_is_known_but_the_size() {
    for profile in [0x12, 0x1a, 0x2a, 0x43, 0x52] {
        let mut drive = drive(profile, BLOCKS)
            .fail(DISC, 5, 0x20, 0)
            .fail(TRACK, 5, 0x20, 0);
        let writing = drive.write().unwrap();

        assert_eq!(writing.track, None);
        assert_eq!(writing.geometry.capacity_sectors(), u64::from(BLOCKS) * 4);
        assert_eq!((writing.block_mode(), writing.track_mode()), ("Unknown", 0));
        let none = drive.fail(CAPACITY, 3, 0x11, 0).probe(Access::Write);
        assert_eq!(none, Err(Refusal::NoCapacity));
    }
    for (opcode, name) in [(DISC, "DISC"), (TRACK, "TRACK")] {
        let (errno, reason) = refused(drive(0x0a, BLOCKS).fail(opcode, 5, 0x20, 0));
        assert_eq!(errno, Errno::ReadOnly);
        assert!(
            reason.contains(name) && reason.contains("not supported"),
            "{reason}"
        );
        let (errno, _) = refused(drive(0x0a, BLOCKS).fail(opcode, 4, 0x44, 0));
        assert_eq!(errno, Errno::Io);
        let (errno, _) = refused(drive(0x0a, BLOCKS).script(opcode, usize::MAX, Ok(vec![0; 8])));
        assert_eq!(errno, Errno::Io);
    }
}

#[test]
fn media_are_told_apart() {
    let identity = |change: fn(&mut Drive)| {
        let mut drive = drive(0x0a, BLOCKS);
        change(&mut drive);
        drive.probe(Access::Read).unwrap().identity
    };
    let same = identity(|_| ());
    let tells = |other| !same.allows(&other) && !other.allows(&same);

    // What writing changes does not count.
    assert_eq!(same, identity(|drive| drive.tracks[0][28] = 9));
    assert_eq!(same, identity(|drive| drive.tracks[0][7] = 3));
    assert_eq!(same, identity(|drive| drive.tracks[0][16] = 1));
    for change in [
        (|drive| drive.profile = Some(0x1a)) as fn(&mut Drive),
        |drive| drive.disc[7] |= 0x80,
        |drive| drive.last_block -= 1,
        |drive| drive.tracks[0][27] = 32,
        |drive| drive.tracks[0][11] = 32,
        |drive| drive.tracks[0][23] = 16,
        |drive| drive.tracks[0][2] = 2,
    ] {
        assert!(tells(identity(change)));
    }
    // Nor does it matter what the medium was looked at for.
    let mut drive = drive(0x0a, BLOCKS);
    assert_eq!(drive.probe(Access::Write).unwrap().identity, same);
}

#[test]
fn words_for_people() {
    let mut drive = drive(0x0a, BLOCKS);
    let writing = drive.write().unwrap();

    assert_eq!(
        (writing.packet_type(), writing.block_mode()),
        ("Fixed", "Mode 2")
    );
    assert_eq!((writing.track_mode(), writing.flags()), (5, 0x2));
    drive.tracks[0][7] = 2;
    drive.tracks[0][6] = 0x31;
    let writing = drive.write().unwrap();
    assert_eq!((writing.block_mode(), writing.flags()), ("Mode 1", 0xa));
    drive.tracks[0][7] = 3;
    assert_eq!(drive.write().unwrap().flags(), 0xe);
    assert_eq!(Kind::BdRe.to_string(), "BD-RE");
}

#[test]
fn a_cache_is_flushed_between_writing_and_reading_where_whole_packets_only_are_taken() {
    for (profile, kind, _) in WRITTEN {
        let strict = matches!(profile, 0x0a | 0x13 | 0xffff);

        assert_eq!(kind.flush_before_read(), strict);
        assert_eq!(kind.whole_packets_only(), strict);
        let parameters = silent(profile).write().unwrap().parameters();
        assert_eq!(parameters.is_some(), strict);
        assert_eq!(
            kind.default_packet_blocks().is_none(),
            strict && profile != 0x13
        );
    }
}

/// Checks that nothing of what is written lies outside of what the drive has.
fn check(writing: &Writing, drive: &Drive, lower: u64) {
    let end = writing.geometry.capacity_sectors();
    let track = writing.track.unwrap();

    assert!(end <= track.end() * 4, "behind the track");
    let told = (u64::from(drive.last_block) + 1) * 4;
    assert!(end <= lower.max(told), "behind the lower device");
    assert!(writing.geometry.start_sector() == u64::from(track.start) * 4);
    if writing.kind != Kind::CdRw && drive.last_block != 0 && drive.last_block != u32::MAX {
        assert!(
            end <= (u64::from(drive.last_block) + 1) * 4,
            "behind the medium"
        );
    }
}

proptest! {
    #[test]
    fn the_capacity_never_exceeds_the_medium(
        profile in prop::sample::select(vec![0x0au16, 0x12, 0x13, 0x1a, 0x2a, 0x43, 0x52]),
        start in prop_oneof![Just(0u32), 0..5000u32, any::<u32>()],
        size in prop_oneof![1..20_000u32, any::<u32>()],
        packet in 1..=128u32,
        last in prop_oneof![0..20_000u32, any::<u32>()],
        lower in prop_oneof![0..100_000u64, any::<u64>()],
        valid in 0..4u8,
        lra: u32,
    ) {
        prop_assume!(size > 0);
        let mut drive = drive(profile, BLOCKS);
        let flags = drive.tracks[0][6];
        drive.tracks[0] = track([5, flags, valid], start, packet, size, lra);
        drive.last_block = last;
        if let Ok(medium) = drive.run(Probe::new(Access::Write, lower)) {
            prop_assert!(medium.blocks <= medium.reach);
            if let Ok(writing) = medium.writing {
                check(&writing, &drive, lower);
                prop_assert_eq!(medium.sectors(), writing.geometry.capacity_sectors());
            }
        }
    }
}
