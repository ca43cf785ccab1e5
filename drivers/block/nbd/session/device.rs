// SPDX-License-Identifier: GPL-2.0

//! A network block device: how it is set up, and what carries its requests.
//!
//! # Locks
//!
//! In this order, outermost first:
//!
//! 1. The disk's open mutex, in the block core: held when the disk is opened and closed.
//! 2. `setup`, a mutex: how the device is set up, and its session. Held while a session begins, ends
//!    or changes, so by those who wait for the threads of connections and for the queue to freeze.
//!    Neither the threads nor the I/O path ever take it, so both can go on.
//! 3. `backend`, a mutex, for as long as a string takes to be copied.
//! 4. `control`, a mutex of all devices, for as long as a reference takes to be copied.
//! 5. `io`, a spinlock: see [`crate::logic::io`].

use crate::{
    links::{
        reserves,
        shared::Shared,
        traffic::Traffic, //
    },
    session::setup::Setup, //
};
use kernel::{
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
        gen_disk::DiskRef,
        limits::QueueLimits, //
    },
    net::{
        self,
        Options,
        Socket, //
    },
};

/// Bytes of a socket's buffer when requests are small, and at most.
const SMALL_BUFFER: usize = 256 << 10;
const LARGE_BUFFER: usize = 4 << 20;

/// A device.
#[pin_data]
pub(crate) struct Device {
    pub(crate) traffic: Arc<Traffic>,
    /// How the device is set up.
    #[pin]
    pub(crate) setup: Mutex<Setup>,
    /// What the server is to be told apart by.
    #[pin]
    pub(crate) backend: Mutex<Option<KVec<u8>>>,
    /// Most bytes of a request. It changes with the lock of the setup, while nobody uses the device.
    max_request: Atomic<u32>,
    /// Whether partitions are to be looked for when there is a connection again.
    scan_is_due: Atomic<bool>,
    /// Whether the disk is removed when its session has ended and nobody has it open.
    pub(crate) destroy: Atomic<bool>,
}

impl Device {
    /// Creates a device, without a disk. May sleep.
    pub(crate) fn new(index: u32, shared: Arc<Shared>) -> Result<Arc<Self>> {
        let max_request = shared.max_request;
        let traffic = Traffic::new(index, shared)?;
        Arc::pin_init(
            pin_init!(Self {
                traffic,
                setup <- new_mutex!(Setup::new(), "nbd::Device::setup"),
                backend <- new_mutex!(None, "nbd::Device::backend"),
                max_request: Atomic::new(max_request),
                scan_is_due: Atomic::new(false),
                destroy: Atomic::new(false),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the number of the disk.
    pub(crate) fn index(&self) -> u32 {
        self.traffic.index()
    }

    /// Returns whether disks have partitions, which are looked for by themselves.
    pub(crate) fn has_partitions(&self) -> bool {
        self.traffic.shared.minors.max_part() != 0
    }

    /// Has partitions looked for when there is a connection again.
    pub(crate) fn scan_later(&self) {
        self.scan_is_due.store(true, Relaxed);
    }

    /// Returns how many bytes a request has at most.
    pub(crate) fn max_request(&self) -> u32 {
        self.max_request.load(Relaxed)
    }

    /// Sets how many bytes a request has at most; the caller has the lock of the setup.
    pub(crate) fn set_max_request(&self, bytes: u32) {
        self.max_request.store(bytes, Relaxed);
    }

    /// Returns the largest block that the device can have, in bytes.
    pub(crate) fn max_block(&self) -> u32 {
        self.max_request().min(QueueLimits::MAX_BLOCK_SIZE)
    }

    /// Returns how sockets are set up.
    ///
    /// The buffers are bounded, so that requests in flight do not use up the reserves: with small
    /// requests, to what all of them together need.
    fn socket_options(&self) -> Options {
        let buffer = usize::try_from(self.max_request()).map_or(SMALL_BUFFER, |bytes| {
            bytes.saturating_mul(2).clamp(SMALL_BUFFER, LARGE_BUFFER)
        });
        Options {
            send_buffer: Some(buffer),
            receive_buffer: Some(buffer),
            memalloc: reserves::USED,
        }
    }

    /// Takes the socket that a descriptor of the caller stands for.
    ///
    /// Fails as [`Socket::from_fd`], with a line in the log if it is no plain stream.
    pub(crate) fn take_socket(&self, fd: u32) -> Result<Socket> {
        Socket::from_fd(fd, &self.socket_options()).inspect_err(|err| {
            if *err == net::not_plain() && self.traffic.log_limit.allows() {
                pr_err!(
                    "nbd{}: a socket with TLS in the kernel, or another layer on it, is not supported\n",
                    self.index()
                );
            }
        })
    }

    /// Has partitions looked for, if that had to wait for a connection; returns whether it had.
    pub(crate) fn scan_if_due(&self, disk: &DiskRef) -> bool {
        let due = self.scan_is_due.xchg(false, Relaxed);
        if due {
            disk.need_partition_scan();
        }
        due
    }
}
