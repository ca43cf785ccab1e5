// SPDX-License-Identifier: GPL-2.0

//! The command line. The manual and the shells' completions are made from this, too.

use crate::config;
use crate::device::Device;
use crate::error::EXIT_STATUSES;
use crate::negotiate::MAX_NAME;
use crate::server::Server;
use crate::{Error, Result};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most connections of a device.
/// Most connections of a device.
pub const MAX_CONNECTIONS: u8 = 64;
/// The longest time that the driver knows, in seconds: seven weeks.
pub const FOREVER: u32 = u32::MAX / 1000;
/// How long requests wait for a connection if nobody has said, in seconds.
const DEAD_TIMEOUT: u32 = 300;

/// Connect network block devices of rblk's driver, and replace their connections when they are lost.
#[derive(Debug, Parser)]
#[command(
    name = "rblk-nbd",
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
    /// Connect a device, and stay to replace its connections when they are lost.
    ///
    /// While all connections are lost, requests wait. A new connection is tried for after pauses
    /// that grow from 0.2 to 10 seconds, for as long as it takes. An export is not used if it has
    /// another size than before, or if it cannot be written, flushed or trimmed any more while it
    /// could before.
    ///
    /// SIGTERM and SIGINT end this command. The device stays connected, unless --disconnect is
    /// given. While the device is swap space, it is kept until `swapoff`, and the command ends then.
    /// If the same command is given again, it goes on with the device as it is, with new
    /// connections.
    ///
    /// The unit for systemd disconnects the device when it is stopped, before SIGTERM comes: it runs
    /// `disconnect --swapoff --wait 120`.
    ///
    /// The process locks its memory, cannot be chosen when memory is out, and has a real-time
    /// priority. Names of servers are looked up at the start only.
    Connect(Connect),
    /// Disconnect a device that is not in use.
    ///
    /// The server is told, and `connect` ends. A device that is not connected is no error.
    Disconnect(Disconnect),
    /// Show devices, their connections, and what keeps them.
    ///
    /// Connections are in the file `links` of the device, see its ABI; with a driver that has none
    /// there are none in the table, and null in JSON.
    Status(Status),
    /// Use a device as swap space if it has a swap area: what the unit for systemd does at its start.
    Swapon(Swapon),
}

/// What to connect.
#[derive(Debug, Clone, Args)]
#[command(args_override_self = true)]
pub struct Connect {
    /// The device: nbd0, nbd1, and so on, or its node.
    #[arg(value_hint = ValueHint::FilePath)]
    pub device: Device,
    /// Servers of the same data: HOST, HOST:PORT, [IPV6]:PORT or unix:PATH. The port is 10809 if none is given.
    #[arg(value_name = "SERVER", value_hint = ValueHint::Hostname)]
    pub servers: Vec<Server>,
    /// Take options from a file: lines of KEY = VALUE or KEY, as `server = HOST` or `swap`; others
    /// begin with #. Options of the command line go before those of the file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The name of the export.
    #[arg(short = 'N', long, value_name = "NAME", default_value = "", value_parser = export)]
    pub export: String,
    /// Connections, 1 to 64, which go to the servers in turn [default: one to each server]. More than
    /// one need an export that allows it.
    #[arg(short = 'C', long, value_name = "NUMBER",
        value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_CONNECTIONS)))]
    pub connections: Option<u8>,
    /// Connect for swap space: requests of one page, blocks of 4 KiB, and requests that wait for a
    /// connection for ever.
    #[arg(long)]
    pub swap: bool,
    /// Most bytes of a request, a multiple of 4K up to 32M [default: what the device has].
    #[arg(long, value_name = "SIZE", conflicts_with = "swap", value_parser = request)]
    pub max_request: Option<u32>,
    /// Bytes of a block, 512 to 4096 [default: the smallest that the server allows].
    #[arg(short, long, value_name = "BYTES", value_parser = block)]
    pub block_size: Option<u32>,
    /// Give a connection up on which nothing has moved for so many seconds; 0 waits for the server.
    #[arg(short, long, value_name = "SECONDS", default_value = "0",
        value_parser = clap::value_parser!(u32).range(0..=i64::from(FOREVER)))]
    pub timeout: u32,
    /// Seconds for which requests wait while all connections are lost; then they fail [default: 300,
    /// with --swap forever].
    #[arg(long, value_name = "SECONDS|forever", value_parser = dead_timeout)]
    pub dead_timeout: Option<u32>,
    /// Disconnect the device on SIGTERM and SIGINT, unless it is in use.
    #[arg(long)]
    pub disconnect: bool,
}

impl Connect {
    /// How long requests wait.
    pub fn dead_timeout(&self) -> u32 {
        let default = if self.swap { FOREVER } else { DEAD_TIMEOUT };
        self.dead_timeout.unwrap_or(default)
    }

    /// How many connections there are to be.
    pub fn connections(&self) -> usize {
        self.connections.map_or(self.servers.len(), usize::from)
    }

    /// What the driver is asked for; zero is a page.
    pub fn max_request(&self) -> Option<u32> {
        if self.swap {
            Some(0)
        } else {
            self.max_request
        }
    }

    fn check(&self) -> Result {
        if self.servers.is_empty() {
            return Err(Error::Usage("no server is given".into()));
        }
        if self.connections() > usize::from(MAX_CONNECTIONS) {
            return Err(Error::Usage(format!("more than {MAX_CONNECTIONS} servers")));
        }
        if self.connections() < self.servers.len() {
            return Err(Error::Usage("fewer connections than servers".into()));
        }
        if self.swap && self.dead_timeout() == 0 {
            return Err(Error::Usage(
                "swap space has to wait for a connection: --dead-timeout cannot be 0".into(),
            ));
        }
        Ok(())
    }
}

/// What to disconnect.
#[derive(Debug, Args)]
pub struct Disconnect {
    /// The device.
    #[arg(value_hint = ValueHint::FilePath)]
    pub device: Device,
    /// If it is swap space, take it out of use first, with swapoff(8).
    #[arg(long)]
    pub swapoff: bool,
    /// Seconds for which to try while it is in use, or while memory does not suffice without it.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub wait: Duration,
}

/// What to show.
#[derive(Debug, Args)]
pub struct Status {
    /// Which devices; by default those that are connected or kept.
    pub devices: Vec<Device>,
    /// Print JSON.
    #[arg(short, long)]
    pub json: bool,
}

/// What to swap to.
#[derive(Debug, Args)]
pub struct Swapon {
    /// The device.
    #[arg(value_hint = ValueHint::FilePath)]
    pub device: Device,
    /// Do nothing unless this file, which is one for `connect`, has `swap`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

fn export(text: &str) -> std::result::Result<String, String> {
    match text.len() <= MAX_NAME {
        true => Ok(text.to_owned()),
        false => Err(format!("want at most {MAX_NAME} bytes")),
    }
}

fn request(text: &str) -> std::result::Result<u32, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        _ => (text, 0),
    };
    let number: u32 = match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok(),
        false => None,
    }
    .ok_or("want bytes, or K or M behind the number")?;
    match number.checked_mul(1 << shift) {
        Some(bytes) if bytes != 0 && bytes <= 32 << 20 && bytes % 4096 == 0 => Ok(bytes),
        _ => Err("want a multiple of 4K, up to 32M".into()),
    }
}

fn block(text: &str) -> std::result::Result<u32, String> {
    match text.parse() {
        Ok(bytes @ (512 | 1024 | 2048 | 4096)) => Ok(bytes),
        _ => Err("want 512, 1024, 2048 or 4096".into()),
    }
}

fn dead_timeout(text: &str) -> std::result::Result<u32, String> {
    match (text, text.parse()) {
        ("forever", _) => Ok(FOREVER),
        (_, Ok(seconds @ 0..=FOREVER)) => Ok(seconds),
        _ => Err("want a number of seconds, or forever".into()),
    }
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 0..=86400) => Ok(Duration::from_secs(seconds)),
        _ => Err("want 0 to 86400 seconds".into()),
    }
}

/// Commands as they may be given, and what they do.
pub const EXAMPLES: &[(&str, &str)] = &[
    (
        "rblk-nbd connect nbd0 192.0.2.1",
        "connect the default export, and stay",
    ),
    (
        "rblk-nbd connect --swap nbd0 192.0.2.1",
        "the same, for swap space",
    ),
    (
        "rblk-nbd connect -N disk nbd1 [2001:db8::1]:10810",
        "an export by name, over IPv6",
    ),
    ("rblk-nbd status", "what is connected"),
    ("rblk-nbd disconnect nbd0", "disconnect it"),
    (
        "systemctl enable --now rblk-nbd@nbd0",
        "as /etc/rblk-nbd.d/nbd0.conf says, at each boot",
    ),
];

/// The command line with what the help tells besides.
pub fn command() -> clap::Command {
    let mut text = String::from("Exit status:\n  0  success\n");
    for (status, meaning) in EXIT_STATUSES {
        text += &format!("  {status}  {meaning}\n");
    }
    text += "\nExamples:\n";
    for (example, meaning) in EXAMPLES {
        text += &format!("  {example:51}{meaning}\n");
    }
    Cli::command().after_long_help(text)
}

/// What the file says.
pub fn read_config(path: &Path) -> Result<config::Config> {
    let text =
        fs::read_to_string(path).map_err(|err| Error::system(path.display().to_string(), err))?;
    config::parse(&text)
        .map_err(|(line, what)| Error::Usage(format!("{}:{line}: {what}", path.display())))
}

/// The options of `connect`, with those of its file; `arguments` are those of the command line.
pub fn with_config(
    options: Connect,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Connect> {
    let Some(path) = options.config.clone() else {
        options.check()?;
        return Ok(options);
    };
    let file = read_config(&path)?;
    let own = |what: String| Error::Usage(format!("{}: {what}", path.display()));
    let mut all: Vec<OsString> = vec!["rblk-nbd".into(), "connect".into()];
    all.extend(file.options.into_iter().map(OsString::from));
    // Behind the command and its name.
    all.extend(arguments.into_iter().skip(2));
    all.extend(file.servers.into_iter().map(OsString::from));
    let matches = Cli::command().try_get_matches_from(all);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    match cli.map(|cli| cli.command) {
        Ok(Command::Connect(options)) => {
            options.check().map_err(|err| own(err.to_string()))?;
            Ok(options)
        }
        Ok(_) => Err(own("that is not for connect".into())),
        Err(err) => Err(own(first_line(&err.to_string()))),
    }
}

/// What is wrong, without the advice that follows.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> std::result::Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    fn connect(line: &str) -> Connect {
        match parse(line).map(|cli| cli.command) {
            Ok(Command::Connect(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    fn from_file(text: &str, line: &str) -> Result<Connect> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nbd0.conf");
        fs::write(&path, text).unwrap();
        let line = line.replace("FILE", path.to_str().unwrap());
        with_config(connect(&line), line.split(' ').map(OsString::from))
    }

    #[test]
    fn definitions() {
        command().debug_assert();
    }

    #[test]
    fn options() {
        let options = connect("rblk-nbd connect nbd0 a b:1 unix:/c");
        assert_eq!((options.connections(), options.dead_timeout()), (3, 300));
        assert_eq!((options.max_request(), options.timeout), (None, 0));
        options.check().unwrap();
        let options = connect("rblk-nbd connect --swap /dev/nbd7 a -C 4 -t 90");
        assert_eq!((options.device, options.connections()), (Device(7), 4));
        assert_eq!(
            (options.max_request(), options.dead_timeout()),
            (Some(0), FOREVER)
        );
        let options = connect("rblk-nbd connect nbd0 a --max-request 1M --dead-timeout forever");
        assert_eq!(
            (options.max_request(), options.dead_timeout()),
            (Some(1 << 20), FOREVER)
        );
    }

    #[test]
    fn no_options() {
        for line in [
            "rblk-nbd connect",
            "rblk-nbd connect sda a",
            "rblk-nbd connect nbd0 nbds://a",
            "rblk-nbd connect nbd0 a -C 0",
            "rblk-nbd connect nbd0 a -C 65",
            "rblk-nbd connect nbd0 a --swap --max-request 1M",
            "rblk-nbd connect nbd0 a --max-request 0",
            "rblk-nbd connect nbd0 a --max-request 4097",
            "rblk-nbd connect nbd0 a --max-request 64M",
            "rblk-nbd connect nbd0 a --max-request 4096M",
            "rblk-nbd connect nbd0 a --max-request +4K",
            "rblk-nbd connect nbd0 a --max-request ٤K",
            "rblk-nbd connect nbd0 a -b 513",
            "rblk-nbd connect nbd0 a -b 8192",
            "rblk-nbd connect nbd0 a -t -1",
            "rblk-nbd connect nbd0 a -t 4294968",
            "rblk-nbd connect nbd0 a --dead-timeout never",
            "rblk-nbd disconnect",
            "rblk-nbd disconnect nbd0 --wait 1h",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in [
            "rblk-nbd connect nbd0",
            "rblk-nbd connect nbd0 a b -C 1",
            "rblk-nbd connect nbd0 a --swap --dead-timeout 0",
        ] {
            assert_eq!(
                connect(line).check().unwrap_err().exit_status(),
                2,
                "{line}"
            );
        }
    }

    #[test]
    fn files() {
        let text = "server = 192.0.2.1\nserver = [::1]:7\nswap\ntimeout = 90\nexport = a b\n";
        let options = from_file(text, "rblk-nbd connect --config FILE nbd0").unwrap();
        assert_eq!(
            (options.servers.len(), options.swap, options.timeout),
            (2, true, 90)
        );
        assert_eq!(
            (options.device, options.export.as_str()),
            (Device(0), "a b")
        );
        // The command line goes first.
        let options = from_file(text, "rblk-nbd connect nbd0 --timeout 5 --config FILE").unwrap();
        assert_eq!(options.timeout, 5);
    }

    #[test]
    fn files_that_are_none() {
        for (text, part) in [
            ("swap\n", "no server"),
            ("server = a\nspeed = 3\n", "--speed"),
            ("server = a\ntimeout = x\n", "timeout"),
            ("server = a\nswap = yes\n", "swap"),
            ("server = nbds://a\n", "TLS"),
            ("server = a\n--swap\n", ":2: "),
        ] {
            let err = from_file(text, "rblk-nbd connect --config FILE nbd0").unwrap_err();
            let line = err.to_string();
            assert!(line.contains(part) && line.contains("nbd0.conf"), "{line}");
            assert!(!line.contains('\n') && err.exit_status() == 2, "{line}");
        }
    }
}
