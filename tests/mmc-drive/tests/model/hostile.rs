// SPDX-License-Identifier: GPL-2.0-or-later
//! Whatever comes: an answer.

use crate::bench::Bench;
use rblk_mmc_drive::drive::Answer;
use rblk_mmc_drive::random::Random;

/// Codes with something behind them, more often than others.
const KNOWN: &[u8] = &[
    0x00, 0x03, 0x04, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x23, 0x25, 0x28, 0x2a, 0x2b, 0x2e, 0x2f, 0x35,
    0x43, 0x46, 0x4a, 0x51, 0x52, 0x53, 0x54, 0x55, 0x5a, 0x5b, 0x5c, 0xa0, 0xa1, 0xa8, 0xaa, 0xac,
    0xad, 0xb6, 0xbb,
];

fn command(random: &mut Random) -> Vec<u8> {
    let mut cdb = vec![0; 16];
    for byte in &mut cdb[1..] {
        *byte = match random.below(4) {
            0 => random.below(256) as u8,
            1 => random.below(4) as u8,
            _ => 0,
        };
    }
    cdb[0] = match random.below(8) {
        0 => random.below(256) as u8,
        _ => KNOWN[random.below(KNOWN.len() as u64) as usize],
    };
    cdb
}

#[test]
fn any_command_with_any_data_is_answered() {
    let specs = [
        "cdrw,blocks=1024",
        "cdrw,blank",
        "dvd-rw,blocks=1024,start=16",
        "dvd+rw,blocks=1024,time=1",
        "dvdram,blocks=1024,descriptor",
        "bd-re,blocks=1024,cache=0",
        "none",
    ];
    for (seed, spec) in specs.iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let mut bench = Bench::new(spec);
        for n in 0..4000 {
            let cdb = command(&mut random);
            let mut out = vec![n as u8; random.below(40 * 2048) as usize];
            for byte in out.iter_mut().take(64) {
                *byte = random.below(256) as u8 & random.below(256) as u8;
            }
            let outcome = bench.run(&cdb, &out);
            assert!(!matches!(outcome.answer, Answer::Never), "{cdb:02x?}");
            if n % 100 == 0 {
                bench.line("load");
            }
        }
        assert_eq!(bench.count("commands"), 4001);
    }
}
