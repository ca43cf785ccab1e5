// SPDX-License-Identifier: GPL-2.0

//! Packet devices on optical drives, under many schedules.

use rblk_sim::{
    play::{
        play,
        Amount, //
    },
    scenarios::Scenario, //
};

#[test]
fn discs_have_what_was_flushed() {
    if let Err(failure) = play(Scenario::Optical, 1, Amount::Runs(3000)) {
        panic!("seed {}: {}", failure.seed, failure.text);
    }
}
