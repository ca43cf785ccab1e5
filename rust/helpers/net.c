// SPDX-License-Identifier: GPL-2.0

#include <linux/bio.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/tcp.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

/* A connected stream of a kind that carries block I/O. */
static bool rb_sock_fits(struct socket *sock)
{
	const int unconnected = TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT |
				TCPF_SYN_RECV | TCPF_NEW_SYN_RECV;
	struct sock *sk = sock->sk;

	return (sk_is_tcp(sk) || sk_is_stream_unix(sk)) &&
	       READ_ONCE(sock->ops)->shutdown != sock_no_shutdown &&
	       !(BIT(READ_ONCE(sk->sk_state)) & unconnected);
}

/*
 * Whether something sits between the socket and what it carries: an upper layer
 * of TCP, such as TLS in the kernel, or programs of BPF. They allocate as they
 * like, and end the stream at what they want to hand to a program.
 */
static bool rb_sock_has_layer(struct sock *sk)
{
	return (sk_is_tcp(sk) && inet_csk_has_ulp(sk)) || READ_ONCE(sk->sk_user_data);
}

/* Takes a reference to the file of the socket. */
__rb_helper struct socket *rb_helper_sockfd_lookup_stream(int fd)
{
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return ERR_PTR(err);
	if (!rb_sock_fits(sock)) {
		sockfd_put(sock);
		return ERR_PTR(-EINVAL);
	}
	return sock;
}

__rb_helper void rb_helper_sockfd_put(struct socket *sock)
{
	sockfd_put(sock);
}

#ifdef CONFIG_DEBUG_LOCK_ALLOC
/*
 * Gives the lock of a socket that carries I/O classes of its own, for good: the
 * sockets of programs are used while their memory is faulted in, which may take
 * I/O. The owner of the file may hold the lock just now; then there is no way.
 */
__rb_helper void rb_helper_sock_reclassify(struct socket *sock)
{
	static struct lock_class_key keys[3], slock_keys[3];
	struct sock *sk = sock->sk;
	int i;

	/* Each time takes a reference to the module, for the first only it is put. */
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (lockdep_match_key(&sk->sk_lock.dep_map, &keys[i]))
			return;
	if (!sock_allow_reclassification(sk))
		return;

	switch (sk->sk_family) {
	case AF_INET:
		sock_lock_init_class_and_name(sk, "slock-AF_INET-RB", &slock_keys[0],
					      "sk_lock-AF_INET-RB", &keys[0]);
		break;
	case AF_INET6:
		sock_lock_init_class_and_name(sk, "slock-AF_INET6-RB", &slock_keys[1],
					      "sk_lock-AF_INET6-RB", &keys[1]);
		break;
	case AF_UNIX:
		sock_lock_init_class_and_name(sk, "slock-AF_UNIX-RB", &slock_keys[2],
					      "sk_lock-AF_UNIX-RB", &keys[2]);
		break;
	}
}
#else
__rb_helper void rb_helper_sock_reclassify(struct socket *sock)
{
}
#endif

/* After how long a task that waits for the other end looks how far it has come. */
#define RB_XFER_TICK	HZ

/*
 * Lets the socket carry I/O, with the reserves of memory if @memalloc.
 *
 * As sk_set_memalloc(), but it looks whether somebody does that already, and
 * holds the lock that guards the flags; the key cannot be changed under that.
 */
__rb_helper int rb_helper_sock_begin_io(struct socket *sock, bool memalloc)
{
	struct sock *sk = sock->sk;
	int err = 0;

	if (memalloc)
		static_branch_inc(&memalloc_socks_key);
	lock_sock(sk);
	if (sock_flag(sk, SOCK_MEMALLOC)) {
		err = -EBUSY;
	} else if (rb_sock_has_layer(sk)) {
		err = -EOPNOTSUPP;
	} else {
		if (memalloc) {
			sock_set_flag(sk, SOCK_MEMALLOC);
			sk->sk_allocation = GFP_NOIO | __GFP_MEMALLOC;
		}
		/* The task's page may be in use by what the I/O interrupts. */
		sk->sk_use_task_frag = false;
	}
	release_sock(sk);
	if (err && memalloc)
		static_branch_dec(&memalloc_socks_key);
	return err;
}

/* Undoes rb_helper_sock_begin_io(): back to what sock_init_data() sets. */
__rb_helper void rb_helper_sock_end_io(struct socket *sock, bool memalloc)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	sk->sk_allocation = GFP_KERNEL;
	sk->sk_use_task_frag = true;
	WRITE_ONCE(sk->sk_sndtimeo, MAX_SCHEDULE_TIMEOUT);
	WRITE_ONCE(sk->sk_rcvtimeo, MAX_SCHEDULE_TIMEOUT);
	if (memalloc) {
		sock_reset_flag(sk, SOCK_MEMALLOC);
		/* From now on the limits count, see sk_clear_memalloc(). */
		sk_mem_reclaim(sk);
	}
	release_sock(sk);
	if (memalloc)
		static_branch_dec(&memalloc_socks_key);
}

/* Sets the size of the buffers as setsockopt(2) does; 0 leaves one as it is. */
__rb_helper void rb_helper_sock_set_buffers(struct socket *sock, int snd, int rcv)
{
	struct sock *sk = sock->sk;

	if (rcv)
		sock_set_rcvbuf(sk, rcv);
	if (!snd)
		return;
	lock_sock(sk);
	sk->sk_userlocks |= SOCK_SNDBUF_LOCK;
	snd = min(snd, INT_MAX / 2);
	WRITE_ONCE(sk->sk_sndbuf, max_t(int, snd * 2, SOCK_MIN_SNDBUF));
	sk->sk_write_space(sk);
	release_sock(sk);
}

/* Sends at once what is there, as far as the protocol knows of waiting. */
__rb_helper void rb_helper_sock_set_nodelay(struct socket *sock)
{
	if (IS_ENABLED(CONFIG_INET) && sk_is_tcp(sock->sk))
		tcp_sock_set_nodelay(sock->sk);
}

/* Ends the connection in good order: what was sent before still goes out. */
__rb_helper void rb_helper_sock_shutdown(struct socket *sock)
{
	kernel_sock_shutdown(sock, SHUT_RDWR);
}

/*
 * Ends the connection at once: TCP forgets what it has not sent, and has the
 * other end forget the connection. What is local has been sent.
 */
__rb_helper void rb_helper_sock_abort(struct socket *sock)
{
	if (IS_ENABLED(CONFIG_INET) && sk_is_tcp(sock->sk))
		tcp_abort(sock->sk, ECONNABORTED);
	kernel_sock_shutdown(sock, SHUT_RDWR);
}

/* Notes that something has been received, or left the send buffer, just now. */
__rb_helper void rb_helper_sock_moved(unsigned long *moved)
{
	WRITE_ONCE(*moved, jiffies);
}

/* Returns how long ago that was, in milliseconds. */
__rb_helper unsigned int rb_helper_sock_quiet_ms(const unsigned long *moved)
{
	return jiffies_to_msecs(jiffies - READ_ONCE(*moved));
}

/* What has been gathered for one call of sock_sendmsg() or sock_recvmsg(). */
struct rb_xfer {
	struct socket *sock;
	unsigned long *moved;
	/* After how long a call comes back to look, and with how much at most. */
	long tick;
	size_t most;
	bool send;
	bool more;
	unsigned int nr;
	size_t bytes;
	struct kvec vecs[16];
};

/* A program that shares the file of the socket may have set another time, or none. */
static void rb_xfer_set_tick(const struct rb_xfer *x)
{
	struct sock *sk = x->sock->sk;
	long *timeo = x->send ? &sk->sk_sndtimeo : &sk->sk_rcvtimeo;

	if (READ_ONCE(*timeo) != x->tick)
		WRITE_ONCE(*timeo, x->tick);
}

/*
 * Sends or receives all that @msg describes, with as many calls as it takes.
 *
 * What fits into the send buffer moves nothing: the other end may be dead. Only
 * what has to wait for room shows that some has left. So the first call does not
 * wait, and does not count.
 */
static int rb_xfer_msg(struct rb_xfer *x, struct msghdr *msg, bool more)
{
	bool room_came = !x->send;
	int flags = MSG_NOSIGNAL;
	size_t left, part;
	int ret;

	if (!x->send)
		flags |= MSG_WAITALL;
	else if (more)
		flags |= MSG_MORE;

	while ((left = msg_data_left(msg))) {
		part = min(left, x->most);
		iov_iter_truncate(&msg->msg_iter, part);
		msg->msg_flags = flags | (room_came ? 0 : MSG_DONTWAIT);
		ret = x->send ? sock_sendmsg(x->sock, msg) :
				sock_recvmsg(x->sock, msg, flags);
		left -= part - msg_data_left(msg);
		iov_iter_reexpand(&msg->msg_iter, left);
		/* It was only time to look. */
		if (ret == -EAGAIN) {
			room_came = true;
			rb_xfer_set_tick(x);
			cond_resched();
			continue;
		}
		if (ret <= 0)
			return ret ?: -EPIPE;
		if (room_came)
			rb_helper_sock_moved(x->moved);
		if (ret < part)
			room_came = true;
	}
	return 0;
}

static int rb_xfer_flush(struct rb_xfer *x, bool more)
{
	struct msghdr msg = {};

	iov_iter_kvec(&msg.msg_iter, x->send ? ITER_SOURCE : ITER_DEST,
		      x->vecs, x->nr, x->bytes);
	x->nr = 0;
	x->bytes = 0;
	return rb_xfer_msg(x, &msg, more);
}

static int rb_xfer_add(struct rb_xfer *x, void *data, size_t len)
{
	int err = 0;

	if (x->nr == ARRAY_SIZE(x->vecs))
		err = rb_xfer_flush(x, true);
	x->vecs[x->nr].iov_base = data;
	x->vecs[x->nr].iov_len = len;
	x->nr++;
	x->bytes += len;
	return err;
}

/* For pages that may have no address: a call for each vector. */
static int rb_xfer_high(struct rb_xfer *x, struct bio_vec *bv, bool more)
{
	struct msghdr msg = {};
	int err;

	err = rb_xfer_flush(x, true);
	if (err)
		return err;
	iov_iter_bvec(&msg.msg_iter, x->send ? ITER_SOURCE : ITER_DEST,
		      bv, 1, bv->bv_len);
	return rb_xfer_msg(x, &msg, more);
}

static int rb_xfer_bio(struct rb_xfer *x, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	int err;

	/* Neither what has no data, nor into what is to be written. */
	if (bio_op(bio) != (x->send ? REQ_OP_WRITE : REQ_OP_READ))
		return -EINVAL;

	bio_for_each_bvec(bv, bio, iter) {
		bool last = !bio->bi_next && iter.bi_size == bv.bv_len;

		if (IS_ENABLED(CONFIG_HIGHMEM))
			err = rb_xfer_high(x, &bv, x->more || !last);
		else
			err = rb_xfer_add(x, page_address(bv.bv_page) + bv.bv_offset,
					  bv.bv_len);
		if (err)
			return err;
	}
	return 0;
}

static int rb_xfer_all(struct rb_xfer *x, void *head, size_t len, struct bio *bio)
{
	int err;

	if (len)
		rb_xfer_add(x, head, len);
	for (; bio; bio = bio->bi_next) {
		err = rb_xfer_bio(x, bio);
		if (err)
			return err;
	}
	return rb_xfer_flush(x, x->more);
}

static int rb_xfer(struct socket *sock, bool send, void *head, size_t len,
		   struct bio *bio, bool more, long tick, unsigned long *moved)
{
	struct rb_xfer x;
	int err = 0;

	/* Its file may still be open in a program, which may put one there. */
	if (unlikely(rb_sock_has_layer(sock->sk)))
		return -EOPNOTSUPP;
	/* Not with an initializer, which would clear the vectors each time. */
	x.sock = sock;
	x.moved = moved;
	x.tick = tick;
	/* A local socket waits so long for each packet of a call, which has so much. */
	x.most = send && !sk_is_tcp(sock->sk) ? SZ_32K : SIZE_MAX;
	x.send = send;
	x.more = more;
	x.nr = 0;
	x.bytes = 0;
	rb_xfer_set_tick(&x);
	/* The I/O is not done on behalf of the current task. */
	scoped_with_kernel_creds()
		err = rb_xfer_all(&x, head, len, bio);
	return err;
}

/*
 * Sends @len bytes at @head, then the data of the chain of bios. All pages have
 * an address, mostly, so one vector takes the head and the data: one call.
 */
__rb_helper int rb_helper_sock_send(struct socket *sock, const void *head,
				    size_t len, struct bio *bio, bool more,
				    unsigned long *moved)
{
	return rb_xfer(sock, true, (void *)head, len, bio, more,
		       RB_XFER_TICK, moved);
}

/*
 * Receives @len bytes to @head, then the data of the chain of bios. A head may
 * be long in coming, so nobody looks; data is looked at as it comes.
 */
__rb_helper int rb_helper_sock_receive(struct socket *sock, void *head,
				       size_t len, struct bio *bio,
				       unsigned long *moved)
{
	return rb_xfer(sock, false, head, len, bio, false,
		       bio ? RB_XFER_TICK : MAX_SCHEDULE_TIMEOUT, moved);
}
