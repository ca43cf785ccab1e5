// SPDX-License-Identifier: GPL-2.0

//! The command line. The manual and the shells' completions are made from this, too.

use crate::error::EXIT_STATUSES;
use crate::units::parse_size;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use std::time::Duration;

/// The unit of packet sizes and offsets, in bytes.
const FRAME: u64 = 2048;
/// The largest packet, in bytes.
const MAX_PACKET: u64 = 256 << 10;

/// Map block devices to packet devices, and show what these do.
///
/// A packet device takes any write of whole 2 KiB blocks, and has the device below it written in
/// whole packets: what discs of optical drives need, and flash and RAID profit from.
///
/// Each command has a short form: -a, -r, -l, -s and -w.
#[derive(Debug, Parser)]
#[command(
    name = "pktcdvd",
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
    /// Map a device.
    ///
    /// Prints the node of the packet device. The disc in an optical drive is looked at first.
    /// If anything fails, all is left as it was.
    #[command(short_flag = 'a', long_flag = "add")]
    Add(Add),
    /// Unmap devices.
    ///
    /// Nodes in /dev/pktcdvd that were given a name go, too.
    #[command(short_flag = 'r', long_flag = "remove")]
    Remove(Remove),
    /// List what is mapped.
    #[command(short_flag = 'l', long_flag = "list")]
    List(List),
    /// Show settings, queues and counters.
    ///
    /// The states of the packets are in debugfs, which is for root alone; for others that line
    /// is left out, and null in JSON.
    #[command(short_flag = 's', long_flag = "status")]
    Status(Status),
    /// Show what devices do, while they do it.
    ///
    /// Keys: q or Esc ends, arrows or j and k scroll, p or the space bar pauses. Without a
    /// terminal one frame is printed as text.
    #[command(short_flag = 'w', long_flag = "watch")]
    Watch(Watch),
}

/// What to map.
#[derive(Debug, Clone, Args)]
#[command(allow_missing_positional = true)]
pub struct Add {
    /// Name of a node to make: /dev/pktcdvd/NAME.
    #[arg(value_hint = ValueHint::Other)]
    pub name: Option<String>,
    /// The device: a path, or its number, MAJOR:MINOR.
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub device: String,
    /// Bytes in a packet, up to 256K in steps of 2K [default: what the disc has, else 64K].
    #[arg(short, long, value_name = "SIZE", value_parser = packet_size)]
    pub packet_size: Option<u64>,
    /// Number of packet buffers, 2 to 64 [default: what the driver is set to].
    #[arg(short = 'b', long, value_name = "NUMBER",
        value_parser = clap::value_parser!(u64).range(2..=64))]
    pub packet_buffers: Option<u64>,
    /// Bytes in front of the first packet, in steps of 2K; they can be read only [default: 0].
    #[arg(short, long, value_name = "SIZE", value_parser = frames)]
    pub offset: Option<u64>,
    /// Do not look at the disc first.
    #[arg(short, long)]
    pub force: bool,
    /// Print what was made as JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to unmap.
#[derive(Debug, Args)]
pub struct Remove {
    /// The name, node or number of a packet device, or the path or number of the device below it.
    #[arg(required = true, value_name = "NAME|M:m", value_hint = ValueHint::Other)]
    pub targets: Vec<String>,
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
    /// Of which devices; all by default. Named as for remove.
    #[arg(value_name = "NAME|M:m", value_hint = ValueHint::Other)]
    pub targets: Vec<String>,
    /// Print JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to watch.
#[derive(Debug, Args)]
pub struct Watch {
    /// Which devices; all by default. Named as for remove.
    #[arg(value_name = "NAME|M:m", value_hint = ValueHint::Other)]
    pub targets: Vec<String>,
    /// Seconds between looks, 0.1 to 60.
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub interval: Duration,
    /// Print one frame as text, after one interval, and end.
    #[arg(short, long)]
    pub once: bool,
}

fn frames(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)?;
    if bytes % FRAME != 0 {
        return Err("want a multiple of 2K".into());
    }
    Ok(bytes)
}

fn packet_size(text: &str) -> Result<u64, String> {
    let bytes = frames(text)?;
    if bytes == 0 || bytes > MAX_PACKET {
        return Err("want 2K to 256K".into());
    }
    Ok(bytes)
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "want a number of seconds")?;
    if !(0.1..=60.0).contains(&seconds) {
        return Err("want 0.1 to 60 seconds".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Commands as they may be given, and what they do.
pub const EXAMPLES: &[(&str, &str)] = &[
    (
        "pktcdvd -a disc /dev/sr0",
        "map the drive, as /dev/pktcdvd/disc",
    ),
    ("pktcdvd -s --json disc", "its counters, for programs"),
    ("pktcdvd watch", "look on"),
    ("pktcdvd -r disc", "unmap it"),
];

/// The command line with what the help tells besides.
pub fn command() -> clap::Command {
    let mut text = String::from("Exit status:\n  0  success\n");
    for (status, meaning) in EXIT_STATUSES {
        text += &format!("  {status}  {meaning}\n");
    }
    text += "\nExamples:\n";
    for (example, meaning) in EXAMPLES {
        text += &format!("  {example:26}{meaning}\n");
    }
    Cli::command().after_long_help(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn definitions() {
        command().debug_assert();
    }

    #[test]
    fn both_forms() {
        for line in ["pktcdvd -a disc /dev/sr0", "pktcdvd add disc /dev/sr0"] {
            let Command::Add(add) = parse(line).unwrap().command else {
                panic!("{line}");
            };
            assert_eq!(
                (add.name.as_deref(), &*add.device),
                (Some("disc"), "/dev/sr0")
            );
        }
        let Command::Add(add) = parse("pktcdvd --add 8:16 -p 128K").unwrap().command else {
            panic!();
        };
        assert_eq!(
            (add.name, &*add.device, add.packet_size),
            (None, "8:16", Some(131072))
        );
        let Command::Status(status) = parse("pktcdvd -s --json").unwrap().command else {
            panic!();
        };
        assert!(status.json && status.targets.is_empty());
        assert!(matches!(
            parse("pktcdvd -l").unwrap().command,
            Command::List(_)
        ));
        assert!(matches!(
            parse("pktcdvd -r 252:0 disc").unwrap().command,
            Command::Remove(_)
        ));
    }

    #[test]
    fn what_cannot_be_meant() {
        for line in [
            "pktcdvd",
            "pktcdvd -x",
            "pktcdvd -a",
            "pktcdvd -r",
            "pktcdvd -a x y z",
            "pktcdvd -l -a y",
            "pktcdvd add x -p 3K",
            "pktcdvd add x -p 0",
            "pktcdvd add x -p 512K",
            "pktcdvd add x -b 1",
            "pktcdvd add x -b 65",
            "pktcdvd add x -o 1",
            "pktcdvd watch -i 0",
            "pktcdvd watch -i nan",
            "pktcdvd watch -i inf",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
