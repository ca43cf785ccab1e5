// SPDX-License-Identifier: GPL-2.0
//! The fixed newstyle handshake, as much of it as clients need.

use std::io::{self, Read, Write};

const MAGIC: &[u8; 16] = b"NBDMAGICIHAVEOPT";
const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
const OPT_EXPORT_NAME: u32 = 1;
const OPT_ABORT: u32 = 2;
const OPT_INFO: u32 = 6;
const OPT_GO: u32 = 7;
const REP_ACK: u32 = 1;
const REP_INFO: u32 = 3;
const REP_ERR_UNSUP: u32 = 0x8000_0001;

/// What the client is told about the export.
#[derive(Clone, Copy)]
pub struct Export {
    /// In bytes.
    pub size: u64,
    /// Transmission flags.
    pub flags: u16,
}

fn number<const N: usize>(link: &mut impl Read) -> io::Result<[u8; N]> {
    let mut b = [0; N];
    link.read_exact(&mut b)?;
    Ok(b)
}

fn option_reply(link: &mut impl Write, option: u32, kind: u32, data: &[u8]) -> io::Result<()> {
    let mut b = OPTION_REPLY.to_be_bytes().to_vec();
    b.extend(option.to_be_bytes());
    b.extend(kind.to_be_bytes());
    b.extend((data.len() as u32).to_be_bytes());
    b.extend(data);
    link.write_all(&b)
}

fn size_and_flags(export: Export) -> Vec<u8> {
    let mut b = export.size.to_be_bytes().to_vec();
    b.extend(export.flags.to_be_bytes());
    b
}

/// Until the client wants to go on to the transmission; false if it does not.
pub fn serve(link: &mut (impl Read + Write), export: Export) -> io::Result<bool> {
    link.write_all(MAGIC)?;
    // Fixed newstyle, and no zeroes after the answer to the old option.
    link.write_all(&[0, 3])?;
    let no_zeroes = u32::from_be_bytes(number(link)?) & 2 != 0;
    loop {
        let magic: [u8; 8] = number(link)?;
        if magic != MAGIC[8..] {
            return Ok(false);
        }
        let option = u32::from_be_bytes(number(link)?);
        let mut data = vec![0; u32::from_be_bytes(number(link)?).min(65536) as usize];
        link.read_exact(&mut data)?;
        match option {
            OPT_EXPORT_NAME => {
                let mut b = size_and_flags(export);
                b.resize(b.len() + if no_zeroes { 0 } else { 124 }, 0);
                link.write_all(&b)?;
                return Ok(true);
            }
            OPT_INFO | OPT_GO => {
                let mut info = vec![0, 0];
                info.extend(size_and_flags(export));
                option_reply(link, option, REP_INFO, &info)?;
                option_reply(link, option, REP_ACK, &[])?;
                if option == OPT_GO {
                    return Ok(true);
                }
            }
            OPT_ABORT => {
                option_reply(link, option, REP_ACK, &[])?;
                return Ok(false);
            }
            _ => option_reply(link, option, REP_ERR_UNSUP, &[])?,
        }
    }
}
