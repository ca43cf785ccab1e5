// SPDX-License-Identifier: GPL-2.0

//! Packet devices, under many schedules.

use rblk_sim::{
    play::{
        play,
        Amount, //
    },
    scenarios::Scenario, //
};

#[test]
fn flushed_data_survives_and_packets_are_whole() {
    if let Err(failure) = play(Scenario::Packet, 1, Amount::Runs(6000)) {
        panic!("seed {}: {}", failure.seed, failure.text);
    }
}
