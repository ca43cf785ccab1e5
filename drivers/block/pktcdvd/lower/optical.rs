// SPDX-License-Identifier: GPL-2.0

//! An optical drive that is open: its medium, and whether it is still there.
//!
//! Preparing the drive for writing, and closing the medium, is in [`writing`], what follows from a
//! failure in [`recovery`].

mod recovery;
mod writing;

use crate::{
    logic::{
        mmc::{
            disc::Formatted,
            medium::{
                Medium,
                Restart, //
            },
            probe::Access,
            BLOCK_SECTORS, //
        },
        zone::Geometry, //
    },
    lower::{
        activity::Activity,
        drive,
        fate::Fate, //
    }, //
};
use common::bell::Bell;
use kernel::{
    current,
    error::code::*,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use rb::{
    block::{
        bdev::{
            BdevFile,
            Glance,
            Mode, //
        },
        dev_t::DevT,
        error::{
            BlkError,
            BlkResult, //
        },
        optical::{
            CommandBuffer,
            Drive, //
        },
    },
    kthread, //
};

/// The packet size in sectors of a medium that is only read. It has no effect: nothing is cut then.
const READ_ONLY_PACKET: u32 = 4;

/// How often the drive is asked at most whether its medium has changed, until it says no.
const MAX_CHANGES: u32 = 8;

/// The part of a session that only one with an optical drive has.
pub(crate) struct Optical {
    /// What was in the drive when the session began; see [`Optical::medium`].
    pub(crate) medium: Medium,
    /// The buffer for the data of commands. An innermost lock.
    buffer: Pin<KBox<Mutex<CommandBuffer>>>,
    /// Whether the drive was prepared for writing.
    ready: Atomic<bool>,
    /// Whether the drive has resumed a format, even if preparing it has failed then.
    restarted: Atomic<bool>,
    /// The write speed that was set, in kB/s.
    speed: Atomic<u32>,
    /// How many sectors of the medium can be used. It grows when the drive resumes a format.
    sectors: Atomic<u64>,
    /// Whether the drive formats the medium in the background.
    formats: Atomic<bool>,
    /// What the drive is busy with for long.
    activity: Arc<Activity>,
    /// The disk sequence number of the drive, by which the block layer counts changes of the
    /// medium.
    media_seq: Atomic<u64>,
    /// How many unit attentions about a reset or another medium the drive has reported to anybody.
    attentions: Atomic<u32>,
    /// I/O has failed, and the drive was not examined since.
    suspect: Atomic<bool>,
    /// The drive has reported to a program that it has lost its cache.
    cache_failed: Atomic<bool>,
    /// A program that has the disk open has unlocked the door.
    unlocked: Atomic<bool>,
    /// The medium is gone.
    lost: Atomic<bool>,
    fate: Arc<Fate>,
}

impl Optical {
    /// Returns whether the cache of the drive has to be flushed between writing and reading.
    pub(crate) fn flush_before_read(&self) -> bool {
        self.medium
            .writing
            .is_ok_and(|writing| writing.kind.flush_before_read())
    }

    /// Returns the write speed that was set, in kB/s; zero if none was.
    pub(crate) fn speed(&self) -> u32 {
        self.speed.load(Relaxed)
    }

    /// Returns how many sectors of the medium can be used now.
    pub(crate) fn sectors(&self) -> u64 {
        self.sectors.load(Relaxed)
    }

    /// Returns the medium, as it was when the drive was last prepared for writing.
    pub(crate) fn medium(&self) -> Medium {
        let formatted = if self.formats.load(Relaxed) {
            Formatted::Running
        } else {
            self.medium.formatted
        };

        Medium {
            formatted,
            ..self.medium
        }
    }

    /// Notes the properties of a medium for which the drive was prepared.
    fn note(&self, medium: &Medium) {
        self.speed.store(speed(medium), Relaxed);
        self.sectors.store(medium.sectors(), Relaxed);
        self.formats
            .store(medium.formatted == Formatted::Running, Relaxed);
    }

    /// Returns how the medium is cut into packets.
    pub(crate) fn geometry(&self) -> Result<Geometry> {
        match self.medium.writing {
            Ok(writing) => Ok(writing.geometry),
            Err(_) => Geometry::new(READ_ONLY_PACKET, 0, self.medium.sectors()).map_err(|_| EIO),
        }
    }

    /// Flushes the cache of the drive; see [`Session::sync`](crate::lower::session::Session::sync).
    pub(crate) fn sync(&self, lower: &BdevFile) -> BlkResult {
        if self.is_lost() {
            return Err(BlkError::IOERR);
        }
        // Before anything else is written, the medium is examined.
        drive::flush(lower).inspect_err(|_| self.suspect())?;
        // A drive that was reset since the last write has reported that to this command, or to an
        // earlier one.
        if self.is_suspect(lower) || self.is_lost() {
            return Err(BlkError::IOERR);
        }
        Ok(())
    }

    /// Notes that a program has unlocked the door.
    pub(crate) fn door_unlocked(&self) {
        self.unlocked.store(true, Relaxed);
    }

    /// Returns whether a program has unlocked the door since this was last asked.
    pub(crate) fn was_unlocked(&self) -> bool {
        self.unlocked.xchg(false, Relaxed)
    }

    /// Notes that I/O has failed, so that the drive is examined. Any context.
    pub(crate) fn suspect(&self) {
        self.suspect.store(true, Relaxed);
    }

    /// Notes that the drive may have lost its cache. Any context.
    pub(crate) fn cache_failed(&self) {
        self.cache_failed.store(true, Relaxed);
    }

    /// Returns whether the drive has to be examined before more I/O is sent. Any context.
    pub(crate) fn is_suspect(&self, lower: &BdevFile) -> bool {
        let has_changed = || {
            Drive::of(lower).is_some_and(|drive| {
                drive.has_changed() || drive.attentions() != self.attentions.load(Relaxed)
            }) || self.counts_change(lower)
        };

        !self.is_lost() && (self.suspect.load(Relaxed) || has_changed())
    }

    /// Returns whether the driver of the drive has found another medium.
    fn counts_change(&self, lower: &BdevFile) -> bool {
        lower.media_seq() != self.media_seq.load(Relaxed)
    }

    /// Returns whether the medium or the drive is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed) || self.fate.is_gone()
    }
}

/// Opens an optical drive, and examines its medium.
///
/// If `write` is set and a background format of the medium was stopped, the drive resumes it.
///
/// Fails with what the drive's own open returns, such as [`EBUSY`] and `ENOMEDIUM`; and with [`EIO`]
/// if the drive does not answer. Process context; waits for the drive, up to five minutes if it has to
/// resume a format. After a signal, or when the system is about to sleep, it stops waiting and fails with
/// [`ERESTARTSYS`]. `activity` shows meanwhile how far the drive has come.
pub(crate) fn open(
    dev: DevT,
    index: u32,
    write: bool,
    bell: &Arc<Bell>,
    activity: &Arc<Activity>,
) -> Result<(BdevFile, Optical)> {
    let fate = Fate::new(bell)?;
    let lower = BdevFile::open_watched(dev, Mode::Read, fate.clone())?;
    // The device number may belong to another device by now.
    Drive::of(&lower).ok_or(ENXIO)?;
    let buffer = drive::new_buffer()?;
    let buffer = KBox::pin_init(new_mutex!(buffer, "pktcdvd::Optical::buffer"), GFP_KERNEL)?;

    let (media_seq, _) = settle(&lower);
    let attentions = attentions(&lower);
    let access = if write && !lower.is_read_only() {
        Access::Write
    } else {
        Access::Read
    };
    let busy = |busy| activity.set(busy);
    let verdict = drive::probe(&lower, access, &mut buffer.lock(), busy, gives_up)?;
    let medium = verdict.map_err(|refusal| {
        pr_err!("pktcdvd{index}: {}\n", format_args!("{refusal}"));
        drive::refused(&refusal)
    })?;

    tell_restart(index, &medium);
    reach(&lower, &medium);
    let optical = Optical {
        medium,
        buffer,
        ready: Atomic::new(access == Access::Write),
        restarted: Atomic::new(medium.restart == Restart::Done),
        speed: Atomic::new(speed(&medium)),
        sectors: Atomic::new(medium.sectors()),
        formats: Atomic::new(medium.formatted == Formatted::Running),
        activity: activity.clone(),
        media_seq: Atomic::new(media_seq),
        attentions: Atomic::new(attentions),
        suspect: Atomic::new(false),
        cache_failed: Atomic::new(false),
        unlocked: Atomic::new(false),
        lost: Atomic::new(false),
        fate,
    };
    Ok((lower, optical))
}

/// Returns whether a task has to stop waiting for the drive: an opener, or one that closes the medium.
pub(crate) fn gives_up() -> bool {
    kthread::should_freeze() || current!().signal_pending()
}

/// Returns how many unit attentions about a reset or another medium the drive has reported.
///
/// A drive reports each one once, to the sender of the next command, which may be a program.
fn attentions(lower: &BdevFile) -> u32 {
    Drive::of(lower).map_or(0, |drive| drive.attentions())
}

/// Returns the write speed that was set for a medium, in kB/s.
fn speed(medium: &Medium) -> u32 {
    medium.writing.map_or(0, |writing| writing.speed.into())
}

/// Logs whether the drive has resumed a format, if that was tried.
fn tell_restart(index: u32, medium: &Medium) {
    let Ok(kind) = medium.writing.map(|writing| writing.kind) else {
        return;
    };
    let kind = kind.name();
    let blocks = medium.blocks;

    match medium.restart {
        Restart::Untried => {}
        Restart::Done => pr_info!("pktcdvd{index}: the drive goes on formatting the {kind}\n"),
        Restart::Failed(None) => pr_warn!(
            "pktcdvd{index}: the drive does not go on formatting the {kind}; {blocks} blocks are\n"
        ),
        Restart::Failed(Some(failure)) => pr_warn!(
            "pktcdvd{index}: the drive does not go on formatting the {kind}; {blocks} blocks are: {}\n",
            format_args!("{failure}")
        ),
    }
}

/// Makes the lower device as large as the medium.
///
/// Its driver (sr) sets the size when it finds a medium. If a block cannot be read that is one of
/// the last 75 by that size, or lies behind them, sr makes the device end in front of that block.
/// I/O behind the end fails. After a format was resumed, much of the medium lies behind the size
/// that sr knows. So the size is set again whenever I/O has failed.
fn reach(lower: &BdevFile, medium: &Medium) {
    let sectors = medium.reach.saturating_mul(BLOCK_SECTORS);

    if let Some(drive) = Drive::of(lower).filter(|_| sectors > lower.nr_sectors()) {
        drive.set_nr_sectors(sectors);
    }
}

/// Has the drive report all changes of the medium so far. Returns the disk sequence number after
/// them, and whether there was a change.
///
/// Opens the drive for that, so that the drive's own driver (sr) learns of the changes, too.
fn settle(lower: &BdevFile) -> (u64, bool) {
    let mut changed = false;

    for _ in 0..MAX_CHANGES {
        let seq = lower.media_seq();
        // This fails if the drive is gone, which does not matter here.
        drop(Glance::open(lower.dev()));
        if lower.media_seq() == seq {
            return (seq, changed);
        }
        changed = true;
    }
    (lower.media_seq(), changed)
}
