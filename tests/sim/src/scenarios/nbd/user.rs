// SPDX-License-Identifier: GPL-2.0

//! What users do with the disk, and which errors they may see.

use super::state::{
    Session,
    World,
    MOST,
    SECOND,
    UNIT, //
};
use crate::world::server::flag;
use kernel::sim::{
    self,
    choose,
    clock,
    once_in, //
};
use rb::{
    block::error::{
        BlkError,
        BlkResult, //
    },
    sim::disks::{
        self,
        Disk, //
    },
};

/// Opens the disk, and uses it.
pub(super) fn use_disk(world: &World) {
    let session = world.session();
    for _ in 0..1 + choose(3) {
        let Ok(disk) = disks::open("nbd0", true) else {
            if !session.destroys {
                sim::violation("the disk cannot be opened");
            }
            return;
        };
        for _ in 0..choose(world.row) {
            access(world, &session, &disk);
            if once_in(8) {
                clock::sleep(choose(SECOND));
            }
        }
    }
}

/// What somebody wants of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Read,
    Write,
    Flush,
    Discard,
    Zero,
}

/// All of it.
const KINDS: [What; 5] = [
    What::Read,
    What::Write,
    What::Flush,
    What::Discard,
    What::Zero,
];

/// How often each of them is wanted.
pub(super) const WHAT: [u64; 5] = [4, 4, 2, 1, 1];

/// What was so when an access began.
struct Before {
    at: u64,
    refusals: u64,
    resizes: (u64, u64),
    outside: bool,
}

fn access(world: &World, session: &Session, disk: &Disk) {
    let size = session.size.get();
    // Seldom behind the end.
    let end = if once_in(16) {
        MOST
    } else {
        size.min(world.room)
    };
    let first = choose(end / UNIT) * UNIT;
    let longest = if once_in(4) { 4 } else { 1 };
    let count = ((1 + choose(longest)) * UNIT).min(end - first);
    let what = KINDS[world.accesses.next()];
    let before = Before {
        at: clock::now(),
        refusals: world.server.refusals(),
        resizes: session.resizes.get(),
        outside: first + count > size,
    };
    let data = &world.data;
    let result = data.watch(format!("{what:?} of {count} at {first}"), || match what {
        What::Read => data.read(disk, first, count),
        What::Write => data.write(disk, first, count),
        What::Flush => data.flush(disk),
        What::Discard => data.discard(disk, first, count),
        What::Zero => data.zero(disk, first, count),
    });
    if result.is_err() {
        sim::log(format!(
            "{what:?} of {count} at {first}, of {size}, disk {}: {result:?}",
            disk.sectors()
        ));
    }
    if what != What::Read {
        world.look_after_crash(0..MOST);
    }
    sim::count("accesses", 1);
    sim::count("bytes", count * 512);
    judge(world, session, what, result, &before);
}

/// Errors are only where something failed.
fn judge(world: &World, session: &Session, what: What, result: BlkResult, before: &Before) {
    let Err(err) = result else {
        let read_only = world.flags() & flag::READ_ONLY != 0;
        if read_only && !matches!(what, What::Read | What::Flush) {
            sim::violation("a disk is written to that is read-only");
        }
        return;
    };
    let server = &world.server;
    server.notice();
    let lacks = match what {
        What::Discard => world.flags() & flag::TRIM == 0,
        What::Zero => world.flags() & flag::ZEROES == 0,
        _ => false,
    };
    let optional = matches!(what, What::Discard | What::Zero);
    let unsupported = optional && (lacks || server.has_unknown());
    let resizes = session.resizes.get();
    let fails = before.outside
        || before.resizes != resizes
        || resizes.0 != resizes.1
        || session.ends.get()
        || session.ends_on_close
        || (what != What::Read && world.flags() & flag::READ_ONLY != 0)
        // Of who is slow, the driver may know before the world does.
        || session.timeout.get() != 0
        || server.health.was_out(before.at, session.dead.get() * SECOND);
    let excused = server.refusals() != before.refusals
        || match err {
            BlkError::NOTSUPP => unsupported || fails,
            BlkError::IOERR => fails,
            _ => false,
        };
    if !excused {
        let fine = server.health.fine();
        sim::violation(&format!(
            "{what:?} fails for nothing: {err:?}; {fine} connections are fine"
        ));
    }
    sim::count("accesses failed", 1);
}
