// SPDX-License-Identifier: GPL-2.0

//! What carries out requests.
//!
//! [`image`] has the image and the backing file, and the bitmap in memory. [`job`] is what a request is
//! carried out with, and [`Engine`](job::Engine) what the requests of a disk share. [`flusher`] brings
//! the bitmap into the image.
//!
//! # Progress without memory
//!
//! The I/O of a disk may be what memory is waiting for, so nothing is allocated for it:
//!
//! | step | takes | from | bound |
//! |---|---|---|---|
//! | take a request | its tag and its [`Job`](job::Job) | the tag set | [`job::DEPTH`] |
//! | keep it in order | its place in the table | the engine | [`job::DEPTH`] |
//! | keep it for a worker | its place in the line | the engine | [`job::DEPTH`] |
//! | carry it out | its item of work | its `Job` | one each |
//! | | a thread | the rescuer of the queue for I/O | one at least |
//! | lower reads or writes | bios or a control block, and a vector | its `Job` | eight bios, one each |
//! | flush | an item of work | its `Job` | one |
//! | | a thread | the rescuer of the queue for flushes | one |
//! | | copies of blocks, and a bio or a control block | the flusher | one |
//!
//! The submitter of a request hands it down to block devices itself, where that cannot wait for other I/O:
//! some of that may be its own, in its plug. Otherwise a worker does, which waits only for a place in
//! the lower queue, that I/O in flight there gives back. A worker for a flush waits for the lower file or
//! device, which does not wait for us. The two have queues of their own, so that a rescuer that waits for
//! a flush does not hold up I/O.
//!
//! What a lower file system allocates is not ours; it is told not to wait for I/O. So a disk is fit to
//! swap to if both the image and the backing file are block devices; with files it is best effort.

pub(crate) mod flusher;
pub(crate) mod image;
pub(crate) mod job;
mod words;
