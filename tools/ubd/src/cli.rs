// SPDX-License-Identifier: GPL-2.0

//! The command line. The manual and the shells' completions are made from this, too.

use crate::error::EXIT_STATUSES;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// Make, show and merge copy-on-write images of User-Mode Linux, and add disks of them.
///
/// An image has the sectors that differ from those of its backing file, a regular file or a block device
/// that is never written. An image can be a block device, too.
#[derive(Debug, Parser)]
#[command(
    name = "ubd",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a disk of an image; prints its node.
    ///
    /// The image and the backing file are locked until the disk is removed: User-Mode Linux and this
    /// command refuse an image that a disk has, and the other way round.
    Add(Add),
    /// Remove a disk.
    ///
    /// What is in its bitmap is written to the image first.
    Remove(Remove),
    /// List disks.
    List(List),
    /// Show how disks are.
    Status(Status),
    /// Make an empty image over a backing file, as uml_mkcow(1) does.
    ///
    /// The image appears when it is whole. It has the absolute path, the size and the time of the last
    /// change of the backing file, which must not be changed any more.
    Create(Create),
    /// Show what is in an image of any version.
    ///
    /// The exit status is 0 also if it cannot be used; see `check`.
    Info(Info),
    /// Merge an image and its backing file into a new file, or into the backing file, as uml_moo(1) does.
    ///
    /// A new file appears when it is whole, and has holes where there are zeros. In the backing file all is
    /// durable when this command ends. If it does not come to its end there, give it again with --force: the image
    /// still has all. Afterwards the backing file is another one than that which the image was made over, so
    /// the image is refused; remove it.
    Merge(Merge),
    /// Check whether an image can be used, and whether all is there that it says.
    Check(Check),
}

/// What to add.
#[derive(Debug, Args)]
pub struct Add {
    /// The image: a file or a block device.
    #[arg(value_hint = ValueHint::FilePath)]
    pub cow: PathBuf,
    /// The backing file [default: the one that the image has].
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub backing: Option<PathBuf>,
    /// Name of the disk [default: the first of ubda, ubdb, and so on, that is free].
    #[arg(short, long)]
    pub name: Option<String>,
    /// The disk cannot be written, nor is the image.
    #[arg(short, long)]
    pub read_only: bool,
    /// Use a backing file that was changed at another time than the image has.
    #[arg(short, long)]
    pub force: bool,
    /// Make the image, which must not be there, over the backing file that is given.
    #[arg(short, long, requires = "backing", conflicts_with = "read_only")]
    pub create: bool,
    /// The disk does not take requests to discard sectors.
    #[arg(long)]
    pub no_discard: bool,
    /// Print what was added as JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to remove.
#[derive(Debug, Args)]
pub struct Remove {
    /// The disk: its name, node or number, or the path of its image.
    #[arg(value_name = "DISK", value_hint = ValueHint::Other)]
    pub target: String,
    /// Remove it also if it is in use, or if its image cannot be written any more. What is not on stable
    /// storage is lost.
    #[arg(short, long)]
    pub force: bool,
    /// How long to wait for programs that have it open, in seconds, up to 3600.
    #[arg(short, long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub wait: Duration,
}

/// How to list.
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to show.
#[derive(Debug, Args)]
pub struct Status {
    /// Disks [default: all]. Takes the same forms as remove.
    #[arg(value_name = "DISK", value_hint = ValueHint::Other)]
    pub targets: Vec<String>,
    /// Print JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to make.
#[derive(Debug, Args)]
pub struct Create {
    /// The image: a file that is not there, or with --force a file or a block device.
    #[arg(value_hint = ValueHint::FilePath)]
    pub cow: PathBuf,
    /// The backing file: a file or a block device.
    #[arg(value_hint = ValueHint::FilePath)]
    pub backing: PathBuf,
    /// Replace a file, or overwrite a block device. What was in it is lost.
    #[arg(short, long)]
    pub force: bool,
}

/// What to look at.
#[derive(Debug, Args)]
pub struct Info {
    /// The image.
    #[arg(value_hint = ValueHint::FilePath)]
    pub image: PathBuf,
    /// The backing file [default: the one that the image has].
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub backing: Option<PathBuf>,
    /// Print JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to merge.
#[derive(Debug, Args)]
pub struct Merge {
    /// The image.
    #[arg(value_hint = ValueHint::FilePath)]
    pub cow: PathBuf,
    /// The new file.
    #[arg(value_hint = ValueHint::FilePath, required_unless_present = "into_backing")]
    pub new: Option<PathBuf>,
    /// Write the backing file, instead of a new one.
    #[arg(short = 'd', long, conflicts_with = "new")]
    pub into_backing: bool,
    /// The backing file [default: the one that the image has].
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub backing: Option<PathBuf>,
    /// Use a backing file that was changed at another time than the image has.
    #[arg(short, long)]
    pub force: bool,
    /// Replace the new file if there is one.
    #[arg(long, requires = "new")]
    pub force_new: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub struct Check {
    /// The image.
    #[arg(value_hint = ValueHint::FilePath)]
    pub image: PathBuf,
    /// The backing file [default: the one that the image has].
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub backing: Option<PathBuf>,
    /// Take a backing file that was changed at another time than the image has.
    #[arg(short, long)]
    pub force: bool,
    /// Do not look at the backing file.
    #[arg(short, long, conflicts_with_all = ["backing", "force"])]
    pub alone: bool,
}

/// Commands as they may be given, and what they do.
pub const EXAMPLES: &[(&str, &str)] = &[
    (
        "ubd create guest.cow /images/root",
        "makes an image over a file that many guests share.",
    ),
    (
        "ubd add guest.cow",
        "adds a disk of it, and prints its node.",
    ),
    (
        "ubd add --create --backing /images/root guest.cow",
        "does both at once.",
    ),
    (
        "ubd merge guest.cow root.new",
        "makes a file of what the disk has.",
    ),
];

/// The command line, as clap has it.
pub fn command() -> clap::Command {
    let statuses: Vec<_> = EXIT_STATUSES
        .iter()
        .map(|(status, meaning)| format!("  {status}  {meaning}"))
        .collect();
    Cli::command().after_help(format!("Exit status, if not 0:\n{}", statuses.join("\n")))
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "want a number of seconds")?;
    if !(0.0..=3600.0).contains(&seconds) {
        return Err("want 0 to 3600 seconds".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_consistent() {
        command().debug_assert();
    }
}
