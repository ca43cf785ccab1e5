// SPDX-License-Identifier: GPL-2.0

//! Reads and writes of lower files.

use proptest::prelude::*;
use rblk_host_tests::ubd::logic::{
    layout::Part,
    transfer::{Failure, Next, Transfer},
};

proptest! {
    /// Each byte is asked for once, in order, however little comes at a time.
    #[test]
    fn u3_short_ones_go_on_where_they_stopped(
        offset in 0..1_u64 << 40,
        length in 1..5000_u64,
        parts in prop::collection::vec(prop_oneof![Just(None), (1..1000_u64).prop_map(Some)], 0..20),
    ) {
        let mut transfer = Transfer::write(offset, length);
        let mut done = 0;
        for part in parts.into_iter().chain(std::iter::repeat(Some(u64::MAX))) {
            prop_assert_eq!(transfer.offset(), offset + done);
            prop_assert_eq!(transfer.rest(), length - done);
            let Some(part) = part else {
                prop_assert_eq!(transfer.got(Err(Failure::Passing)), Next::Later);
                continue;
            };
            let part = part.min(length - done);
            done += part;
            let next = transfer.got(Ok(part));
            prop_assert_eq!(transfer.done(), done);
            if done == length {
                prop_assert_eq!(next, Next::Complete(0));
                break;
            }
            prop_assert_eq!(next, Next::Again);
        }
    }
}

/// The last sector of a file of 1000 bytes.
const TAIL: Part = Part {
    offset: 512,
    present: 488,
    zeros: 24,
};

#[test]
fn u9_the_last_sector() {
    let mut read = Transfer::read_backing(TAIL);
    assert_eq!(read.rest(), 488);
    assert_eq!(read.got(Ok(488)), Next::Complete(24));

    let mut read = Transfer::read_cow(12800, TAIL);
    assert_eq!((read.offset(), read.rest()), (12800, 512));
    assert_eq!(read.got(Ok(488)), Next::Again);
    assert_eq!(read.got(Ok(0)), Next::Complete(24));
    // Or it was written as a whole.
    let mut read = Transfer::read_cow(12800, TAIL);
    assert_eq!(read.got(Ok(512)), Next::Complete(0));
}

#[test]
fn what_fails() {
    for failure in [Failure::NoSpace, Failure::Unsupported, Failure::Io] {
        let mut write = Transfer::write(0, 512);
        assert_eq!(write.got(Err(failure)), Next::Fail(failure));
    }
    // A file that is shorter than it was, one that takes nothing, and one that says that it gave more.
    let io = Next::Fail(Failure::Io);
    assert_eq!(Transfer::read_backing(TAIL).got(Ok(0)), io);
    assert_eq!(Transfer::read_cow(0, TAIL).got(Ok(0)), io);
    assert_eq!(Transfer::write(0, 512).got(Ok(0)), io);
    assert_eq!(Transfer::write(0, 512).got(Ok(513)), io);
}
