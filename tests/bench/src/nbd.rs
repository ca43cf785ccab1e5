// SPDX-License-Identifier: GPL-2.0

//! A server in memory that attaches itself to an nbd device with the ioctls
//! that every nbd driver has.

use crate::error::Result;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;

const BLOCK: usize = 4096;
const FLAG_HAS_FLAGS: u64 = 1 << 0;
const FLAG_SEND_FLUSH: u64 = 1 << 2;
const REQUEST_MAGIC: u32 = 0x2560_9513;
const REPLY_MAGIC: u32 = 0x6744_6698;
const READ: u16 = 0;
const WRITE: u16 = 1;
const DISCONNECT: u16 = 2;

mod ioctl {
    //! From `linux/nbd.h`.
    use nix::{ioctl_none_bad, ioctl_write_int_bad, request_code_none};

    ioctl_write_int_bad!(set_sock, request_code_none!(0xab, 0));
    ioctl_write_int_bad!(set_blksize, request_code_none!(0xab, 1));
    ioctl_none_bad!(do_it, request_code_none!(0xab, 3));
    ioctl_none_bad!(clear_sock, request_code_none!(0xab, 4));
    ioctl_write_int_bad!(set_size_blocks, request_code_none!(0xab, 7));
    ioctl_none_bad!(disconnect, request_code_none!(0xab, 8));
    ioctl_write_int_bad!(set_flags, request_code_none!(0xab, 10));
}

/// Calls an ioctl that takes a number, or nothing, and no address.
macro_rules! call {
    ($name:ident, $file:expr $(, $value:expr)?) => {
        // SAFETY: The file is open, and the kernel reads and writes no memory of ours.
        unsafe { ioctl::$name($file.as_raw_fd() $(, $value.try_into()?)?) }
    };
}

/// What takes time before a request is answered.
pub trait Work: Send + 'static {
    fn read(&mut self, from: u64, to: u64);
    fn write(&mut self, from: u64, to: u64);
}

/// Memory takes none.
pub struct Memory;

impl Work for Memory {
    fn read(&mut self, _: u64, _: u64) {}
    fn write(&mut self, _: u64, _: u64) {}
}

/// Serves `mib` MiB to `device`; ends when it is disconnected.
pub fn serve(device: &str, mib: usize, work: impl Work) -> Result<()> {
    let disk = open(device)?;
    let (client, server) = UnixStream::pair()?;
    let size = mib << 20;
    call!(set_blksize, disk, BLOCK)?;
    call!(set_size_blocks, disk, size / BLOCK)?;
    call!(set_flags, disk, FLAG_HAS_FLAGS | FLAG_SEND_FLUSH)?;
    call!(set_sock, disk, client.as_raw_fd())?;
    let server = thread::spawn(move || answer(server, vec![0; size], work));
    call!(do_it, disk)?;
    call!(clear_sock, disk)?;
    drop(client);
    server.join().map_err(|_| "the server died")??;
    Ok(())
}

/// Disconnects `device`.
pub fn stop(device: &str) -> Result<()> {
    call!(disconnect, open(device)?)?;
    Ok(())
}

fn open(device: &str) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open(device)
}

/// Answers requests until the other side is done. Not meant for strangers.
fn answer(mut socket: UnixStream, mut memory: Vec<u8>, mut work: impl Work) -> std::io::Result<()> {
    let mut request = [0; 28];
    loop {
        match socket.read_exact(&mut request) {
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let number = |at: usize| u32::from_be_bytes(request[at..at + 4].try_into().unwrap());
        if number(0) != REQUEST_MAGIC {
            return Err(ErrorKind::InvalidData.into());
        }
        let from = u64::from_be_bytes(request[16..24].try_into().unwrap()) as usize;
        let to = from + number(24) as usize;
        // The error is 0; the cookie is the request's.
        let mut reply = [0; 16];
        reply[..4].copy_from_slice(&REPLY_MAGIC.to_be_bytes());
        reply[8..].copy_from_slice(&request[8..16]);
        match number(4) as u16 {
            READ => {
                work.read(from as u64, to as u64);
                write_both(&mut socket, &reply, &memory[from..to])?;
            }
            WRITE => {
                socket.read_exact(&mut memory[from..to])?;
                work.write(from as u64, to as u64);
                socket.write_all(&reply)?;
            }
            DISCONNECT => return Ok(()),
            _ => socket.write_all(&reply)?,
        }
    }
}

fn write_both(socket: &mut UnixStream, head: &[u8], data: &[u8]) -> std::io::Result<()> {
    let sent = socket.write_vectored(&[IoSlice::new(head), IoSlice::new(data)])?;
    socket.write_all(&head[sent.min(head.len())..])?;
    socket.write_all(&data[sent.saturating_sub(head.len())..])
}
