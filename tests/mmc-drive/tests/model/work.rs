// SPDX-License-Identifier: GPL-2.0-or-later
//! A drive at work: time, aborts, what hangs.

use rblk_mmc_drive::bay::{Bay, Job, Rack, ABORTED};
use rblk_mmc_drive::control::command;
use rblk_mmc_drive::drive::{Answer, Drive};
use rblk_mmc_drive::options;
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn rack(n: usize) -> Arc<Rack> {
    let drive = || {
        let (options, medium) = options::parse("dvd+rw").unwrap();
        Drive::new(options, medium).unwrap()
    };
    let rack = Rack::new((0..n).map(|_| drive()).collect());
    for bay in &rack.bays {
        send(bay, 0, 0x00).recv_timeout(LONG).unwrap();
    }
    rack
}

fn send(bay: &Bay, tag: u64, op: u8) -> Receiver<Answer> {
    let (tell, told) = channel();
    let mut cdb = [0; 32];
    cdb[0] = op;
    bay.submit(Job {
        tag,
        cdb,
        out: Vec::new(),
        done: Box::new(move |answer, _| tell.send(answer).unwrap()),
    });
    told
}

/// Waits until the worker of a drive hangs: it counts the fault before.
fn wait_until_stuck(rack: &Rack, get_faults: &str) {
    let start = Instant::now();
    while command(get_faults, rack) != Ok("1\n".into()) {
        assert!(start.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_stuck_drive_stops_only_itself() {
    let rack = rack(2);
    command("fault act=hang", &rack).unwrap();
    let stuck = send(&rack.bays[0], 1, 0x00);
    let behind = send(&rack.bays[0], 2, 0x00);
    let other = send(&rack.bays[1], 3, 0x00);
    assert_eq!(other.recv_timeout(LONG), Ok(Answer::Good));
    wait_until_stuck(&rack, "get faults");
    assert!(stuck.recv_timeout(SHORT).is_err());
    command("release", &rack).unwrap();
    assert_eq!(stuck.recv_timeout(LONG), Ok(Answer::Good));
    assert_eq!(behind.recv_timeout(LONG), Ok(Answer::Good));
    assert_eq!(command("get max_queued", &rack), Ok("2\n".into()));
}

#[test]
fn aborted_commands_are_answered_first() {
    let rack = rack(1);
    let bay = &rack.bays[0];
    command("fault act=hang", &rack).unwrap();
    let (first, second) = (send(bay, 1, 0x00), send(bay, 2, 0x00));
    wait_until_stuck(&rack, "get faults");
    assert!(bay.abort(2));
    assert_eq!(second.try_recv(), Ok(Answer::Transport(ABORTED)));
    assert!(bay.abort(1));
    assert_eq!(first.try_recv(), Ok(Answer::Transport(ABORTED)));
    assert!(!bay.abort(1));
    assert_eq!(send(bay, 3, 0x00).recv_timeout(LONG), Ok(Answer::Good));
}

#[test]
fn time_is_cut_short_when_the_guest_goes() {
    let rack = rack(1);
    let bay = &rack.bays[0];
    command("fault act=delay:60000", &rack).unwrap();
    command("fault act=hang", &rack).unwrap();
    let (late, stuck) = (send(bay, 1, 0x00), send(bay, 2, 0x00));
    let start = Instant::now();
    bay.drain();
    assert!(start.elapsed() < LONG);
    assert_eq!(late.try_recv(), Ok(Answer::Good));
    assert_eq!(stuck.try_recv(), Ok(Answer::Transport(ABORTED)));
}

#[test]
fn late_answers_are_late() {
    let rack = rack(1);
    command("fault act=delay:300", &rack).unwrap();
    let start = Instant::now();
    let late = send(&rack.bays[0], 1, 0x00);
    assert_eq!(late.recv_timeout(LONG), Ok(Answer::Good));
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn unplugged_drives_answer_nothing() {
    let rack = rack(2);
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = told.clone();
    let on_plug = rack.on_plug.set(Box::new(move |n, here| {
        list.lock().unwrap().push((n, here))
    }));
    assert!(on_plug.is_ok());
    command("@1 fault act=hang", &rack).unwrap();
    let stuck = send(&rack.bays[1], 1, 0x00);
    wait_until_stuck(&rack, "@1 get faults");
    command("@1 unplug", &rack).unwrap();
    assert!(matches!(stuck.recv_timeout(LONG), Ok(Answer::Transport(_))));
    assert_eq!(
        send(&rack.bays[1], 2, 0x00).recv_timeout(LONG),
        Ok(Answer::Transport(3))
    );
    command("@1 plug", &rack).unwrap();
    assert_eq!(*told.lock().unwrap(), [(1, false), (1, true)]);
    assert!(command("@2 stats", &rack).is_err());
    assert_eq!(command("drives", &rack), Ok("2\n".into()));
}
