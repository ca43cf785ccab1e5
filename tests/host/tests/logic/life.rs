// SPDX-License-Identifier: GPL-2.0

//! What the thread of a device brings about: the end of sessions, and rest before the system sleeps.

use rblk_host_tests::pktcdvd::logic::{
    life::{Life, Loss, Step},
    users::Duty,
};

const DUTIES: [Duty; 3] = [Duty::Serve, Duty::Linger(7), Duty::End];

/// The steps that a device with nothing to do takes until the first that repeats. A flush succeeds.
fn steps(life: Life, mut owes_sync: bool) -> Vec<Step> {
    let mut steps = Vec::new();

    loop {
        let step = life.at_rest(owes_sync);
        if steps.contains(&step) {
            return steps;
        }
        steps.push(step);
        owes_sync &= step != Step::Sync;
    }
}

#[test]
fn a_device_in_use_waits_for_more() {
    let life = Life::new(Duty::Serve, false);

    assert_eq!(life, Life::Running);
    assert!(!life.is_in_a_hurry());
    assert_eq!(life.left(), None);
    // What the drive has cached stays there until somebody asks for it.
    assert_eq!(steps(life, true), [Step::Wait]);
}

#[test]
fn nothing_waits_for_more_writes_before_a_rest_or_an_end() {
    for duty in DUTIES {
        for pausing in [false, true] {
            let in_use = (duty, pausing) == (Duty::Serve, false);
            assert_eq!(Life::new(duty, pausing).is_in_a_hurry(), !in_use);
        }
    }
}

#[test]
fn a_lingering_session_is_flushed_and_has_its_time() {
    let life = Life::new(Duty::Linger(7), false);

    assert_eq!(life.left(), Some(7));
    assert_eq!(steps(life, true), [Step::Sync, Step::Wait]);
    assert_eq!(steps(life, false), [Step::Wait]);
}

#[test]
fn the_system_sleeps_with_all_on_the_medium() {
    for duty in [Duty::Serve, Duty::Linger(7)] {
        let life = Life::new(duty, true);

        assert_eq!(steps(life, true), [Step::Sync, Step::Rest]);
        assert_eq!(steps(life, false), [Step::Rest]);
    }
}

#[test]
fn a_session_ends_before_the_system_sleeps() {
    for pausing in [false, true] {
        let life = Life::new(Duty::End, pausing);

        assert_eq!(steps(life, true), [Step::End]);
        assert_eq!(life.left(), None);
    }
}

#[test]
fn a_loss_is_told_once() {
    let mut loss = Loss::default();

    assert!(!loss.is_news(false));
    assert!(loss.is_news(true));
    assert!(!loss.is_news(true));
    assert!(!loss.is_news(false));
    assert!(!loss.is_news(true));
}
