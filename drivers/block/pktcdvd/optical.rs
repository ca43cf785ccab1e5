// SPDX-License-Identifier: GPL-2.0

//! A session with an optical drive: the medium, and whether it is still there.

use crate::{
    activity::Activity,
    bell::Bell,
    drive,
    fate::Fate,
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
    medium::takes_packet,
    session::Session, //
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

/// The packet of a medium that is only read: it is never cut.
const READ_ONLY_PACKET: u32 = 4;

/// How often the drive is asked whether its medium has changed, until it says no.
const MAX_CHANGES: u32 = 8;

/// How long a drive that has failed may take until it says what is in it.
const RECOVERY: Delta = Delta::from_secs(30);

/// How often it is asked meanwhile.
const LOOK_INTERVAL: Delta = Delta::from_secs(1);

/// What there is to a session with an optical drive.
pub(crate) struct Optical {
    /// What was in the drive when the session began; see [`Optical::medium`].
    pub(crate) medium: Medium,
    /// What commands need that have data. Nothing is locked under it.
    buffer: Pin<KBox<Mutex<CommandBuffer>>>,
    /// Whether the drive was made ready to write.
    ready: Atomic<bool>,
    /// Whether it was told to go on with a format, even if it could not be made ready then.
    restarted: Atomic<bool>,
    /// The speed that was set for that, in kB/s.
    speed: Atomic<u32>,
    /// How many sectors of the medium can be used: more when the drive has gone on formatting it.
    sectors: Atomic<u64>,
    /// Whether the drive formats the medium in the background.
    formats: Atomic<bool>,
    /// What the drive is busy with for long.
    activity: Arc<Activity>,
    /// What the block layer counts changes of the medium with.
    media_seq: Atomic<u64>,
    /// How often the drive has told anybody of a reset or of another medium.
    attentions: Atomic<u32>,
    /// IO has failed, and nobody has looked why.
    suspect: Atomic<bool>,
    /// The drive has told somebody else that it could not keep what it had cached.
    cache_failed: Atomic<bool>,
    /// Somebody who has the disk open has had the door unlocked.
    unlocked: Atomic<bool>,
    /// The medium is not there any more.
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

    /// Returns what is in the drive, as it was when the drive was last made ready.
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

    /// Notes what came of making the drive ready.
    fn note(&self, medium: &Medium) {
        self.speed.store(speed(medium), Relaxed);
        self.sectors.store(medium.sectors(), Relaxed);
        self.formats
            .store(medium.formatted == Formatted::Running, Relaxed);
    }

    /// Notes that something is wrong. Any context.
    pub(crate) fn suspect(&self) {
        self.suspect.store(true, Relaxed);
    }

    /// Notes that the drive may have lost what it had cached. Any context.
    pub(crate) fn cache_failed(&self) {
        self.cache_failed.store(true, Relaxed);
    }

    /// Returns whether something has happened that has to be looked at before more IO. Any context.
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

    /// Returns whether the medium, or the drive, is not there any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed) || self.fate.is_gone()
    }
}

/// Opens an optical drive, and finds out what is in it.
///
/// If it is wanted for writing, and a drive that formats it in the background was stopped, the drive
/// goes on with that.
///
/// Fails with [`EROFS`] if it is wanted for writing and cannot be written, with what the drive's own
/// open returns, such as [`EBUSY`] and `ENOMEDIUM`, and with [`EIO`] if the drive does not answer.
/// Process context; waits for the drive, up to five minutes if that has to go on with a format, but not
/// after a signal, nor when the system is about to sleep: then it fails with [`ERESTARTSYS`].
/// `activity` tells how far the drive has come.
pub(crate) fn open(
    dev: DevT,
    index: u32,
    write: bool,
    bell: &Arc<Bell>,
    activity: &Arc<Activity>,
) -> Result<Session> {
    let fate = Fate::new(bell)?;
    let lower = BdevFile::open_watched(dev, Mode::Read, fate.clone())?;
    // Somebody else may have the number now.
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
        // What the drive was told is not left undone.
        session
            .check_writable(index)
            .inspect_err(|_| session.finish_for_opener(index))?;
    }
    Ok(session)
}

/// Returns whether an opener is not to wait for the drive any longer.
fn gives_up() -> bool {
    kthread::should_freeze() || current!().signal_pending()
}

/// Returns how often the drive has told anybody of a reset or of another medium.
///
/// Whoever sends a command gets that, and then nobody else does.
fn attentions(lower: &BdevFile) -> u32 {
    Drive::of(lower).map_or(0, |drive| drive.attentions())
}

/// Returns the write speed that was set for a medium, in kB/s.
fn speed(medium: &Medium) -> u32 {
    medium.writing.map_or(0, |writing| writing.speed.into())
}

/// Tells what came of going on with a format, if that was tried.
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

/// Has the lower device reach as far as the medium does.
///
/// It ends where the medium did when its driver last looked, or in front of a block that could not
/// be read; what lies behind fails. Its driver takes each block that cannot be read for the end of
/// the medium that lies in the last 75 it has found, or behind those: after a format was gone on with
/// that is much of the medium. So this is done anew whenever IO has failed.
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

/// Has the drive tell of all that has happened to the medium, and returns the number that changes
/// with the next time, and whether something has happened.
///
/// That is done by opening it, so that the drive's own driver learns of it, too.
fn settle(lower: &BdevFile) -> (u64, bool) {
    let mut changed = false;

    for _ in 0..MAX_CHANGES {
        let seq = lower.media_seq();
        // Not even that may work, if the drive has gone.
        drop(Glance::open(lower.dev()));
        if lower.media_seq() == seq {
            return (seq, changed);
        }
        changed = true;
    }
    (lower.media_seq(), changed)
}

impl Session {
    /// Checks whether the medium can be written, and tells why not.
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
    /// If the session has a medium that the drive formats, there may be more of them after
    /// [`Session::prepare_write`].
    pub(crate) fn sectors(&self) -> u64 {
        match &self.optical {
            Some(optical) => optical.sectors(),
            None => self.geometry.capacity_sectors(),
        }
    }

    /// Has the drive ready for a writer: sets write parameters and speed, and has it go on with a
    /// format, unless it is ready.
    ///
    /// Fails as [`open`]. Process context; waits for the drive, as that does.
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

    /// Has the drive close the medium, if it has to, and gives it its speeds back. To be called when
    /// nothing is left to do in a session and what was written was flushed. When it is called again
    /// there is nothing to close, unless the drive has gone on formatting since.
    ///
    /// A medium that the drive formats in the background cannot be read by others before that. Does
    /// nothing if nobody has had the medium ready to write, or the drive go on formatting it. Process context; waits for the drive up
    /// to 50 minutes, without any lock that another device needs.
    pub(crate) fn finish(&self, index: u32) {
        // Cannot fail otherwise.
        let _ = self.finish_unless(index, || false);
    }

    /// As [`Session::finish`], for who serves a task: fails with [`ERESTARTSYS`] after a signal, and
    /// when the system is about to sleep. Then the drive's own driver closes a medium that was written.
    pub(crate) fn finish_for_task(&self, index: u32) -> Result {
        self.finish_unless(index, gives_up)
    }

    /// As [`Session::finish_for_task`], for an opener who fails in any case.
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
                // If that has failed, the driver of the drive may try once more.
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

    /// Has the drive put on the medium what it has cached.
    ///
    /// A drive that has got another medium meanwhile has lost what it had.
    ///
    /// Process context; waits for the drive, but allocates nothing and takes no lock that somebody
    /// else holds while he waits.
    pub(crate) fn sync(&self) -> BlkResult {
        if self.optical.is_none() {
            return Ok(());
        }
        if self.is_lost() {
            return Err(BlkError::IOERR);
        }
        // Before anything else is written, it is looked what has become of the medium.
        drive::flush(&self.lower).inspect_err(|_| self.io_failed())?;
        // A drive that was reset since the last write has told this command, or another one before.
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

    /// Notes that somebody has had the door unlocked.
    pub(crate) fn door_unlocked(&self) {
        if let Some(optical) = &self.optical {
            optical.unlocked.store(true, Relaxed);
        }
    }

    /// Locks the door of the drive for one more opener, if somebody has had it unlocked.
    ///
    /// Otherwise the drive is not asked: it may be busy for long.
    pub(crate) fn lock_door_again(&self) {
        let optical = self.optical.as_ref();
        if optical.is_some_and(|optical| optical.unlocked.xchg(false, Relaxed)) {
            self.lock_door();
        }
    }

    /// Locks the door of the drive again, if its driver does so.
    pub(crate) fn lock_door(&self) {
        if Drive::of(&self.lower).is_some_and(|drive| drive.locks_door()) {
            drive::try_to(&self.lower, &cdb::prevent_removal(true));
        }
    }

    /// Looks whether the medium is the one that the session began with, and readies the drive anew.
    ///
    /// If it is not, or the drive does not tell, the session is lost. Returns whether the drive may
    /// have lost what it had cached. Process context; waits for the drive.
    pub(crate) fn recover(&self, index: u32) -> bool {
        let Some(optical) = &self.optical else {
            return false;
        };
        // Before looking, or what happens meanwhile would go unseen.
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
            // A drive that was reset has forgotten that, too.
            self.lock_door();
        }
        let failed = optical.cache_failed.xchg(false, Relaxed);
        failed || changed || media_seq != before || attentions != told
    }

    /// Looks again and again as long as the drive only has trouble of its own, but not for ever.
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
        // The thread of a device is not given up, nor told to hurry: whoever uses it waits for it.
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
