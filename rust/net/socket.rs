// SPDX-License-Identifier: GPL-2.0

//! Sockets that user space has connected, for block I/O over a network.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use crate::{
    bindings,
    block::bio::BioIter, //
};
use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::atomic::Atomic, //
};

/// Returns the error for a socket that is no plain stream (`EOPNOTSUPP`): its data goes through an upper
/// layer of TCP, such as TLS in the kernel (kTLS), or through programs of BPF.
///
/// Such a layer allocates memory for each message, partly in workers that may not use the reserves. TLS
/// also ends the stream at a record that a program is to read.
pub fn not_plain() -> Error {
    Error::from_errno(-(bindings::EOPNOTSUPP as c_int))
}

/// How a socket is set up.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// The size of the send buffer in bytes, as for `SO_SNDBUF`; it does not grow by itself then.
    pub send_buffer: Option<usize>,
    /// The size of the receive buffer in bytes, as for `SO_RCVBUF`; it does not grow by itself
    /// then.
    pub receive_buffer: Option<usize>,
    /// Whether the socket may use the reserves of memory, and starts no I/O of its own.
    ///
    /// Without, I/O that frees memory cannot go over the socket: it may wait for itself.
    pub memalloc: bool,
}

/// A connected stream socket from user space that carries block I/O.
///
/// It is a TCP or a local one. User space may keep its file open, but should not use it any more:
/// the buffers keep the sizes that are set here, and there are no timeouts afterwards. If it puts a layer
/// on it, what is sent or received next fails with [`not_plain`].
///
/// Any number of threads may use it at a time, but then what they send and receive is in no
/// certain order: one thread that sends and one that receives is what works. Both should be kernel
/// threads, which get no signals, in [`with_noreclaim`](crate::mm::with_noreclaim).
///
/// # Invariants
///
/// `socket` is a socket that `self` holds a reference to, by its file; `self` has begun I/O on it
/// with `memalloc`.
///
/// # Examples
///
/// ```
/// # use rb::{block::mq::Request, net::{Options, Socket}};
/// # fn example<D: Send + Sync>(
/// #     fd: u32,
/// #     header: [u8; 28],
/// #     mut reply: [u8; 16],
/// #     (write, read): (&Request<D>, &Request<D>),
/// # ) -> Result {
/// let options = Options { memalloc: true, ..Options::default() };
/// let socket = Socket::from_fd(fd, &options)?;
///
/// // In the thread that sends:
/// socket.send(&header, Some(write.bios()), false)?;
/// // In the one that receives:
/// socket.receive(&mut reply)?;
/// socket.receive_bios(read.bios())?;
/// // When one of them has failed, so that the other one does:
/// socket.abort();
/// # Ok(())
/// # }
/// ```
pub struct Socket {
    socket: NonNull<bindings::socket>,
    memalloc: bool,
    /// When something has moved last, in jiffies; see [`Self::quiet_ms`].
    moved: Atomic<usize>,
}

// SAFETY: A socket has no thread affinity.
unsafe impl Send for Socket {}

// SAFETY: Sockets are locked by C.
unsafe impl Sync for Socket {}

impl Socket {
    /// Takes the socket that file descriptor `fd` of the current task stands for.
    ///
    /// Fails with [`EBADF`] or `ENOTSOCK` if it is none, with [`EINVAL`] if it is not a connected
    /// TCP or local stream or an option is out of range, with [`EBUSY`] if another [`Socket`] with
    /// `memalloc` has the same one, and with [`not_plain`] if something sits between the socket and
    /// what it carries. Process context, may sleep.
    pub fn from_fd(fd: u32, options: &Options) -> Result<Self> {
        let fd = c_int::try_from(fd).map_err(|_| EINVAL)?;
        let send_buffer = c_int::try_from(options.send_buffer.unwrap_or(0)).map_err(|_| EINVAL)?;
        let receive_buffer =
            c_int::try_from(options.receive_buffer.unwrap_or(0)).map_err(|_| EINVAL)?;

        let file = File::lookup(fd)?;
        let raw = file.0.as_ptr();
        // SAFETY: `file` keeps the socket alive; here and below we may sleep.
        to_result(unsafe { bindings::sock_begin_io(raw, options.memalloc) })?;
        // Only now: a program goes on with a socket that is refused, and what it does is not I/O.
        // SAFETY: As above.
        unsafe { bindings::sock_reclassify(raw) };

        // INVARIANT: I/O has begun; the reference is moved.
        let this = Self {
            socket: file.into_raw(),
            memalloc: options.memalloc,
            moved: Atomic::new(0),
        };
        // SAFETY: The number is valid, and only read and written as a whole.
        unsafe { bindings::sock_moved(this.moved.as_ptr()) };
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_set_buffers(raw, send_buffer, receive_buffer) };
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_set_nodelay(raw) };
        Ok(this)
    }

    /// Returns for how many milliseconds nothing has moved, since [`Self::from_fd`]: nothing was received,
    /// and nothing that was to be sent has got room in the send buffer after it had to wait for some.
    ///
    /// What finds room at once says nothing of the other end, and does not count. While data goes out or
    /// comes in slowly this is late by up to a second. Any context.
    pub fn quiet_ms(&self) -> u32 {
        // SAFETY: The number is valid, and only read and written as a whole.
        unsafe { bindings::sock_quiet_ms(self.moved.as_ptr()) }
    }

    /// Sends `header` and the data of the bios of a write, all of it.
    ///
    /// `more` says that another message follows at once, so that both may share a packet. After
    /// an error nobody knows how much has been sent: the stream is of no use any more. It is
    /// [`EINVAL`] for a bio that is no write, `EPIPE` and the like for a lost connection. Sleeps while
    /// there is no room in the send buffer, for ever; allocates nothing but what goes over the network.
    #[inline]
    pub fn send(&self, header: &[u8], payload: Option<BioIter<'_>>, more: bool) -> Result {
        let bio = payload.map_or(ptr::null_mut(), |bios| bios.as_raw());
        // SAFETY: By the type invariant, the socket is alive; header and bios are valid during
        // the call, which only reads them.
        to_result(unsafe {
            bindings::sock_send(
                self.socket.as_ptr(),
                header.as_ptr().cast(),
                header.len(),
                bio,
                more,
                self.moved.as_ptr(),
            )
        })
    }

    /// Receives as many bytes as `buf` has room for.
    ///
    /// Waits for them, for ever. Fails with [`EPIPE`] if the stream ends before, be it at the
    /// start; after that, and other errors, it is of no use any more.
    #[inline]
    pub fn receive(&self, buf: &mut [u8]) -> Result {
        // SAFETY: By the type invariant, the socket is alive; the buffer is valid for writes.
        to_result(unsafe {
            bindings::sock_receive(
                self.socket.as_ptr(),
                buf.as_mut_ptr().cast(),
                buf.len(),
                ptr::null_mut(),
                self.moved.as_ptr(),
            )
        })
    }

    /// Receives the data of the bios of a read, all of it, straight into their pages.
    ///
    /// Fails with [`EINVAL`] for a bio that is no read, else as [`Socket::receive`].
    #[inline]
    pub fn receive_bios(&self, bios: BioIter<'_>) -> Result {
        // SAFETY: By the type invariant, the socket is alive; the bios are valid during the call.
        // What it writes to is the data of reads, which nobody relies on before they are done.
        to_result(unsafe {
            bindings::sock_receive(
                self.socket.as_ptr(),
                ptr::null_mut(),
                0,
                bios.as_raw(),
                self.moved.as_ptr(),
            )
        })
    }

    /// Ends the connection both ways: sending and receiving fail, now or next time.
    ///
    /// What has been sent or received before still arrives, be it after hours, when the network is
    /// there again. May sleep, but does not wait for those who send or receive.
    pub fn shutdown(&self) {
        // SAFETY: By the type invariant, the socket is alive.
        unsafe { bindings::sock_shutdown(self.socket.as_ptr()) };
    }

    /// As [`Self::shutdown`], but of what was sent over TCP, nothing leaves this machine any more.
    ///
    /// What has left it, and all that was sent to a local socket, may still be received. May sleep, but
    /// does not wait for those who send or receive.
    pub fn abort(&self) {
        // SAFETY: By the type invariant, the socket is alive.
        unsafe { bindings::sock_abort(self.socket.as_ptr()) };
    }
}

impl Drop for Socket {
    /// Process context, may sleep.
    fn drop(&mut self) {
        // SAFETY: By the type invariant, I/O has begun with this option.
        unsafe { bindings::sock_end_io(self.socket.as_ptr(), self.memalloc) };
        // INVARIANT: The reference is moved.
        drop(File(self.socket));
    }
}

/// The file of a socket.
///
/// # Invariants
///
/// The socket is alive: `self` owns a reference to its file.
struct File(NonNull<bindings::socket>);

impl File {
    fn lookup(fd: c_int) -> Result<Self> {
        // SAFETY: FFI call that looks at the files of the current task, in process context.
        let socket = from_err_ptr(unsafe { bindings::sockfd_lookup_stream(fd) })?;
        // INVARIANT: C took a reference.
        NonNull::new(socket).map(Self).ok_or(EBADF)
    }

    fn into_raw(self) -> NonNull<bindings::socket> {
        core::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the reference is ours.
        unsafe { bindings::sockfd_put(self.0.as_ptr()) };
    }
}
