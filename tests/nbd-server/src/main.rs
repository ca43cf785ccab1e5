// SPDX-License-Identifier: GPL-2.0
//! An NBD server in memory that keeps account of what its clients do, and does
//! to them, when told so, what no server should.
//!
//! ```text
//! rblk-nbd-server serve --listen unix:/tmp/s --control /tmp/c --size 64M
//! rblk-nbd-server control /tmp/c fault wrong-magic,cmd=read,after=3
//! rblk-nbd-server control /tmp/c stats
//! ```

mod connection;
mod fault;
mod handshake;
mod link;
mod lock;
mod protocol;
mod server;
mod stats;
mod store;

use clap::Parser;
use connection::Connection;
use fault::Fault;
use handshake::Export;
use protocol::flags;
use server::Server;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
enum Arguments {
    /// Serve an export in memory.
    Serve(Serve),
    /// Tell a server: stats, reset, fault SPEC, fault none, delay US, drop [N], quit.
    Control {
        /// Its control socket.
        path: String,
        /// The words of the command.
        command: Vec<String>,
    },
}

#[derive(clap::Args)]
struct Serve {
    /// unix:PATH or tcp:ADDRESS:PORT; may be given more than once.
    #[arg(long, required = true)]
    listen: Vec<String>,
    /// A socket for commands.
    #[arg(long)]
    control: Option<String>,
    /// Bytes, or with a K, M or G.
    #[arg(long, default_value = "64M", value_parser = size)]
    size: u64,
    /// flush, fua, trim, zeroes, multi-conn, read-only; separated by commas.
    #[arg(long, default_value = "flush,fua,trim,zeroes,multi-conn", value_parser = transmission)]
    flags: u16,
    /// KIND[,cmd=NAME][,after=N][,every=N][,times=N][,value=N]
    #[arg(long)]
    fault: Option<String>,
    /// Microseconds between a request and its answer.
    #[arg(long, default_value_t = 0)]
    delay: u64,
}

fn size(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err("too many letters".into()),
    };
    let n: u64 = digits.parse().map_err(|e| format!("{e}"))?;
    n.checked_shl(shift).ok_or("too much".into())
}

fn transmission(text: &str) -> std::result::Result<u16, String> {
    let words = text.split(',').filter(|w| !w.is_empty());
    words.into_iter().try_fold(flags::HAS_FLAGS, |all, word| {
        Ok(all
            | match word {
                "flush" => flags::FLUSH,
                "fua" => flags::FUA,
                "trim" => flags::TRIM,
                "zeroes" => flags::ZEROES,
                "multi-conn" => flags::MULTI_CONN,
                "read-only" => flags::READ_ONLY,
                _ => return Err(format!("no flag {word}")),
            })
    })
}

fn serve_in_thread(server: &Arc<Server>, link: impl Into<OwnedFd>) {
    let (server, link) = (server.clone(), File::from(link.into()));
    std::thread::spawn(move || {
        // How a client went is no business of the others.
        let _ = Connection::serve(server, link);
    });
}

fn accept(server: Arc<Server>, address: &str) -> Result {
    if let Some(path) = address.strip_prefix("unix:") {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path)?;
        std::thread::spawn(move || {
            for link in listener.incoming().flatten() {
                serve_in_thread(&server, link);
            }
        });
    } else {
        let address = address
            .strip_prefix("tcp:")
            .ok_or("unix: or tcp: is missing")?;
        let listener = TcpListener::bind(address)?;
        std::thread::spawn(move || {
            for link in listener.incoming().flatten() {
                let _ = link.set_nodelay(true);
                serve_in_thread(&server, link);
            }
        });
    }
    Ok(())
}

fn control(server: &Server, link: UnixStream) -> Result {
    let mut line = String::new();
    BufReader::new(&link).read_line(&mut line)?;
    let text = match server.control(&line) {
        Ok(text) => format!("ok\n{text}"),
        Err(text) => format!("{text}\n"),
    };
    Ok((&link).write_all(text.as_bytes())?)
}

fn serve(options: Serve) -> Result {
    let export = Export {
        size: options.size,
        flags: options.flags,
    };
    let read_only = options.flags & flags::READ_ONLY != 0;
    let store = store::Store::new(usize::try_from(options.size)?, read_only);
    let fault = options.fault.map(|f| f.parse::<Fault>()).transpose()?;
    let server = Arc::new(Server::new(export, store, fault, options.delay));
    for address in &options.listen {
        accept(server.clone(), address)?;
    }
    let Some(path) = options.control else {
        loop {
            std::thread::park();
        }
    };
    let _ = std::fs::remove_file(&path);
    for link in UnixListener::bind(path)?.incoming().flatten() {
        let _ = control(&server, link);
    }
    Ok(())
}

fn tell(path: &str, command: &[String]) -> Result {
    let mut link = UnixStream::connect(path)?;
    link.write_all((command.join(" ") + "\n").as_bytes())?;
    link.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    link.read_to_string(&mut text)?;
    let answer = text.strip_prefix("ok\n");
    print!("{}", answer.unwrap_or_default());
    if answer.is_none() && command.first().is_none_or(|c| c != "quit") {
        return Err(text.trim().into());
    }
    Ok(())
}

fn main() -> Result {
    match Arguments::parse() {
        Arguments::Serve(options) => serve(options),
        Arguments::Control { path, command } => tell(&path, &command),
    }
}
