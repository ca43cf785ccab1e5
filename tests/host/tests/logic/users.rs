// SPDX-License-Identifier: GPL-2.0

//! Opening, closing and removing a device, by threads that take turns in any order.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::users::{self, After, Duty, Opener, Refusal};
use std::rc::Rc;

type Session = Rc<()>;
type Users = users::Users<Session>;

/// How long sessions linger.
const LINGER: u64 = 30;

fn open_for(users: &mut Users, write: bool) -> Result<Opener, Refusal> {
    let opener = users.begin_open()?;
    users.end_open(Ok::<_, Refusal>(()), write)?;
    Ok(opener)
}

fn open(users: &mut Users) -> Result<Opener, Refusal> {
    open_for(users, false)
}

fn duty(users: &mut Users, now: u64) -> Duty {
    users.duty(now, LINGER, || false)
}

#[test]
fn the_first_opener_is_told_so() {
    let mut users = Users::default();

    assert_eq!(open(&mut users), Ok(Opener::First));
    assert_eq!(open(&mut users), Ok(Opener::Another));
    assert_eq!(users.count(), 2);
    assert!(!users.close(After::End));
    assert!(users.close(After::End));
    assert_eq!(users.count(), 0);
}

#[test]
fn an_opener_that_fails_is_none() {
    let mut users = Users::default();

    assert_eq!(users.begin_open(), Ok(Opener::First));
    let failed = users.end_open(Err(Refusal::Removed), true);
    assert_eq!(failed, Err(Refusal::Removed));
    assert_eq!(users.count(), 0);
    assert!(!users.had_writer());
    assert_eq!(open(&mut users), Ok(Opener::First));
    assert_eq!(users.begin_open(), Ok(Opener::Another));
    assert!(users.end_open(Err(Refusal::Removed), true).is_err());
    assert_eq!(users.count(), 1);
    assert!(users.close(After::End));
}

#[test]
fn the_session_of_a_plain_device_stays() {
    let mut users = Users::default();

    assert_eq!(open(&mut users), Ok(Opener::First));
    assert!(users.close(After::Stay));
    assert_eq!(duty(&mut users, 0), Duty::Serve);
    assert_eq!(open(&mut users), Ok(Opener::First));
}

#[test]
fn nobody_opens_while_a_session_begins() {
    let mut users = Users::default();

    assert_eq!(users.begin_open(), Ok(Opener::First));
    assert_busy(&mut users);
    assert_eq!(users.hurry(), Err(Refusal::Busy));
}

fn assert_busy(users: &mut Users) {
    assert_eq!(users.begin_open(), Err(Refusal::Busy));
    assert_eq!(users.retire(), Err(Refusal::Busy));
}

/// Opens a drive for writing, and closes it.
fn closed(after: After) -> Users {
    let mut users = Users::default();

    assert_eq!(open_for(&mut users, true), Ok(Opener::First));
    assert!(users.close(after));
    users
}

/// Ends a session that the thread is to end, and closes the drive.
fn assert_ends(mut users: Users, now: u64) {
    assert_busy(&mut users);
    assert_eq!(duty(&mut users, now), Duty::End);
    users.session_ended(Rc::new(()));
    assert_eq!(duty(&mut users, now), Duty::Serve);
    assert_busy(&mut users);
    assert_eq!(users.hurry(), Ok(false));
    assert!(users.take_ended().is_some());
    // It is being dropped: the drive is closed only then.
    assert!(users.take_ended().is_none());
    assert_busy(&mut users);
    users.closed();
    assert!(!users.had_writer());
    assert_eq!(users.hurry(), Ok(true));
    assert_eq!(open(&mut users), Ok(Opener::First));
}

#[test]
fn a_session_that_does_not_linger_ends_at_once() {
    assert_ends(closed(After::End), 0);
}

#[test]
fn a_session_that_lingers_ends_when_its_time_is_over() {
    let mut users = closed(After::Linger(100));

    assert_eq!(duty(&mut users, 100), Duty::Linger(LINGER));
    assert_eq!(duty(&mut users, 129), Duty::Linger(1));
    assert_eq!(users.label(), "lingering");
    assert_eq!(duty(&mut users, 130), Duty::End);
    assert_ends(users, 131);
}

#[test]
fn a_change_of_the_time_counts_at_once() {
    let mut users = closed(After::Linger(100));

    assert_eq!(users.duty(140, 50, || false), Duty::Linger(10));
    assert_eq!(users.duty(140, 0, || false), Duty::End);
    assert_ends(users, 140);
}

#[test]
fn a_session_that_has_lost_its_medium_lingers_no_more() {
    let mut users = closed(After::Linger(100));

    assert_eq!(users.duty(100, LINGER, || true), Duty::End);
    assert_ends(users, 100);
}

#[test]
fn a_session_that_lingers_can_be_told_to_end() {
    let mut users = closed(After::Linger(100));

    assert_eq!(users.retire(), Err(Refusal::Busy));
    assert_eq!(users.hurry(), Ok(false));
    assert_ends(users, 100);
}

#[test]
fn the_next_opener_takes_over_a_session_that_lingers() {
    let mut users = closed(After::Linger(100));

    assert_eq!(users.begin_open(), Ok(Opener::Heir));
    // Its time runs out, but somebody is about to use it.
    assert_eq!(duty(&mut users, 500), Duty::Serve);
    assert_eq!(users.hurry(), Err(Refusal::Busy));
    assert_eq!(users.end_open(Ok::<_, Refusal>(()), false), Ok(()));
    assert_eq!(duty(&mut users, 500), Duty::Serve);
    // It is the same session, which was written.
    assert!(users.had_writer());
    assert!(users.close(After::Linger(110)));
    // Who only reads does not have the drive wait for longer.
    assert_eq!(duty(&mut users, 120), Duty::Linger(10));
    // Two more of them are there, and one who writes.
    assert_eq!(open(&mut users), Ok(Opener::Heir));
    assert_eq!(open_for(&mut users, true), Ok(Opener::Another));
    assert_eq!(open(&mut users), Ok(Opener::Another));
    for _ in 0..2 {
        assert!(!users.close(After::Linger(0)));
    }
    assert!(users.close(After::Linger(600)));
    assert_eq!(duty(&mut users, 610), Duty::Linger(20));
}

#[test]
fn readers_do_not_keep_a_session_for_ever() {
    let mut users = closed(After::Linger(100));

    for now in (101..131).step_by(10) {
        assert_eq!(open(&mut users), Ok(Opener::Heir));
        assert!(users.close(After::Linger(now)));
    }
    assert_eq!(open(&mut users), Ok(Opener::Heir));
    assert!(users.close(After::Linger(200)));
    assert_eq!(duty(&mut users, 200), Duty::End);
    assert_ends(users, 200);
    // The next session has a time of its own.
    let mut next = closed(After::Linger(100));
    assert_eq!(open(&mut next), Ok(Opener::Heir));
    assert!(next.close(After::End));
    assert_eq!(duty(&mut next, 100), Duty::End);
    next.session_ended(Rc::new(()));
    assert!(next.take_ended().is_some());
    next.closed();
    assert_eq!(open_for(&mut next, true), Ok(Opener::First));
    assert!(next.close(After::Linger(500)));
    assert_eq!(duty(&mut next, 510), Duty::Linger(20));
}

#[test]
fn an_heir_that_fails_leaves_the_session_as_it_was() {
    let mut users = closed(After::Linger(100));

    assert_eq!(users.begin_open(), Ok(Opener::Heir));
    assert!(users.end_open(Err(Refusal::Removed), true).is_err());
    assert_eq!(duty(&mut users, 110), Duty::Linger(20));
    assert_eq!(users.hurry(), Ok(false));
    assert_ends(users, 110);
}

#[test]
fn what_was_removed_is_never_opened() {
    let mut users = Users::default();

    assert_eq!(users.retire(), Ok(()));
    assert_eq!(users.begin_open(), Err(Refusal::Removed));
    // Whoever removes it may find a reason not to, and try again.
    assert_eq!(users.retire(), Ok(()));
}

#[test]
fn what_is_open_is_not_removed() {
    let mut users = Users::default();

    assert_eq!(open(&mut users), Ok(Opener::First));
    assert_eq!(users.retire(), Err(Refusal::Busy));
    assert!(users.close(After::Stay));
    assert_eq!(users.retire(), Ok(()));
}

/// A step of one of the threads; it is left out when that thread has something else to do.
#[derive(Debug, Clone, Copy)]
enum Step {
    BeginOpen,
    EndOpen { ok: bool, write: bool },
    Close { lingers: bool },
    Time(u64),
    ThreadWorks { lost: bool },
    CloserTakes,
    CloserDrops,
    Hurry,
    Remove,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::BeginOpen),
        4 => (prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(ok, write)| Step::EndOpen { ok, write }),
        4 => any::<bool>().prop_map(|lingers| Step::Close { lingers }),
        2 => (1..2 * LINGER).prop_map(Step::Time),
        4 => prop::bool::weighted(0.1).prop_map(|lost| Step::ThreadWorks { lost }),
        3 => Just(Step::CloserTakes),
        3 => Just(Step::CloserDrops),
        1 => Just(Step::Hurry),
        1 => Just(Step::Remove),
    ]
}

/// A drive with its users: what each thread is about to do, and what it holds.
#[derive(Default)]
struct World {
    users: Users,
    now: u64,
    /// Who is about to begin a session, to join or to take over one.
    opening: Option<Opener>,
    openers: u32,
    /// The session that the thread works in.
    session: Option<Session>,
    /// Everything but the sessions themselves that knows of one; for counting them.
    alive: Vec<std::rc::Weak<()>>,
    /// Since when the session lingers.
    lingers: Option<u64>,
    /// Since when it did, if nobody has come since who writes.
    lingered: Option<u64>,
    /// The session is to end: nobody may take it over any more.
    doomed: bool,
    closer_holds: Option<Session>,
    removed: bool,
}

impl World {
    fn sessions(&self) -> usize {
        let alive = self.alive.iter();
        alive.filter(|session| session.upgrade().is_some()).count()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::BeginOpen => self.begin_open(),
            Step::EndOpen { ok, write } => self.end_open(ok, write),
            Step::Close { lingers } => self.close(lingers),
            Step::Time(passes) => self.now += passes,
            Step::ThreadWorks { lost } => self.thread_works(lost),
            Step::CloserTakes => {
                if let Some(session) = self.users.take_ended() {
                    self.closer_holds = Some(session);
                }
            }
            Step::CloserDrops => {
                if self.closer_holds.take().is_some() {
                    self.users.closed();
                }
            }
            Step::Hurry => self.hurry(),
            Step::Remove => self.remove(),
        }
        assert!(self.sessions() <= 1, "two sessions with one drive");
        assert_eq!(self.users.count(), self.openers);
    }

    fn begin_open(&mut self) {
        // The disk lets in one opener or closer at a time.
        if self.opening.is_some() {
            return;
        }
        let ends = self.sessions() != 0 && self.openers == 0 && self.lingers.is_none();
        match self.users.begin_open() {
            Ok(opener) => {
                assert!(!ends && !self.removed, "let in too early or too late");
                let expected = match (self.openers, self.lingers) {
                    (0, None) => Opener::First,
                    (0, Some(_)) => Opener::Heir,
                    _ => Opener::Another,
                };
                assert_eq!(opener, expected);
                self.opening = Some(opener);
            }
            Err(Refusal::Removed) => assert!(self.removed),
            Err(Refusal::Busy) => assert!(ends, "refused without need"),
        }
    }

    fn end_open(&mut self, ok: bool, write: bool) {
        let Some(opener) = self.opening.take() else {
            return;
        };
        let result = if ok { Ok(()) } else { Err(Refusal::Busy) };
        if ok && opener == Opener::First {
            let session = Rc::new(());
            self.alive.push(Rc::downgrade(&session));
            self.session = Some(session);
        }
        if ok {
            self.openers += 1;
            self.lingered = self.lingers.take().or(self.lingered).filter(|_| !write);
        }
        assert_eq!(self.users.end_open(result, write), result);
        assert!(self.users.had_writer() || !(ok && write));
    }

    fn close(&mut self, lingers: bool) {
        if self.opening.is_some() || self.openers == 0 {
            return;
        }
        self.openers -= 1;
        let after = if lingers {
            After::Linger(self.now)
        } else {
            After::End
        };
        let last = self.users.close(after);
        assert_eq!(last, self.openers == 0);
        if last {
            let since = self.lingered.take().unwrap_or(self.now);
            self.lingers = Some(since).filter(|_| lingers);
        }
        self.doomed |= last && !lingers;
    }

    fn thread_works(&mut self, lost: bool) {
        let duty = self.users.duty(self.now, LINGER, || lost);
        if let (Some(since), None) = (self.lingers, self.opening) {
            let over = lost || self.now - since >= LINGER;
            self.doomed |= over;
            self.lingers = self.lingers.filter(|_| !over);
        }
        let left = self
            .lingers
            .map(|since| LINGER.saturating_sub(self.now - since));
        match duty {
            Duty::End => {
                assert!(std::mem::take(&mut self.doomed), "ended too early");
                let session = self.session.take().expect("a session to end");
                self.users.session_ended(session);
            }
            Duty::Linger(time) => assert_eq!(Some(time), left),
            Duty::Serve => {
                assert!(!self.doomed && (self.lingers.is_none() || self.opening.is_some()))
            }
        }
    }

    fn hurry(&mut self) {
        let result = self.users.hurry();
        let in_use = self.openers != 0 || self.opening.is_some();

        assert_eq!(result.is_err(), in_use);
        if !in_use {
            assert_eq!(result, Ok(self.sessions() == 0));
            self.doomed |= self.lingers.take().is_some();
        }
    }

    fn remove(&mut self) {
        let in_use = self.openers != 0 || self.opening.is_some() || self.sessions() != 0;
        let result = self.users.retire();

        assert_eq!(result.is_err(), in_use);
        self.removed |= result.is_ok();
    }

    /// Lets each thread finish what it is at.
    fn settle(&mut self) {
        self.step(Step::EndOpen {
            ok: false,
            write: false,
        });
        while self.openers != 0 {
            self.step(Step::Close { lingers: true });
        }
        for step in [
            Step::Time(LINGER),
            Step::ThreadWorks { lost: false },
            Step::CloserTakes,
            Step::CloserDrops,
        ] {
            self.step(step);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_drive_has_one_session_and_loses_none(
        steps in prop::collection::vec(any_step(), 0..100),
    ) {
        let mut world = World::default();

        for step in steps {
            world.step(step);
        }
        world.settle();
        prop_assert_eq!(world.sessions(), 0);
        // It can be opened and removed as if nothing had happened.
        prop_assert_eq!(world.users.begin_open().is_ok(), !world.removed);
        if !world.removed {
            prop_assert!(world.users.end_open(Err(Refusal::Busy), false).is_err());
        }
        prop_assert_eq!(world.users.retire(), Ok(()));
    }
}
