// SPDX-License-Identifier: GPL-2.0

//! The command `pktcdvd`.

use clap::FromArgMatches;
use pktcdvd::cli::{self, Cli, Command};
use pktcdvd::list::Entry;
use pktcdvd::output::{self, Devices, Failed, Failure};
use pktcdvd::paths::Paths;
use pktcdvd::{
    add, eject, format, inspect, list, mkfs, mount, remove, set, status, watch, Error, Result,
};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::from_arg_matches(&cli::command().get_matches()) {
        Ok(cli) => cli,
        Err(err) => err.exit(),
    };
    let as_json = prints_json(&cli.command);
    // Of one that prints events, that is one, too.
    let event = matches!(cli.command, Command::Format(_)).then_some("error");
    match run(&Paths::below(root()), cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            // What was said already has its place in the JSON, too.
            if as_json && !matches!(err, Error::Some { .. }) {
                let error = Failure::from(&err);
                let _ = print(&output::line(&Failed { event, error }));
            }
            eprintln!("pktcdvd: {err}");
            ExitCode::from(err.exit_status())
        }
    }
}

/// The directory that stands for `/`, which tests choose.
fn root() -> std::path::PathBuf {
    #[cfg(feature = "test-root")]
    if let Some(root) = std::env::var_os("PKTCDVD_ROOT") {
        return root.into();
    }
    "/".into()
}

fn prints_json(command: &Command) -> bool {
    match command {
        Command::Add(options) => options.json,
        Command::Remove(options) => options.json,
        Command::List(options) => options.json,
        Command::Status(options) => options.json,
        Command::Watch(options) => options.json,
        Command::Format(options) => options.json,
        Command::Info(options) => options.json,
        Command::Mkfs(_)
        | Command::Mount(_)
        | Command::Umount(_)
        | Command::Eject(_)
        | Command::Set(_) => false,
    }
}

fn run(paths: &Paths, command: Command) -> Result {
    match command {
        Command::Add(options) => add(paths, &options),
        Command::Remove(options) => remove(paths, &options),
        Command::List(options) => {
            let entries = list::entries(paths)?;
            print(&shown(options.json, entries, list::text))
        }
        Command::Status(options) => {
            let statuses = status::read(paths, &options.targets)?;
            print(&shown(options.json, statuses, status::text))
        }
        Command::Watch(options) if options.json => watch::lines(paths, &options, |devices| {
            write(&output::line(&several(devices)))
        }),
        Command::Watch(options) if options.once || !io::stdout().is_terminal() => {
            print(&watch::once(paths, &options)?)
        }
        Command::Watch(options) => watch::live(paths, &options),
        Command::Format(options) => format::command::run(paths, &options),
        Command::Info(options) => {
            let report = inspect::inspect(paths, &options)?;
            print(&match options.json {
                true => output::document(&report),
                false => inspect::text(&report),
            })
        }
        Command::Mkfs(options) => mkfs::mkfs(paths, &options),
        Command::Mount(options) => mount::mount(paths, &options),
        Command::Umount(options) => mount::umount(paths, &options),
        Command::Eject(options) => eject::eject(paths, &options),
        Command::Set(options) => set::set(paths, &options),
    }
}

/// What `add --json` prints.
#[derive(Serialize)]
struct Added {
    #[serde(flatten)]
    devices: Devices<Entry>,
    /// Why packets cannot be written on the disc in the drive.
    warning: Option<String>,
}

fn add(paths: &Paths, options: &cli::Add) -> Result {
    let added = add::add(paths, options)?;
    if options.json {
        return print(&output::document(&Added {
            devices: several(vec![Entry::new(paths, &added.mapping)]),
            warning: added.warning,
        }));
    }
    if let Some(warning) = added.warning {
        eprintln!("pktcdvd: warning: {warning}");
    }
    print(&format!("{}\n", added.node.display()))
}

/// Unmaps one after the other, whatever becomes of each.
fn remove(paths: &Paths, options: &cli::Remove) -> Result {
    let (mut removed, mut errors) = (Vec::new(), Vec::new());
    for target in &options.targets {
        match remove::remove(paths, target, options.wait) {
            Ok(mapping) => removed.push(Entry::new(paths, &mapping)),
            Err(error) => errors.push(error),
        }
    }
    if options.json {
        print(&output::document(&Devices {
            devices: removed,
            errors: errors.iter().map(Failure::from).collect(),
        }))?;
    }
    let (failed, of) = (errors.len(), options.targets.len());
    let Some(status) = errors.first().map(Error::exit_status) else {
        return Ok(());
    };
    if of == 1 && !options.json {
        return errors.pop().map_or(Ok(()), Err);
    }
    for error in &errors {
        eprintln!("pktcdvd: {error}");
    }
    Err(Error::Some { failed, of, status })
}

fn several<T>(devices: Vec<T>) -> Devices<T> {
    Devices {
        devices,
        errors: Vec::new(),
    }
}

fn shown<T: Serialize>(as_json: bool, devices: Vec<T>, text: fn(&[T]) -> String) -> String {
    if as_json {
        output::document(&several(devices))
    } else {
        text(&devices)
    }
}

/// Prints all of it, unless the reader has had enough.
fn print(text: &str) -> Result {
    write(text).map(drop)
}

/// Prints; returns whether the reader is still there.
fn write(text: &str) -> Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(err) => Err(Error::system("standard output", err)),
    }
}
