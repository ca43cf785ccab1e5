// SPDX-License-Identifier: GPL-2.0-or-later
//! The line by which tests talk to the drives. A command is a line, `@N` before it
//! chooses the drive; an answer is some lines and then `OK`, or `ERR` with a reason.

use crate::bay::Rack;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;

/// Serves all who connect, for ever.
pub fn serve(listener: &UnixListener, rack: &Arc<Rack>) {
    for stream in listener.incoming().flatten() {
        let rack = rack.clone();
        thread::spawn(move || converse(stream, &rack));
    }
}

fn converse(stream: UnixStream, rack: &Rack) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let answer = match command(&line?, rack) {
            Ok(text) => format!("{text}OK\n"),
            Err(error) => format!("ERR {error}\n"),
        };
        writer.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Does what a line says.
pub fn command(line: &str, rack: &Rack) -> Result<String, String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let mut number = 0;
    if let Some(chosen) = words.first().and_then(|word| word.strip_prefix('@')) {
        number = chosen.parse().map_err(|_| "@ wants a number")?;
        words.remove(0);
    }
    let bay = rack.bays.get(number).ok_or("no such drive")?;
    match words.as_slice() {
        ["unplug"] => rack.plug(number, false).map(|()| String::new()),
        ["plug"] => rack.plug(number, true).map(|()| String::new()),
        ["release"] => {
            bay.release();
            Ok(String::new())
        }
        // As a fault of the program's own would end it.
        ["crash"] => std::process::abort(),
        ["drives"] => Ok(format!("{}\n", rack.bays.len())),
        words => bay.drive().command(words),
    }
}
