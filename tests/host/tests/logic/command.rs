// SPDX-License-Identifier: GPL-2.0

//! The control structure, as C lays it out.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::command::{Command, Operation, COMMAND_SIZE};

/// The structure of the C header.
#[repr(C)]
struct PktCtrlCommand {
    command: u32,
    dev_index: u32,
    dev: u32,
    pkt_dev: u32,
    num_devices: u32,
    padding: u32,
}

#[test]
fn the_size_is_that_of_the_header() {
    // It is part of the number of the ioctl.
    assert_eq!(COMMAND_SIZE, size_of::<PktCtrlCommand>());
    assert_eq!(COMMAND_SIZE, 24);
}

#[test]
fn operations() {
    for (command, operation) in [
        (0, Some(Operation::Setup)),
        (1, Some(Operation::Teardown)),
        (2, Some(Operation::Status)),
        (3, None),
        (u32::MAX, None),
    ] {
        let command = Command {
            command,
            ..Command::default()
        };
        assert_eq!(command.operation(), operation);
    }
}

proptest! {
    #[test]
    fn each_number_is_in_its_place(words: [u32; 6]) {
        let mut bytes = [0; COMMAND_SIZE];
        for (place, word) in bytes.chunks_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        let [command, dev_index, dev, pkt_dev, num_devices, padding] = words;
        let expected = Command { command, dev_index, dev, pkt_dev, num_devices, padding };

        prop_assert_eq!(Command::decode(&bytes), expected);
        prop_assert_eq!(expected.encode(), bytes);
    }
}
