// SPDX-License-Identifier: GPL-2.0

//! The command `pktcdvd`.

use clap::FromArgMatches;
use pktcdvd::cli::{self, Cli, Command};
use pktcdvd::list::Entry;
use pktcdvd::paths::Paths;
use pktcdvd::{add, list, remove, status, watch, Error, Result};
use serde::Serialize;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::from_arg_matches(&cli::command().get_matches()) {
        Ok(cli) => cli,
        Err(err) => err.exit(),
    };
    // For tests: a directory that stands for /.
    let root = env::var_os("PKTCDVD_ROOT").unwrap_or_else(|| "/".into());
    match run(&Paths::below(root), cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("pktcdvd: {err}");
            ExitCode::from(err.exit_status())
        }
    }
}

fn run(paths: &Paths, command: Command) -> Result {
    match command {
        Command::Add(options) => {
            let added = add::add(paths, &options)?;
            if options.json {
                return print(&json(&Entry::new(paths, &added.mapping)));
            }
            print(&format!("{}\n", added.node.display()))
        }
        Command::Remove(options) => options
            .targets
            .iter()
            .try_for_each(|target| remove::remove(paths, target).map(drop)),
        Command::List(options) => {
            let entries = list::entries(paths)?;
            print(&shown(options.json, entries, list::text))
        }
        Command::Status(options) => {
            let statuses = status::read(paths, &options.targets)?;
            print(&shown(options.json, statuses, status::text))
        }
        Command::Watch(options) if options.once || !io::stdout().is_terminal() => {
            print(&watch::once(paths, &options)?)
        }
        Command::Watch(options) => watch::live(paths, &options),
    }
}

/// What `--json` prints of several devices.
#[derive(Serialize)]
struct Devices<T> {
    devices: Vec<T>,
}

fn shown<T: Serialize>(as_json: bool, devices: Vec<T>, text: fn(&[T]) -> String) -> String {
    if as_json {
        json(&Devices { devices })
    } else {
        text(&devices)
    }
}

fn json(value: &impl Serialize) -> String {
    // What is printed has strings for keys, which is all that could fail.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Prints all of it, unless the reader has had enough.
fn print(text: &str) -> Result {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::system("standard output", err))
        }
        _ => Ok(()),
    }
}
