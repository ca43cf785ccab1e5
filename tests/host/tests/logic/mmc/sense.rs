// SPDX-License-Identifier: GPL-2.0

//! Sense data, and what follows from it.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::mmc::{
    reply::ReplyError,
    sense::{Failure, Fault, Flushed, Sense},
};

fn sense(key: u8, asc: u8, ascq: u8) -> Sense {
    Sense::new(0x70, key, asc, ascq).unwrap()
}

#[test]
fn fixed_format() {
    let mut bytes = [0; 18];

    bytes[..14].copy_from_slice(&[0xf0, 0, 0x43, 0, 0, 1, 2, 10, 0, 0, 0, 0, 0x11, 0x05]);
    let read = Sense::parse(&bytes).unwrap();
    assert_eq!((read.key, read.asc, read.ascq), (3, 0x11, 5));
    assert_eq!((read.information, read.deferred), (Some(0x102), false));
    assert_eq!(read.fault(), Fault::Medium);
    // Without the valid bit the field says nothing.
    bytes[0] = 0x70;
    assert_eq!(Sense::parse(&bytes).unwrap().information, None);
}

#[test]
fn progress_of_formatting() {
    let fixed = [
        0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 4, 4, 0, 0x80, 0x40, 0x00,
    ];
    let descriptors = [
        0x72, 2, 4, 4, 0, 0, 0, 20, 0, 10, 0x80, 0, 0, 0, 0, 1, 2, 3, 4, 5, 2, 6, 0, 0, 0x80, 0x40,
        0, 0,
    ];

    for bytes in [&fixed[..], &descriptors[..]] {
        let read = Sense::parse(bytes).unwrap();
        assert_eq!(read.fault(), Fault::Formatting);
        assert_eq!(read.progress, Some(0x4000));
    }
    let information = Sense::parse(&descriptors).unwrap().information;
    assert_eq!(information, Some(0x1_0203_0405));
}

#[test]
fn deferred_errors_are_about_earlier_commands() {
    for (response, deferred) in [(0x70, false), (0x71, true), (0xf1, true), (0x73, true)] {
        let fixed = [response, 3, 3, 0x0c, 0, 0, 0, 6, 0, 0, 0, 0, 0x0c, 0];
        assert_eq!(Sense::parse(&fixed).unwrap().deferred, deferred);
    }
    let text = Sense::new(0x71, 3, 0x0c, 0).unwrap().to_string();
    assert_eq!(text, "medium error (3/0c/00) of an earlier command");
}

#[test]
fn g9_what_is_no_sense_data_is_not_taken_for_some() {
    // The C driver printed memory that nobody had written.
    for bytes in [&[0; 18][..], &[0x7f; 18], &[0x6f, 0, 3, 0, 0, 0, 0, 10]] {
        assert_eq!(Sense::parse(bytes), Err(ReplyError::Other));
    }
    for (bytes, needed) in [(&[][..], 1), (&[0x70, 0], 3), (&[0x72, 3, 0x11], 4)] {
        let got = bytes.len();
        assert_eq!(Sense::parse(bytes), Err(ReplyError::Short { needed, got }));
    }
    assert_eq!(Sense::new(0, 3, 0x0c, 0), None);
    // Codes behind the end that the drive tells do not count.
    let short = [0x70, 0, 3, 0, 0, 0, 0, 0, 9, 9, 9, 9, 0x0c, 9];
    assert_eq!(Sense::parse(&short).unwrap(), sense(3, 0, 0));
}

#[test]
fn g9_sense_decides_what_a_failure_means() {
    for (key, asc, ascq, fault) in [
        (0, 0, 0, Fault::None),
        (1, 0x17, 1, Fault::None),
        (2, 0x3a, 1, Fault::NoMedium),
        (2, 0x3a, 2, Fault::NoMedium),
        (2, 0x04, 1, Fault::Busy),
        (2, 0x04, 7, Fault::Busy),
        (2, 0x04, 8, Fault::Busy),
        (2, 0x04, 4, Fault::Formatting),
        (2, 0x04, 2, Fault::NotReady),
        (2, 0x30, 0, Fault::NotReady),
        (3, 0x0c, 0, Fault::Medium),
        (3, 0x11, 5, Fault::Medium),
        (8, 0x00, 0, Fault::Medium),
        (4, 0x44, 0, Fault::Hardware),
        (5, 0x20, 0, Fault::Unsupported),
        (5, 0x24, 0, Fault::Unsupported),
        (5, 0x26, 0, Fault::Unsupported),
        (5, 0x2c, 3, Fault::Sequence),
        (5, 0x64, 0, Fault::WrongMode),
        (5, 0x64, 1, Fault::WrongMode),
        (5, 0x21, 0, Fault::Refused),
        (5, 0x21, 2, Fault::Refused),
        (5, 0x53, 2, Fault::Refused),
        (6, 0x28, 0, Fault::MediumChanged),
        (6, 0x29, 0, Fault::Reset),
        (6, 0x2a, 1, Fault::Reset),
        (6, 0x5a, 1, Fault::Attention),
        (7, 0x27, 0, Fault::WriteProtected),
        (11, 0, 0, Fault::Aborted),
        (14, 0, 0, Fault::Hardware),
    ] {
        assert_eq!(sense(key, asc, ascq).fault(), fault, "{key:x}/{asc:02x}");
    }
    assert_eq!(Failure::Transport.fault(), Fault::Hardware);
}

#[test]
fn what_follows_from_a_fault() {
    assert!(Fault::Reset.lost_parameters() && !Fault::Reset.lost_medium());
    assert!(Fault::WrongMode.lost_parameters());
    assert!(Fault::MediumChanged.lost_parameters() && Fault::MediumChanged.lost_medium());
    assert!(Fault::NoMedium.lost_medium());
    for fault in [Fault::Medium, Fault::Hardware, Fault::Busy, Fault::Aborted] {
        assert!(!fault.lost_parameters() && !fault.lost_medium());
    }
}

#[test]
fn tries_are_bounded() {
    let delays = |fault: Fault| -> Vec<u32> {
        (0..1000)
            .map_while(|count| fault.retry_after_ms(count))
            .collect()
    };

    assert_eq!(
        delays(Fault::Busy)[..7],
        [100, 200, 400, 800, 1600, 2000, 2000]
    );
    let all: u32 = delays(Fault::Busy).iter().sum();
    assert!((20_000..60_000).contains(&all));
    assert_eq!(delays(Fault::Reset), [0; 3]);
    assert_eq!(delays(Fault::Aborted), [0; 3]);
    for fault in [
        Fault::None,
        Fault::NoMedium,
        Fault::Formatting,
        Fault::Medium,
        Fault::Hardware,
        Fault::Refused,
        Fault::Unsupported,
        Fault::WriteProtected,
    ] {
        assert_eq!(delays(fault), [], "{fault:?}");
    }
}

#[test]
fn a_flush_is_believed_only_if_nothing_was_lost() {
    let judge = |response, key, asc, ascq, retries| {
        let sense = Sense::new(response, key, asc, ascq).unwrap();
        Flushed::judge(Err(Failure::Sense(sense)), retries)
    };

    assert_eq!(Flushed::judge(Ok(0), 0), Flushed::Done);
    assert_eq!(judge(0x70, 1, 0x17, 1, 0), Flushed::Done);
    assert_eq!(judge(0x70, 5, 0x20, 0, 0), Flushed::Done);
    for ascq in [1, 7, 8] {
        assert_eq!(judge(0x70, 2, 4, ascq, 0), Flushed::Again(100));
        assert_eq!(judge(0x70, 2, 4, ascq, 9), Flushed::Again(2000));
        assert_eq!(judge(0x70, 2, 4, ascq, 1000), Flushed::Failed);
    }
    for (key, asc) in [
        (2, 0x3a),
        (3, 0x0c),
        (4, 0x44),
        (5, 0x24),
        (6, 0x28),
        (6, 0x29),
        (11, 0),
    ] {
        assert_eq!(judge(0x70, key, asc, 0, 0), Flushed::Failed, "{key:x}");
        assert_eq!(judge(0x71, key, asc, 0, 0), Flushed::Failed, "{key:x}");
    }
    assert_eq!(judge(0x71, 1, 0x17, 1, 0), Flushed::Failed);
    assert_eq!(judge(0x71, 2, 4, 8, 0), Flushed::Failed);
    assert_eq!(Flushed::judge(Err(Failure::Transport), 0), Flushed::Failed);
}

proptest! {
    #[test]
    fn any_bytes_are_read_within_their_bounds(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(read) = Sense::parse(&bytes) {
            prop_assert!(read.key < 16);
            prop_assert!((0x70..=0x73).contains(&(bytes[0] & 0x7f)));
            prop_assert!(!read.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_built_is_read(key in 0..16u8, asc: u8, ascq: u8, info: u32, deferred: bool) {
        let number = info.to_be_bytes();
        let fixed = [
            0xf0 | u8::from(deferred), 0, key, number[0], number[1], number[2], number[3], 6,
            0, 0, 0, 0, asc, ascq,
        ];
        let descriptors = [
            0x72 | u8::from(deferred), key, asc, ascq, 0, 0, 0, 12,
            0, 10, 0x80, 0, 0, 0, 0, 0, number[0], number[1], number[2], number[3],
        ];
        let mut expected = Sense::new(0x70 | u8::from(deferred), key, asc, ascq).unwrap();
        expected.information = Some(info.into());

        prop_assert_eq!(Sense::parse(&fixed), Ok(expected));
        prop_assert_eq!(Sense::parse(&descriptors), Ok(expected));
    }
}
