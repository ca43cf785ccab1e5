// SPDX-License-Identifier: GPL-2.0

//! Plays scenarios: `rblk-sim [SCENARIO] [--seed N] [--runs N | --seconds N]`.

use rblk_sim::{
    play::{
        play,
        Amount, //
    },
    scenarios::Scenario, //
};
use std::{
    env,
    process::ExitCode,
    time::{
        Duration,
        Instant, //
    },
};

fn main() -> ExitCode {
    let mut names = Vec::new();
    let (mut seed, mut amount) = (1, Amount::Time(Duration::from_secs(60)));
    let mut arguments = env::args().skip(1);

    while let Some(argument) = arguments.next() {
        let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
        match argument.as_str() {
            "--seed" => seed = number(arguments.next()).unwrap_or(seed),
            "--runs" => amount = Amount::Runs(number(arguments.next()).unwrap_or(1)),
            "--seconds" => {
                amount = Amount::Time(Duration::from_secs(number(arguments.next()).unwrap_or(60)))
            }
            name => names.push(name.to_owned()),
        }
    }
    let mut good = true;
    for (name, scenario) in Scenario::ALL {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            good &= report(name, scenario, seed, amount);
        }
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn report(name: &str, scenario: Scenario, seed: u64, amount: Amount) -> bool {
    let begin = Instant::now();
    match play(scenario, seed, amount) {
        Ok(stats) => {
            let seconds = begin.elapsed().as_secs_f64();
            println!(
                "{name}: {} schedules, {} points, {seconds:.1} s",
                stats.runs, stats.points
            );
            for (what, count) in stats.counts {
                println!("{name}: {count} {what}");
            }
            true
        }
        Err(failure) => {
            println!("{name}: seed {}: {}", failure.seed, failure.text);
            println!(
                "To repeat it: rblk-sim {name} --seed {} --runs 1",
                failure.seed
            );
            false
        }
    }
}
