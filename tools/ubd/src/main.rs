// SPDX-License-Identifier: GPL-2.0

//! The command `ubd`.

use clap::FromArgMatches;
use rblk_common::json;
use rblk_ubd::cli::{self, Cli, Command};
use rblk_ubd::status::Disks;
use rblk_ubd::{add, check, create, info, merge, remove, status, Error, Result};
use serde::Serialize;
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
    let as_json = prints_json(&cli.command);
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
            eprintln!("ubd: {err}");
            ExitCode::from(err.exit_status())
        }
    }
}

fn prints_json(command: &Command) -> bool {
    match command {
        Command::Add(options) => options.json,
        Command::List(options) => options.json,
        Command::Status(options) => options.json,
        Command::Info(options) => options.json,
        Command::Remove(_) | Command::Create(_) | Command::Merge(_) | Command::Check(_) => false,
    }
}

fn run(command: Command) -> Result {
    match command {
        Command::Add(options) => {
            let disk = add::add(&options)?;
            let node = format!("/dev/{}\n", disk.name);
            print(&shown(options.json, &disk, |_| node))
        }
        Command::Remove(options) => remove::remove(&options),
        Command::List(options) => {
            let disks = status::list()?;
            let list = |disks: &Disks<_>| status::list_text(&disks.disks);
            print(&shown(options.json, &Disks { disks }, list))
        }
        Command::Status(options) => {
            let disks = status::read(&options.targets)?;
            let text = |disks: &Disks<_>| status::text(&disks.disks);
            print(&shown(options.json, &Disks { disks }, text))
        }
        Command::Create(options) => create::create(&options),
        Command::Info(options) => {
            let report = info::look(&options)?;
            print(&shown(options.json, &report, info::text))
        }
        Command::Merge(options) => merge::merge(&options),
        Command::Check(options) => {
            for warning in check::check(&options)? {
                eprintln!("ubd: warning: {}: {warning}", options.image.display());
            }
            Ok(())
        }
    }
}

fn shown<T: Serialize>(as_json: bool, value: &T, text: impl FnOnce(&T) -> String) -> String {
    match as_json {
        true => json::document(value),
        false => text(value),
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
