// SPDX-License-Identifier: GPL-2.0

//! Writes the manual and completions for shells, from the definitions of the command line:
//! `pktcdvd-generate DIRECTORY` makes `man8/` and `completions/` there.

use clap_complete::Shell;
use clap_mangen::roff::{bold, roman, Roff};
use clap_mangen::Man;
use pktcdvd::cli::{self, EXAMPLES};
use pktcdvd::error::EXIT_STATUSES;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

/// The section of the manual: commands for administrators.
const SECTION: &str = "8";

fn main() -> ExitCode {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("pktcdvd-generate: want a directory");
        return ExitCode::from(2);
    };
    match generate(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("pktcdvd-generate: {}: {err}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn generate(directory: &Path) -> io::Result<()> {
    let man = directory.join("man8");
    let completions = directory.join("completions");
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;

    let mut command = cli::command();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut command, "pktcdvd", &completions)?;
    }
    command.build();
    page(&man, &command, &more())?;
    for sub in command.get_subcommands() {
        page(&man, sub, &Roff::new())?;
    }
    Ok(())
}

/// Writes the page of a command.
fn page(directory: &Path, command: &clap::Command, more: &Roff) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let man = Man::new(command.clone()).section(SECTION).manual("pktcdvd");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    more.to_writer(&mut text)?;
    fs::write(directory.join(format!("{name}.{SECTION}")), text)
}

/// Sections that clap does not know.
fn more() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in [(0, "success")].iter().chain(EXIT_STATUSES) {
        roff.control("TP", []);
        roff.text([bold(status.to_string())]);
        roff.text([roman(*meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (example, meaning) in EXAMPLES {
        roff.control("TP", []);
        roff.text([bold(*example)]);
        roff.text([roman(*meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([
        bold("pktsetup"),
        roman("(8), "),
        bold("mkudffs"),
        roman("(8)"),
    ]);
    roff
}
