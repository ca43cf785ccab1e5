// SPDX-License-Identifier: GPL-2.0

//! What goes into one end of a connection comes out of the other one.

use crate::bio::TestChain;
use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};
use rb::{
    block::bio::BioIter,
    kthread, mm,
    net::{
        self,
        Options,
        Socket, //
    },
};

extern "C" {
    fn rb_test_socket(stream: bool) -> c_int;
    fn rb_test_connect(a: c_int, b: c_int) -> c_int;
    fn rb_test_tcp(a: *mut c_int, b: *mut c_int) -> c_int;
    fn rb_test_add_layer(fd: c_int) -> c_int;
    fn rb_test_use(fd: c_int, used: bool);
    fn rb_test_listen(fd: c_int) -> c_int;
    fn rb_test_may_reclaim(fd: c_int) -> bool;
    fn rb_test_has_io_class(fd: c_int) -> bool;
    fn rb_test_close(fd: c_int);
}

const IO: Options = Options {
    send_buffer: Some(256 << 10),
    receive_buffer: Some(256 << 10),
    memalloc: true,
};

/// A file descriptor that is closed when it goes.
struct Fd(c_int);

impl Fd {
    fn unconnected(stream: bool) -> Result<Self> {
        // SAFETY: FFI call without preconditions.
        let fd = unsafe { rb_test_socket(stream) };
        to_result(fd.min(0))?;
        Ok(Self(fd))
    }

    fn pair() -> Result<(Self, Self)> {
        let (a, b) = (Self::unconnected(true)?, Self::unconnected(true)?);
        // SAFETY: FFI call without preconditions.
        to_result(unsafe { rb_test_connect(a.0, b.0) })?;
        Ok((a, b))
    }

    fn tcp_pair() -> Result<(Self, Self)> {
        let (mut a, mut b) = (-1, -1);
        // SAFETY: Both are valid for writes.
        to_result(unsafe { rb_test_tcp(&mut a, &mut b) })?;
        Ok((Self(a), Self(b)))
    }

    /// Puts an upper layer of TCP on it.
    fn add_layer(&self) -> Result {
        // SAFETY: FFI call without preconditions.
        to_result(unsafe { rb_test_add_layer(self.0) })
    }

    /// Has somebody else in the kernel use it, or nobody.
    fn set_used(&self, used: bool) {
        // SAFETY: FFI call without preconditions: nobody looks at what is used.
        unsafe { rb_test_use(self.0, used) };
    }

    fn listening() -> Result<Self> {
        let fd = Self::unconnected(true)?;
        // SAFETY: FFI call without preconditions.
        to_result(unsafe { rb_test_listen(fd.0) })?;
        Ok(fd)
    }

    fn socket(&self) -> Result<Socket> {
        Socket::from_fd(self.0 as u32, &IO)
    }

    fn may_reclaim(&self) -> bool {
        // SAFETY: FFI call without preconditions.
        unsafe { rb_test_may_reclaim(self.0) }
    }

    /// Whether its lock is in the class of those that carry I/O.
    fn has_io_class(&self) -> bool {
        // SAFETY: FFI call without preconditions.
        unsafe { rb_test_has_io_class(self.0) }
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: FFI call without preconditions.
        unsafe { rb_test_close(self.0) };
    }
}

/// A thread that sends until that fails.
struct Fill {
    socket: Socket,
    /// With which `errno`.
    failed: Atomic<i32>,
}

impl Fill {
    fn new(socket: Socket) -> Self {
        Self {
            socket,
            failed: Atomic::new(0),
        }
    }

    fn error(&self) -> Option<Error> {
        match self.failed.load(Relaxed) {
            0 => None,
            errno => Some(Error::from_errno(errno)),
        }
    }

    fn fill(&self) -> Result {
        loop {
            let bios = TestChain::new(7)?;
            self.socket.send(b"", Some(bios.bios()), false)?;
        }
    }
}

impl kthread::Run for Fill {
    fn run(&self) {
        if let Err(err) = self.fill() {
            self.failed.store(err.to_errno(), Relaxed);
        }
    }
}

/// Two sockets, connected; their files are closed.
fn sockets() -> Result<(Socket, Socket)> {
    let (a, b) = Fd::pair()?;
    Ok((a.socket()?, b.socket()?))
}

fn no_bios() -> Option<BioIter<'static>> {
    None
}

#[kunit_tests(rb_net)]
mod tests {
    use super::*;
    use crate::wait_until;

    #[test]
    fn messages_arrive() -> Result {
        let (a, b) = sockets()?;
        let (mut first, mut rest) = ([0; 3], [0; 8]);

        mm::with_noreclaim(|| {
            a.send(b"header", no_bios(), true)?;
            b.receive(&mut first)?;
            a.send(b"other", no_bios(), false)?;
            b.receive(&mut rest)
        })?;
        assert_eq!((&first, &rest), (b"hea", b"derother"));
        Ok(())
    }

    #[test]
    fn data_of_many_bios_arrives() -> Result {
        let (a, b) = sockets()?;
        let (from, to) = (TestChain::new(7)?, TestChain::new(0)?);
        let mut buffer = [0; 6];

        assert!(!from.equals(&to));
        mm::with_noreclaim(|| {
            a.send(b"header", Some(from.bios()), false)?;
            a.send(b"behind", no_bios(), false)?;
            b.receive(&mut buffer)?;
            b.receive_bios(to.bios())
        })?;
        assert_eq!(&buffer, b"header");
        assert!(from.equals(&to));
        b.receive(&mut buffer)?;
        assert_eq!(&buffer, b"behind");
        Ok(())
    }

    #[test]
    fn bios_of_the_other_direction_are_refused() -> Result {
        let (a, b) = sockets()?;
        let (write, read) = (TestChain::new(7)?, TestChain::new(0)?);
        let untouched = TestChain::new(7)?;

        assert_eq!(a.send(b"", Some(read.bios()), false), Err(EINVAL));
        a.send(b"header", no_bios(), false)?;
        assert_eq!(b.receive_bios(write.bios()), Err(EINVAL));
        assert!(write.equals(&untouched));
        Ok(())
    }

    #[test]
    fn the_end_of_the_stream_is_an_error() -> Result {
        let (a, b) = sockets()?;
        let mut buffer = [0; 6];

        a.send(b"half", no_bios(), false)?;
        a.shutdown();
        assert_eq!(b.receive(&mut buffer), Err(EPIPE));
        assert_eq!(b.receive(&mut buffer), Err(EPIPE));
        assert_eq!(b.send(b"reply", no_bios(), false), Err(EPIPE));
        assert_eq!(a.send(b"more", no_bios(), false), Err(EPIPE));
        Ok(())
    }

    #[test]
    fn a_full_buffer_is_waited_for_until_the_end() -> Result {
        let (a, _b) = sockets()?;
        let fills = Arc::new(Fill::new(a), GFP_KERNEL)?;
        let thread = kthread::Thread::spawn(c"rb-kunit-fill", 0, fills.clone())?;

        // Longer than until it looks again. A send that moves nothing moves nothing else, either.
        assert!(wait_until(|| fills.socket.quiet_ms() >= 2500));
        assert_eq!(fills.error(), None);
        fills.socket.abort();
        drop(thread);
        assert_eq!(fills.error(), Some(EPIPE));
        Ok(())
    }

    #[test]
    fn what_finds_room_at_once_moves_nothing() -> Result {
        let (a, b) = sockets()?;
        let mut buffer = [0];

        for _ in 0..10 {
            a.send(b"x", no_bios(), false)?;
            fsleep(Delta::from_millis(50));
        }
        assert!(a.quiet_ms() >= 450);
        let before = b.quiet_ms();
        b.receive(&mut buffer)?;
        assert!(before >= 450 && b.quiet_ms() < before);
        Ok(())
    }

    #[test]
    fn only_connected_streams_are_taken() -> Result {
        let error = |fd: &Fd| fd.socket().err();
        let (closed, huge) = (Fd::unconnected(true)?.0, i32::MAX as u32 + 1);

        assert_eq!(error(&Fd::unconnected(true)?), Some(EINVAL));
        assert_eq!(error(&Fd::unconnected(false)?), Some(EINVAL));
        assert_eq!(error(&Fd::listening()?), Some(EINVAL));
        assert_eq!(Socket::from_fd(closed as u32, &IO).err(), Some(EBADF));
        assert_eq!(Socket::from_fd(huge, &IO).err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn what_has_an_upper_layer_is_refused() -> Result {
        let (a, b) = Fd::tcp_pair()?;
        let (local, _other) = Fd::pair()?;
        let refused = |fd: &Fd| fd.socket().err() == Some(net::not_plain());

        let tracked = cfg!(CONFIG_DEBUG_LOCK_ALLOC);

        a.add_layer()?;
        assert!(refused(&a) && a.may_reclaim() && !a.has_io_class());
        b.socket()?;
        assert_eq!(b.has_io_class(), tracked);
        local.set_used(true);
        assert!(refused(&local) && local.may_reclaim() && !local.has_io_class());
        local.set_used(false);
        local.socket()?;
        assert_eq!(local.has_io_class(), tracked);
        Ok(())
    }

    #[test]
    fn nothing_goes_through_a_layer_that_came_later() -> Result {
        let (fd, other) = Fd::tcp_pair()?;
        let (a, b) = (fd.socket()?, other.socket()?);
        let mut buffer = [0; 4];

        a.send(b"plain", no_bios(), false)?;
        b.send(b"plain", no_bios(), false)?;
        fd.add_layer()?;
        assert_eq!(a.send(b"more", no_bios(), false), Err(net::not_plain()));
        assert_eq!(a.receive(&mut buffer), Err(net::not_plain()));
        b.receive(&mut buffer)
    }

    #[test]
    fn io_has_a_socket_for_itself() -> Result {
        let (a, _b) = Fd::pair()?;

        assert!(a.may_reclaim());
        let socket = a.socket()?;
        assert!(!a.may_reclaim());
        assert_eq!(a.socket().err(), Some(EBUSY));
        assert!(!a.may_reclaim());
        drop(socket);
        assert!(a.may_reclaim());
        a.socket()?;
        Ok(())
    }
}
