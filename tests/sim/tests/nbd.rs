// SPDX-License-Identifier: GPL-2.0

//! Network block devices, under many schedules.

use rblk_sim::{
    play::{
        play,
        Amount, //
    },
    scenarios::Scenario, //
};

#[test]
fn blocks_are_where_the_server_has_them() {
    if let Err(failure) = play(Scenario::Nbd, 1, Amount::Runs(6000)) {
        panic!("seed {}: {}", failure.seed, failure.text);
    }
}
