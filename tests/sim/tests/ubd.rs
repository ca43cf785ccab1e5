// SPDX-License-Identifier: GPL-2.0

//! Copy-on-write disks, under many schedules.

use rblk_sim::{
    play::{
        play,
        Amount, //
    },
    scenarios::Scenario, //
};

#[test]
fn no_sector_is_lost_nor_made_up() {
    if let Err(failure) = play(Scenario::Ubd, 1, Amount::Runs(2000)) {
        panic!("seed {}: {}", failure.seed, failure.text);
    }
}
