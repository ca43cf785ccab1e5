// SPDX-License-Identifier: GPL-2.0

//! The bytes of each command.

use rblk_host_tests::pktcdvd::logic::mmc::{
    cdb::{self, Close, Command, Features, Patience, Transfer},
    finish,
};

fn hex(command: &Command) -> String {
    let bytes = command.bytes().iter().map(|byte| format!("{byte:02x}"));

    bytes.collect::<Vec<_>>().join(" ")
}

#[test]
fn commands_have_the_bytes_of_the_standard() {
    for (command, bytes, transfer) in [
        (cdb::test_unit_ready(), "00 00 00 00 00 00", Transfer::None),
        (cdb::request_sense(), "03 00 00 00 12 00", Transfer::In(18)),
        (cdb::eject(), "1b 00 00 00 02 00", Transfer::None),
        (
            cdb::prevent_removal(true),
            "1e 00 00 00 01 00",
            Transfer::None,
        ),
        (
            cdb::prevent_removal(false),
            "1e 00 00 00 00 00",
            Transfer::None,
        ),
        (cdb::format_unit(12), "04 11 00 00 00 00", Transfer::Out(12)),
        (
            cdb::read_format_capacities(252),
            "23 00 00 00 00 00 00 00 fc 00",
            Transfer::In(252),
        ),
        (
            cdb::close(Close::Format),
            "5b 01 00 00 00 00 00 00 00 00",
            Transfer::None,
        ),
        (
            cdb::close(Close::Session),
            "5b 01 02 00 00 00 00 00 00 00",
            Transfer::None,
        ),
        (
            cdb::read_write_protection(false),
            "ad 00 00 00 00 00 00 c0 00 08 00 00",
            Transfer::In(8),
        ),
        (
            cdb::read_write_protection(true),
            "ad 01 00 00 00 00 00 c0 00 08 00 00",
            Transfer::In(8),
        ),
        (
            cdb::read_capacity(),
            "25 00 00 00 00 00 00 00 00 00",
            Transfer::In(8),
        ),
        (
            cdb::synchronize_cache(),
            "35 00 00 00 00 00 00 00 00 00",
            Transfer::None,
        ),
        (
            cdb::read_atip(28),
            "43 02 04 00 00 00 00 00 1c 00",
            Transfer::In(28),
        ),
        (
            cdb::get_configuration(Features::All, 0, 8),
            "46 00 00 00 00 00 00 00 08 00",
            Transfer::In(8),
        ),
        (
            cdb::get_configuration(Features::One, 0x0128, 0x0210),
            "46 02 01 28 00 00 00 02 10 00",
            Transfer::In(0x210),
        ),
        (
            cdb::get_media_event(),
            "4a 01 00 00 10 00 00 00 08 00",
            Transfer::In(8),
        ),
        (
            cdb::read_disc_information(34),
            "51 00 00 00 00 00 00 00 22 00",
            Transfer::In(34),
        ),
        (
            cdb::read_track_information(0x0102, 36),
            "52 01 00 00 01 02 00 00 24 00",
            Transfer::In(36),
        ),
        (
            cdb::mode_select(0x013c),
            "55 10 00 00 00 00 00 01 3c 00",
            Transfer::Out(316),
        ),
        (
            cdb::mode_sense(0x2a, 274),
            "5a 00 2a 00 00 00 00 01 12 00",
            Transfer::In(274),
        ),
        (
            cdb::get_write_speeds(16),
            "ac 00 00 00 00 00 00 00 00 10 03 00",
            Transfer::In(264),
        ),
        (
            cdb::set_cd_speed(0xffff, 706),
            "bb 00 ff ff 02 c2 00 00 00 00 00 00",
            Transfer::None,
        ),
    ] {
        assert_eq!(hex(&command), bytes);
        assert_eq!(command.transfer(), transfer);
        assert_eq!(command.cdb()[..command.bytes().len()], *command.bytes());
        assert!(command.cdb()[command.bytes().len()..]
            .iter()
            .all(|&byte| byte == 0));
        assert_ne!(command.name(), "a command");
    }
}

#[test]
fn a_flush_may_take_longer_than_an_answer() {
    assert_eq!(cdb::synchronize_cache().patience(), Patience::Flush);
    assert_eq!(cdb::test_unit_ready().patience(), Patience::Answer);
    assert!(Patience::Flush.seconds() > Patience::Answer.seconds());
}

#[test]
fn a_drive_that_closes_before_it_answers_has_as_long_as_one_that_answers_first() {
    for what in [Close::Format, Close::Session] {
        let patience = cdb::close(what).patience();
        assert_eq!(patience.seconds() * 1000, finish::LIMIT_MS);
    }
}
