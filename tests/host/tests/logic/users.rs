// SPDX-License-Identifier: GPL-2.0

//! Opening, closing and removing a device, by threads that take turns in any order.

use proptest::prelude::*;
use rblk_host_tests::pktcdvd::logic::users::{self, Refusal};
use std::rc::Rc;

type Session = Rc<()>;
type Users = users::Users<Session>;

fn open(users: &mut Users) -> Result<bool, Refusal> {
    let first = users.begin_open()?;
    users.end_open(Ok::<_, Refusal>(()))?;
    Ok(first)
}

#[test]
fn the_first_opener_is_told_so() {
    let mut users = Users::default();

    assert_eq!(open(&mut users), Ok(true));
    assert_eq!(open(&mut users), Ok(false));
    assert_eq!(users.count(), 2);
    assert!(!users.close(true));
    assert!(users.close(true));
    assert_eq!(users.count(), 0);
}

#[test]
fn an_opener_that_fails_is_none() {
    let mut users = Users::default();

    assert_eq!(users.begin_open(), Ok(true));
    assert_eq!(users.end_open(Err(Refusal::Removed)), Err(Refusal::Removed));
    assert_eq!(users.count(), 0);
    assert_eq!(open(&mut users), Ok(true));
}

#[test]
fn a_plain_device_does_not_wait_for_its_last_closer() {
    let mut users = Users::default();

    assert_eq!(open(&mut users), Ok(true));
    assert!(!users.close(false));
    assert_eq!(open(&mut users), Ok(true));
}

#[test]
fn nobody_opens_while_a_session_begins() {
    let mut users = Users::default();

    assert_eq!(users.begin_open(), Ok(true));
    assert_eq!(users.begin_open(), Err(Refusal::Busy));
    assert_eq!(users.retire(), Err(Refusal::Busy));
}

/// Opens a drive and begins to close it.
fn closing() -> Users {
    let mut users = Users::default();

    assert_eq!(open(&mut users), Ok(true));
    assert!(users.close(true));
    users
}

fn assert_busy(users: &mut Users) {
    assert_eq!(users.begin_open(), Err(Refusal::Busy));
    assert_eq!(users.retire(), Err(Refusal::Busy));
}

#[test]
fn the_closer_gets_the_session_that_has_ended() {
    let mut users = closing();

    assert_busy(&mut users);
    assert!(users.session_ended(Rc::new(())).is_none());
    assert_busy(&mut users);
    assert!(users.stop_waiting().is_some());
    // It is being dropped: the drive is closed only then.
    assert_busy(&mut users);
    users.settle();
    assert_eq!(open(&mut users), Ok(true));
}

#[test]
fn the_thread_drops_what_the_closer_did_not_wait_for() {
    let mut users = closing();

    assert!(users.stop_waiting().is_none());
    assert_busy(&mut users);
    assert!(users.session_ended(Rc::new(())).is_some());
    assert_busy(&mut users);
    users.settle();
    assert_eq!(open(&mut users), Ok(true));
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

    assert_eq!(open(&mut users), Ok(true));
    assert_eq!(users.retire(), Err(Refusal::Busy));
    assert!(!users.close(false));
    assert_eq!(users.retire(), Ok(()));
}

/// A step of one of the threads; it is left out when that thread has something else to do.
#[derive(Debug, Clone, Copy)]
enum Step {
    BeginOpen,
    EndOpen { ok: bool },
    Close,
    ThreadEnds,
    CloserWakes,
    CloserDrops,
    ThreadDrops,
    Remove,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::BeginOpen),
        4 => prop::bool::weighted(0.8).prop_map(|ok| Step::EndOpen { ok }),
        4 => Just(Step::Close),
        3 => Just(Step::ThreadEnds),
        3 => Just(Step::CloserWakes),
        3 => Just(Step::CloserDrops),
        3 => Just(Step::ThreadDrops),
        1 => Just(Step::Remove),
    ]
}

/// A drive with its users: what each thread is about to do, and what it holds.
#[derive(Default)]
struct World {
    users: Users,
    /// Whether an opener is about to begin a session or to join one.
    opening: Option<bool>,
    openers: u32,
    /// The session that the thread works in.
    session: Option<Session>,
    /// Everything but the sessions themselves that knows of one; for counting them.
    alive: Vec<std::rc::Weak<()>>,
    closer_waits: bool,
    closer_holds: Option<Session>,
    ending: bool,
    thread_holds: Option<Session>,
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
            Step::EndOpen { ok } => self.end_open(ok),
            Step::Close => self.close(),
            Step::ThreadEnds => self.thread_ends(),
            Step::CloserWakes => self.closer_wakes(),
            Step::CloserDrops => {
                if self.closer_holds.take().is_some() {
                    self.users.settle();
                }
            }
            Step::ThreadDrops => {
                if self.thread_holds.take().is_some() {
                    self.users.settle();
                }
            }
            Step::Remove => self.remove(),
        }
        assert!(self.sessions() <= 1, "two sessions with one drive");
        assert_eq!(self.users.count(), self.openers);
    }

    /// The disk lets in one opener or closer at a time.
    fn disk_is_locked(&self) -> bool {
        self.opening.is_some() || self.closer_waits || self.closer_holds.is_some()
    }

    fn begin_open(&mut self) {
        if self.disk_is_locked() {
            return;
        }
        let leftover = self.sessions() != 0 && self.openers == 0;
        match self.users.begin_open() {
            Ok(first) => {
                assert!(!leftover && !self.removed, "let in too early or too late");
                assert_eq!(first, self.openers == 0);
                self.opening = Some(first);
            }
            Err(Refusal::Removed) => assert!(self.removed),
            Err(Refusal::Busy) => assert!(leftover, "refused without need"),
        }
    }

    fn end_open(&mut self, ok: bool) {
        let Some(first) = self.opening.take() else {
            return;
        };
        if ok && first {
            let session = Rc::new(());
            self.alive.push(Rc::downgrade(&session));
            self.session = Some(session);
        }
        let result = if ok { Ok(()) } else { Err(Refusal::Busy) };
        assert_eq!(self.users.end_open(result), result);
        self.openers += u32::from(ok);
    }

    fn close(&mut self) {
        if self.disk_is_locked() || self.openers == 0 {
            return;
        }
        self.openers -= 1;
        let ends = self.users.close(true);
        assert_eq!(ends, self.openers == 0);
        self.closer_waits = ends;
        self.ending |= ends;
    }

    fn thread_ends(&mut self) {
        if !self.ending {
            return;
        }
        self.ending = false;
        let session = self.session.take().expect("a session to end");
        self.thread_holds = self.users.session_ended(session);
        assert_eq!(self.thread_holds.is_none(), self.closer_waits);
    }

    /// The closer wakes up since the session has ended, or since it has taken too long.
    fn closer_wakes(&mut self) {
        if !self.closer_waits {
            return;
        }
        self.closer_waits = false;
        self.closer_holds = self.users.stop_waiting();
        assert_eq!(self.closer_holds.is_some(), !self.ending);
    }

    fn remove(&mut self) {
        let in_use = self.openers != 0 || self.opening.is_some() || self.sessions() != 0;
        let result = self.users.retire();

        assert_eq!(result.is_err(), in_use);
        self.removed |= result.is_ok();
    }

    /// Lets each thread finish what it is at.
    fn settle(&mut self) {
        for step in [
            Step::EndOpen { ok: false },
            Step::CloserWakes,
            Step::ThreadEnds,
            Step::CloserDrops,
            Step::ThreadDrops,
        ] {
            self.step(step);
        }
        while self.openers != 0 {
            self.step(Step::Close);
            self.settle();
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
            prop_assert_eq!(world.users.end_open(Err(Refusal::Busy)), Err(Refusal::Busy));
        }
        prop_assert_eq!(world.users.retire(), Ok(()));
    }
}
