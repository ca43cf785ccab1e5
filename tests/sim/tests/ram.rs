// SPDX-License-Identifier: GPL-2.0

//! RAM disks, under many schedules.

use rblk_sim::{
    play::{
        play,
        Amount, //
    },
    scenarios::Scenario, //
};

#[test]
fn disks_keep_their_data_and_end() {
    if let Err(failure) = play(Scenario::Ram, 1, Amount::Runs(24000)) {
        panic!("seed {}: {}", failure.seed, failure.text);
    }
}
