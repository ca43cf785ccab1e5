// SPDX-License-Identifier: GPL-2.0

//! The driver of the drive in the kernel, as far as users of its block device notice it.

use super::{
    device::{
        Drive,
        Job, //
    },
    outcome::Payload,
    state::BLOCK_SECTORS, //
};
use kernel::{
    error::{
        code::*,
        Error,
        Result, //
    },
    sim,
};
use rb::{
    block::{
        bdev::LowerLimits,
        bio::Command,
        error::BlkError,
        optical::Sense, //
    },
    sim::lower::{
        self,
        Io,
        Lower, //
    },
};

/// How often the SCSI layer sends an I/O again.
const RETRIES: u32 = 3;

const TEST_UNIT_READY: [u8; 6] = [0; 6];
const LOAD: [u8; 6] = [0x1b, 0, 0, 0, 3, 0];
const READ_CAPACITY: [u8; 10] = [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// GET EVENT STATUS NOTIFICATION, of media events.
const MEDIA_EVENT: [u8; 10] = [0x4a, 1, 0, 0, 1 << 4, 0, 0, 0, 8, 0];

impl Drive {
    /// Looks for another medium, as each open does.
    fn look(&self) {
        let event = self.run(&MEDIA_EVENT, &[]);
        if event.is_good()
            && event
                .data
                .get(4)
                .is_some_and(|code| matches!(code & 15, 2..=4))
        {
            self.kernel.changed.set(true);
        }
        let mut ended = self.run(&TEST_UNIT_READY, &[]);
        for _ in 0..RETRIES {
            if !self.kernel.note_attention(&ended) {
                break;
            }
            ended = self.run(&TEST_UNIT_READY, &[]);
        }
        let is_absent = ended.sense().is_some_and(|sense| sense.asc == 0x3a);
        let present = ended.is_good() || (ended.sense().is_some() && !is_absent);
        if self.kernel.present.replace(present) != present {
            self.kernel.changed.set(true);
        }
        if self.kernel.changed.replace(false) {
            self.kernel.media_seq.set(self.kernel.media_seq.get() + 1);
            self.measure();
        }
    }

    fn measure(&self) {
        let capacity = self.run(&READ_CAPACITY, &[]);
        let last = capacity
            .data
            .get(..4)
            .and_then(|bytes| bytes.try_into().ok());
        let blocks = last.map_or(0, |last| u64::from(u32::from_be_bytes(last)) + 1);
        self.kernel.sectors.set(blocks * BLOCK_SECTORS);
    }

    fn tray_is_open(&self) -> bool {
        let event = self.run(&MEDIA_EVENT, &[]);
        event.data.get(5).is_some_and(|state| state & 1 != 0)
    }

    fn lock_door(&self, lock: bool) {
        self.run(&[0x1e, 0, 0, 0, lock.into(), 0], &[]);
    }
}

impl Lower for Drive {
    fn name(&self) -> String {
        "sr0".to_owned()
    }

    fn limits(&self) -> LowerLimits {
        LowerLimits {
            logical_block_size: 2048,
            physical_block_size: 2048,
            max_sectors: 512,
            max_segments: 128,
            max_segment_size: 65536,
            chunk_sectors: 0,
            dma_alignment: 511,
            max_discard_sectors: 0,
            rotational: true,
            stable_writes: false,
        }
    }

    fn sectors(&self) -> u64 {
        self.kernel.sectors.get()
    }

    fn submit(&self, io: Io) {
        sim::count("lower IOs", 1);
        if io.bytes == 0 {
            // sr says that it has no cache.
            return io.end(Ok(()));
        }
        let blocks = io.sector | io.sectors();
        if blocks % BLOCK_SECTORS != 0 || !matches!(io.command, Command::Read | Command::Write) {
            sim::violation(&format!(
                "sr cannot do this: {:?} at {}",
                io.command, io.sector
            ));
        }
        if self.kernel.changed.get() {
            return io.end(Err(BlkError::IOERR));
        }
        if io.command == Command::Write {
            self.judge(self.packets().begin(io.sector, io.sectors()));
        }
        self.enqueue(Job::Io(io, RETRIES));
    }

    fn is_removable(&self) -> bool {
        true
    }

    fn media_seq(&self) -> u64 {
        self.kernel.media_seq.get()
    }

    fn glance(&self) -> Result {
        self.look();
        Ok(())
    }

    fn open(&self, _write: bool) -> Result {
        self.look();
        if self.tray_is_open() {
            self.run(&LOAD, &[]);
            self.look();
        }
        if !self.kernel.present.get() {
            return Err(ENOMEDIUM);
        }
        self.kernel.openers.set(self.kernel.openers.get() + 1);
        self.lock_door(true);
        Ok(())
    }

    fn close(&self) {
        let openers = self.kernel.openers.get() - 1;
        self.kernel.openers.set(openers);
        if openers == 0 {
            self.lock_door(false);
        }
    }

    fn drive(&self) -> Option<&dyn lower::Drive> {
        Some(self)
    }
}

impl lower::Drive for Drive {
    fn execute(
        &self,
        cdb: &[u8],
        data: Payload<'_>,
    ) -> core::result::Result<(), core::result::Result<Sense, Error>> {
        let out = match &data {
            Payload::Out(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        let ended = self.run(cdb, &out);
        self.kernel.note_attention(&ended);
        receive(data, &ended.data);
        ended.of_command()
    }

    fn attentions(&self) -> u32 {
        self.kernel.attentions.get()
    }

    fn has_changed(&self) -> bool {
        self.kernel.changed.get()
    }

    fn set_sectors(&self, sectors: u64) {
        self.kernel.sectors.set(sectors);
    }

    fn has_open_tray(&self) -> bool {
        self.tray_is_open()
    }
}

/// Copies what the drive sends to where it is wanted.
fn receive(data: Payload<'_>, sent: &[u8]) {
    if let Payload::In(bytes) = data {
        let len = bytes.len().min(sent.len());
        bytes[..len].copy_from_slice(&sent[..len]);
    }
}
