// SPDX-License-Identifier: GPL-2.0

//! The manual of a command and completions for shells, from the definitions of its command line.

use clap_complete::Shell;
use clap_mangen::roff::{bold, roman, Roff};
use clap_mangen::Man;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

/// The section of the manual: commands for administrators.
const SECTION: &str = "8";

/// A command, and what clap does not know of it.
pub struct Manual {
    /// Its name.
    pub name: &'static str,
    /// Its command line.
    pub command: clap::Command,
    /// What each exit status but 0 stands for.
    pub exit_statuses: &'static [(u8, &'static str)],
    /// Commands as they may be given, and what they do.
    pub examples: &'static [(&'static str, &'static str)],
    /// Other pages of the same section.
    pub see_also: &'static [&'static str],
}

impl Manual {
    /// What a program is that makes `man8/` and `completions/` in the directory that is its argument.
    pub fn main(self) -> ExitCode {
        let program = format!("{}-generate", self.name);
        let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
            eprintln!("{program}: want a directory");
            return ExitCode::from(2);
        };
        match self.generate(&directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(err) => {
                eprintln!("{program}: {}: {err}", directory.display());
                ExitCode::FAILURE
            }
        }
    }

    fn generate(mut self, directory: &Path) -> io::Result<()> {
        let man = directory.join("man8");
        let completions = directory.join("completions");
        fs::create_dir_all(&man)?;
        fs::create_dir_all(&completions)?;

        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            clap_complete::generate_to(shell, &mut self.command, self.name, &completions)?;
        }
        self.command.build();
        self.page(&man, &self.command, &self.more())?;
        for sub in self.command.get_subcommands() {
            self.page(&man, sub, &Roff::new())?;
        }
        Ok(())
    }

    /// Writes the page of a command.
    fn page(&self, directory: &Path, command: &clap::Command, more: &Roff) -> io::Result<()> {
        let name = command.get_display_name().unwrap_or(command.get_name());
        let man = Man::new(command.clone()).section(SECTION).manual(self.name);
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
    fn more(&self) -> Roff {
        let mut roff = Roff::new();
        roff.control("SH", ["EXIT STATUS"]);
        for (status, meaning) in [(0, "success")].iter().chain(self.exit_statuses) {
            roff.control("TP", []);
            roff.text([bold(status.to_string())]);
            roff.text([roman(*meaning)]);
        }
        roff.control("SH", ["EXAMPLES"]);
        for (example, meaning) in self.examples {
            roff.control("TP", []);
            roff.text([bold(*example)]);
            roff.text([roman(*meaning)]);
        }
        roff.control("SH", ["SEE ALSO"]);
        let mut pages = Vec::new();
        for page in self.see_also {
            let comma = if pages.is_empty() { "" } else { ", " };
            pages.extend([roman(comma), bold(*page), roman(format!("({SECTION})"))]);
        }
        roff.text(pages);
        roff
    }
}
