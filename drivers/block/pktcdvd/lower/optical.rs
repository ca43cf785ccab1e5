// SPDX-License-Identifier: GPL-2.0

//! A session with an optical drive: the medium, and whether it is still there.

use crate::{
    logic::{
        mmc::{
            cdb,
            disc::Formatted,
            finish::Finished,
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
        bell::Bell,
        drive,
        fate::Fate,
        plain::takes_packet,
        session::Session, //
    }, //
};
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
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
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

/// How long a drive that has failed may take until it reports its medium.
const RECOVERY: Delta = Delta::from_secs(30);

/// How often it is asked meanwhile.
const LOOK_INTERVAL: Delta = Delta::from_secs(1);

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
    /// IO has failed, and the drive was not examined since.
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

    /// Notes that IO has failed, so that the drive is examined. Any context.
    pub(crate) fn suspect(&self) {
        self.suspect.store(true, Relaxed);
    }

    /// Notes that the drive may have lost its cache. Any context.
    pub(crate) fn cache_failed(&self) {
        self.cache_failed.store(true, Relaxed);
    }

    /// Returns whether the drive has to be examined before more IO is sent. Any context.
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
/// Fails with [`EROFS`] if `write` is set and the medium cannot be written; with what the drive's
/// own open returns, such as [`EBUSY`] and `ENOMEDIUM`; and with [`EIO`] if the drive does not
/// answer. Process context; waits for the drive, up to five minutes if it has to resume a format.
/// After a signal, or when the system is about to sleep, it stops waiting and fails with
/// [`ERESTARTSYS`]. `activity` shows meanwhile how far the drive has come.
pub(crate) fn open(
    dev: DevT,
    index: u32,
    write: bool,
    bell: &Arc<Bell>,
    activity: &Arc<Activity>,
) -> Result<Session> {
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
    let session = Session {
        geometry: geometry(&medium)?,
        read_only: medium.writing.is_err() || lower.is_read_only(),
        optical: Some(Optical {
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
        }),
        card: None,
        lower,
    };
    if write {
        // The drive was prepared for writing already, which is undone.
        session
            .check_writable(index)
            .inspect_err(|_| session.finish_for_opener(index))?;
    }
    Ok(session)
}

/// Returns whether an opener has to stop waiting for the drive.
fn gives_up() -> bool {
    kthread::should_freeze() || current!().signal_pending()
}

/// Returns how many unit attentions about a reset or another medium the drive has reported.
///
/// A drive reports each one once, to the sender of the next command, who may be a program.
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
/// IO behind the end fails. After a format was resumed, much of the medium lies behind the size
/// that sr knows. So the size is set again whenever IO has failed.
fn reach(lower: &BdevFile, medium: &Medium) {
    let sectors = medium.reach.saturating_mul(BLOCK_SECTORS);

    if let Some(drive) = Drive::of(lower).filter(|_| sectors > lower.nr_sectors()) {
        drive.set_nr_sectors(sectors);
    }
}

/// Cuts a medium into packets.
fn geometry(medium: &Medium) -> Result<Geometry> {
    match medium.writing {
        Ok(writing) => Ok(writing.geometry),
        Err(_) => Geometry::new(READ_ONLY_PACKET, 0, medium.sectors()).map_err(|_| EIO),
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

impl Session {
    /// Checks that the medium can be written. If not, logs the reason.
    fn check_writable(&self, index: u32) -> Result {
        let Some(optical) = &self.optical else {
            return Ok(());
        };
        if let Err(refusal) = &optical.medium.writing {
            pr_err!("pktcdvd{index}: {}\n", format_args!("{refusal}"));
            return Err(drive::refused(refusal));
        }
        if self.read_only {
            pr_err!("pktcdvd{index}: the drive refuses writes\n");
            return Err(EROFS);
        }
        if !takes_packet(&self.lower, &self.geometry) {
            pr_err!("pktcdvd{index}: the drive's queue would split packets\n");
            return Err(EIO);
        }
        Ok(())
    }

    /// Returns how many sectors can be used now.
    ///
    /// If the drive resumes a format in [`Session::prepare_write`], there are more of them
    /// afterwards.
    pub(crate) fn sectors(&self) -> u64 {
        match &self.optical {
            Some(optical) => optical.sectors(),
            None => self.geometry.capacity_sectors(),
        }
    }

    /// Prepares the drive for writing, unless it is prepared: sets write parameters and speed, and
    /// has the drive resume a format that was stopped.
    ///
    /// Fails, and waits for the drive, as [`open`]. Process context.
    pub(crate) fn prepare_write(&self, index: u32) -> Result {
        self.check_writable(index)?;
        let Some(optical) = self.optical.as_ref().filter(|o| !o.ready.load(Relaxed)) else {
            return Ok(());
        };
        let busy = |busy| optical.activity.set(busy);
        let verdict = drive::ready(
            &self.lower,
            &optical.medium,
            &mut optical.buffer.lock(),
            busy,
            gives_up,
            || optical.restarted.store(true, Relaxed),
        )?;
        let medium = verdict.map_err(|refusal| {
            pr_err!("pktcdvd{index}: {}\n", format_args!("{refusal}"));
            drive::refused(&refusal)
        })?;

        tell_restart(index, &medium);
        reach(&self.lower, &medium);
        optical.note(&medium);
        optical.ready.store(true, Relaxed);
        Ok(())
    }

    /// Has the drive close the medium if that is necessary, and restores the drive's speeds. To be
    /// called when all IO of the session has ended and the cache is flushed. A second call closes
    /// nothing, unless the drive has resumed a format in between.
    ///
    /// Other drives cannot read a medium that was formatted in the background before it is closed.
    /// Does nothing if the drive was not prepared for writing and has not resumed a format. Process
    /// context; waits for the drive up to 50 minutes, without a lock that another device needs.
    pub(crate) fn finish(&self, index: u32) {
        // Cannot fail otherwise.
        let _ = self.finish_unless(index, || false);
    }

    /// As [`Session::finish`], but fails with [`ERESTARTSYS`] after a signal to the task, and when
    /// the system is about to sleep. The drive's own driver then closes a medium that was written.
    pub(crate) fn finish_for_task(&self, index: u32) -> Result {
        self.finish_unless(index, gives_up)
    }

    /// As [`Session::finish_for_task`], but ignores its failure: for an open that fails in any
    /// case.
    pub(crate) fn finish_for_opener(&self, index: u32) {
        let _ = self.finish_for_task(index);
    }

    fn finish_unless(&self, index: u32, give_up: impl Fn() -> bool) -> Result {
        let used =
            |optical: &&Optical| optical.ready.load(Relaxed) || optical.restarted.load(Relaxed);
        let Some(optical) = self.optical.as_ref().filter(used) else {
            return Ok(());
        };
        if self.is_lost() {
            return Ok(());
        }

        let speed = optical.speed().try_into().unwrap_or(u16::MAX);
        let finish = drive::finish(
            &self.lower,
            &optical.medium,
            speed,
            &mut optical.buffer.lock(),
            |busy| optical.activity.set(busy),
            give_up,
        )?;
        match finish.finished() {
            Finished::Nothing => {}
            Finished::Closed => {
                pr_info!("pktcdvd{index}: the medium is closed\n");
                // If the close has failed, the drive's own driver may try once more.
                if let Some(drive) = Drive::of(&self.lower) {
                    drive.set_closed();
                }
            }
            Finished::Failed(failure) => pr_warn!(
                "pktcdvd{index}: the medium could not be closed: {}\n",
                format_args!("{failure}")
            ),
        }
        if let (Some(drive), Some(blocks)) = (Drive::of(&self.lower), finish.blocks()) {
            drive.set_nr_sectors(blocks.saturating_mul(BLOCK_SECTORS));
        }
        Ok(())
    }

    /// Flushes the cache of the drive.
    ///
    /// Fails if the drive has lost its cache, as it has if it has got another medium.
    ///
    /// Process context; waits for the drive. Allocates nothing, and takes no lock whose holders
    /// wait.
    pub(crate) fn sync(&self) -> BlkResult {
        if self.optical.is_none() {
            return Ok(());
        }
        if self.is_lost() {
            return Err(BlkError::IOERR);
        }
        // Before anything else is written, the medium is examined.
        drive::flush(&self.lower).inspect_err(|_| self.io_failed())?;
        // A drive that was reset since the last write has reported that to this command, or to an
        // earlier one.
        if self.is_suspect() || self.is_lost() {
            return Err(BlkError::IOERR);
        }
        Ok(())
    }

    /// Unlocks the door of the drive.
    pub(crate) fn unlock_door(&self) {
        self.door_unlocked();
        drive::try_to(&self.lower, &cdb::prevent_removal(false));
    }

    /// Notes that a program has unlocked the door.
    pub(crate) fn door_unlocked(&self) {
        if let Some(optical) = &self.optical {
            optical.unlocked.store(true, Relaxed);
        }
    }

    /// Locks the door of the drive for one more opener, if a program has unlocked it.
    ///
    /// Otherwise no command is sent, because the drive may be busy for long.
    pub(crate) fn lock_door_again(&self) {
        let optical = self.optical.as_ref();
        if optical.is_some_and(|optical| optical.unlocked.xchg(false, Relaxed)) {
            self.lock_door();
        }
    }

    /// Locks the door of the drive again, if the drive's own driver locks doors.
    pub(crate) fn lock_door(&self) {
        if Drive::of(&self.lower).is_some_and(|drive| drive.locks_door()) {
            drive::try_to(&self.lower, &cdb::prevent_removal(true));
        }
    }

    /// Checks that the medium is the one with which the session began, and prepares the drive
    /// again.
    ///
    /// If it is another one, or the drive does not answer, the session is lost. Returns whether the
    /// drive may have lost its cache. Process context; waits for the drive.
    pub(crate) fn recover(&self, index: u32) -> bool {
        let Some(optical) = &self.optical else {
            return false;
        };
        // Before the drive is examined: what happens meanwhile has to set the flag again.
        optical.suspect.store(false, Relaxed);
        let before = optical.media_seq.load(Relaxed);
        let told = optical.attentions.load(Relaxed);
        let (media_seq, changed) = settle(&self.lower);
        let attentions = attentions(&self.lower);
        optical.media_seq.store(media_seq, Relaxed);
        optical.attentions.store(attentions, Relaxed);

        if let Err(err) = self.look_until_known(optical) {
            optical.lost.store(true, Relaxed);
            pr_err!("pktcdvd{index}: the medium is not the same any more: {err:?}\n");
        } else {
            // A reset has unlocked the door, too.
            self.lock_door();
        }
        let failed = optical.cache_failed.xchg(false, Relaxed);
        failed || changed || media_seq != before || attentions != told
    }

    /// Examines the drive again and again while it only reports trouble of its own, up to
    /// [`RECOVERY`].
    fn look_until_known(&self, optical: &Optical) -> Result {
        let begin = Instant::<Monotonic>::now();

        loop {
            let result = self.look_again(optical);
            match result {
                Err(EIO | ENOMEM | EBUSY) if !self.is_lost() && begin.elapsed() < RECOVERY => {
                    fsleep(LOOK_INTERVAL);
                }
                _ => return result,
            }
        }
    }

    fn look_again(&self, optical: &Optical) -> Result {
        let mut buffer = optical.buffer.lock();
        let busy = |busy| optical.activity.set(busy);
        // The thread does not give up waiting: the users of the device depend on it.
        let medium = drive::probe(&self.lower, Access::Read, &mut buffer, busy, || false)?
            .map_err(|refusal| drive::refused(&refusal))?;

        if !optical.medium.identity.allows(&medium.identity) {
            return Err(ENXIO);
        }
        reach(&self.lower, &medium);
        if optical.ready.load(Relaxed) {
            let restarted = || optical.restarted.store(true, Relaxed);
            let medium = drive::ready(
                &self.lower,
                &optical.medium,
                &mut buffer,
                busy,
                || false,
                restarted,
            )?
            .map_err(|refusal| drive::refused(&refusal))?;
            reach(&self.lower, &medium);
        }
        Ok(())
    }
}
