// SPDX-License-Identifier: GPL-2.0

//! The command line. The manual and the shells' completions are made from this, too.

use crate::error::EXIT_STATUSES;
use crate::format::spare::Spare;
use crate::setting::{self, Setting};
use crate::units::parse_size;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// The unit of packet sizes and offsets, in bytes.
const FRAME: u64 = 2048;
/// The largest packet, in bytes.
const MAX_PACKET: u64 = 256 << 10;

/// Make packet devices of block devices, show what they do, and prepare discs for them.
///
/// A packet device accepts any write of whole 2 KiB blocks. It writes the device below it only in
/// whole packets. Rewritable discs require this; flash and RAID benefit from it.
///
/// The first five commands have short forms: -a, -r, -l, -s and -w.
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
    /// Prints the node of the packet device. If packets cannot be written on the disc that is in
    /// an optical drive, or if there is none, a warning says so and what to do; the drive is mapped
    /// all the same, for the disc counts that is in it when the packet device is opened. If anything
    /// fails, all is left as it was.
    #[command(short_flag = 'a', long_flag = "add")]
    Add(Add),
    /// Unmap devices.
    ///
    /// Names in /dev/pktcdvd that users have given go, too. If one of several devices cannot be
    /// unmapped, the others are all the same; the exit status is that of the first error.
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
    /// Format the disc in a drive, so that packets can be written on it.
    ///
    /// The right kind of format is chosen by itself: a CD-RW is blanked if need be and formatted with
    /// fixed packets, a DVD-RW for restricted overwrite as a whole, which takes as long as writing
    /// it. A DVD+RW can be used after a minute: the drive goes on formatting meanwhile. A disc that
    /// holds a file system or other data is left alone without --force. The drive must not be in use.
    /// Nothing of it is found afterwards, but the drive need not have erased all of the disc.
    ///
    /// If this command is ended, the drive brings to an end what it has begun.
    Format(Format),
    /// Show what is in a drive, and what can be done with it.
    Info(Info),
    /// Make a UDF file system that suits the disc, with mkudffs.
    ///
    /// Chooses the media type, the size of blocks and the length of packets; what is given behind --
    /// goes before that. A disc that holds a file system or other data is left alone without --force;
    /// with it, what tells others of an old file system is written over, too. A drive that was not mapped stays mapped until
    /// the disc is unmounted or taken out by this command.
    Mkfs(Mkfs),
    /// Mount a disc.
    ///
    /// Maps the drive if need be. UDF and other file systems are told apart.
    Mount(Mount),
    /// Unmount a disc, and unmap its drive if `mount` or `mkfs` has mapped it.
    ///
    /// What cannot be written is an error, unlike with umount(8): it is told once, and the disc stays
    /// mounted if that is seen before.
    Umount(Umount),
    /// Take a disc out, with all that was written on it.
    ///
    /// Has all written that is still in memory, unmounts all file systems on it, has the drive write
    /// what it has to, unmaps it, and opens the tray. If one of that fails, the disc stays in the drive;
    /// what could not be written is told once.
    Eject(Eject),
    /// Change settings of a packet device.
    ///
    /// These are packet_wait_us, packet_buffers, linger_ms, congestion_on and congestion_off; reset=1
    /// sets the counters to zero.
    Set(Set),
}

/// What to map.
#[derive(Debug, Clone, Args)]
#[command(allow_missing_positional = true)]
pub struct Add {
    /// Name to give: /dev/pktcdvd/NAME becomes a link to the node of the packet device.
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
    /// Bytes in front of the first packet, in steps of 2K; this area is read-only [default: 0].
    #[arg(short, long, value_name = "SIZE", value_parser = frames)]
    pub offset: Option<u64>,
    /// Do not map a drive if packets cannot be written on the disc in it, or if it is empty.
    #[arg(short, long, conflicts_with = "force")]
    pub check: bool,
    /// Do not look at the disc at all.
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
    /// How long to wait for programs that have a device open, in seconds, up to 3600.
    #[arg(short, long, value_name = "SECONDS", default_value = "5", value_parser = wait)]
    pub wait: Duration,
    /// Print what was unmapped as JSON.
    #[arg(short, long)]
    pub json: bool,
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
    /// Devices to show [default: all]. Takes the same forms as remove.
    #[arg(value_name = "NAME|M:m", value_hint = ValueHint::Other)]
    pub targets: Vec<String>,
    /// Print JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to watch.
#[derive(Debug, Args)]
pub struct Watch {
    /// Devices to show [default: all]. Takes the same forms as remove.
    #[arg(value_name = "NAME|M:m", value_hint = ValueHint::Other)]
    pub targets: Vec<String>,
    /// Seconds between looks, 0.1 to 60.
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub interval: Duration,
    /// Print one frame as text, after one interval, and end.
    #[arg(short, long)]
    pub once: bool,
    /// Print what `status --json` does, as one line for each interval.
    #[arg(short, long)]
    pub json: bool,
}

/// What to format.
#[derive(Debug, Clone, Args)]
pub struct Format {
    /// The drive: its path or number, or its packet device.
    #[arg(value_name = "DRIVE", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// Take the time that it takes: blank all of a CD-RW, certify a DVD-RAM or BD-RE, wait until a
    /// DVD+RW is formatted to its end.
    #[arg(long, conflicts_with = "quick")]
    pub full: bool,
    /// Do as little as the drive offers. A DVD-RW cannot be written in packets then.
    #[arg(long)]
    pub quick: bool,
    /// Format a disc that holds something: that is lost.
    #[arg(long)]
    pub force: bool,
    /// Go on with a format of a DVD+RW that was stopped; what is on the disc is kept.
    #[arg(long, conflicts_with_all = ["force", "quick", "mrw"])]
    pub resume: bool,
    /// Use the Mount Rainier format, if the drive can (CD-RW and DVD+RW).
    #[arg(long)]
    pub mrw: bool,
    /// Spare areas by which the drive replaces bad blocks (BD-RE and DVD-RAM): their size, none, or
    /// default.
    #[arg(long, value_name = "SIZE|none|default", value_parser = Spare::parse)]
    pub spare: Option<Spare>,
    /// Print how far it is as JSON, an object in a line.
    #[arg(short, long)]
    pub json: bool,
}

/// What to show.
#[derive(Debug, Clone, Args)]
pub struct Info {
    /// The drive: its path or number, or its packet device.
    #[arg(value_name = "DRIVE", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// Print JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// Where to make a file system.
#[derive(Debug, Clone, Args)]
pub struct Mkfs {
    /// The packet device, named as for remove; or a drive, which is mapped if need be.
    #[arg(value_name = "DRIVE|NAME", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// Make it on a disc that holds something: that is lost.
    #[arg(long)]
    pub force: bool,
    /// Options for mkudffs.
    #[arg(last = true, value_name = "OPTIONS")]
    pub arguments: Vec<String>,
}

/// What to mount.
#[derive(Debug, Clone, Args)]
pub struct Mount {
    /// The packet device, named as for remove; or a drive, which is mapped if need be.
    #[arg(value_name = "DRIVE|NAME", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// Where.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: PathBuf,
    /// Options for mount.
    #[arg(short, long, value_name = "OPTIONS")]
    pub options: Vec<String>,
    /// The type of the file system [default: what the disc has].
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
}

/// What to unmount.
#[derive(Debug, Clone, Args)]
pub struct Umount {
    /// Where it is mounted, or a drive or packet device.
    #[arg(value_name = "DIR|DRIVE|NAME", value_hint = ValueHint::AnyPath)]
    pub target: String,
}

/// What to take out.
#[derive(Debug, Clone, Args)]
pub struct Eject {
    /// The drive, or its packet device.
    #[arg(value_name = "DRIVE|NAME", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// Leave the drive mapped.
    #[arg(short, long)]
    pub keep: bool,
}

/// What to set.
#[derive(Debug, Clone, Args)]
pub struct Set {
    /// The packet device, named as for remove.
    #[arg(value_name = "NAME|M:m", value_hint = ValueHint::Other)]
    pub target: String,
    /// Which settings.
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = setting::parse)]
    pub settings: Vec<Setting>,
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

fn wait(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "want a number of seconds")?;
    if !(0.0..=3600.0).contains(&seconds) {
        return Err("want 0 to 3600 seconds".into());
    }
    Ok(Duration::from_secs_f64(seconds))
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
    ("pktcdvd watch", "see packets and throughput as they change"),
    ("pktcdvd -r disc", "unmap it"),
    (
        "pktcdvd format /dev/sr0",
        "prepare a new disc, whatever kind it is",
    ),
    (
        "pktcdvd mkfs /dev/sr0 -- --label=backup",
        "make a file system on it",
    ),
    ("pktcdvd mount /dev/sr0 /mnt", "mount it"),
    ("pktcdvd eject /dev/sr0", "unmount it, and take it out"),
];

/// The command line with what the help tells besides.
pub fn command() -> clap::Command {
    let mut text = String::from("Exit status:\n  0  success\n");
    for (status, meaning) in EXIT_STATUSES {
        text += &format!("  {status}  {meaning}\n");
    }
    text += "\nExamples:\n";
    for (example, meaning) in EXAMPLES {
        text += &format!("  {example:41}{meaning}\n");
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
    fn options_of_others() {
        let Command::Mkfs(mkfs) = parse("pktcdvd mkfs disc -- -l x --media-type=hd")
            .unwrap()
            .command
        else {
            panic!();
        };
        assert_eq!(mkfs.arguments, ["-l", "x", "--media-type=hd"]);
        let line = "pktcdvd mount /dev/sr0 /mnt -o ro -o noatime,uid=5";
        let Command::Mount(mount) = parse(line).unwrap().command else {
            panic!();
        };
        assert_eq!(mount.options, ["ro", "noatime,uid=5"]);
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
            "pktcdvd add -c -f /dev/sr0",
            "pktcdvd -r disc -w -1",
            "pktcdvd format",
            "pktcdvd format /dev/sr0 --full --quick",
            "pktcdvd format /dev/sr0 --resume --force",
            "pktcdvd format /dev/sr0 --spare x",
            "pktcdvd mkfs /dev/sr0 --label=x",
            "pktcdvd mount /dev/sr0",
            "pktcdvd set disc",
            "pktcdvd set disc speed=3",
            "pktcdvd set disc packet_buffers=1",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
