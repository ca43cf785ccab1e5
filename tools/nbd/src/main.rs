// SPDX-License-Identifier: GPL-2.0

//! The command `rblk-nbd`.

use clap::FromArgMatches;
use rblk_common::json;
use rblk_nbd::cli::{self, Cli, Command};
use rblk_nbd::{disconnect, keeper, status, swapon, Error, Result};
use serde::Serialize;
use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

/// What is printed as JSON when there is nothing else.
#[derive(Serialize)]
struct Failed {
    error: Failure,
}

#[derive(Serialize)]
struct Failure {
    status: u8,
    message: String,
}

fn main() -> ExitCode {
    let cli = match Cli::from_arg_matches(&cli::command().get_matches()) {
        Ok(cli) => cli,
        Err(err) => err.exit(),
    };
    let as_json = matches!(&cli.command, Command::Status(options) if options.json);
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            if as_json {
                let error = Failure {
                    status: err.exit_status(),
                    message: err.to_string(),
                };
                let _ = print(&json::line(&Failed { error }));
            }
            eprintln!("rblk-nbd: {err}");
            ExitCode::from(err.exit_status())
        }
    }
}

fn run(command: Command) -> Result {
    match command {
        Command::Connect(options) => keeper::run(&cli::with_config(options, env::args_os())?),
        Command::Disconnect(options) => disconnect::run(&options),
        Command::Swapon(options) => swapon::run(&options),
        Command::Status(options) => {
            let report = status::read(&options.devices)?;
            print(&match options.json {
                true => json::document(&report),
                false => status::text(&report),
            })
        }
    }
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
