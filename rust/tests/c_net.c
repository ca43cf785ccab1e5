// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets with file descriptors, as user space has them: the other half of
 * net.rs.
 */

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/un.h>
#include <net/sock.h>
#include <net/tcp.h>

static int make_fd(struct socket *sock)
{
	struct file *file = sock_alloc_file(sock, O_CLOEXEC, NULL);
	int fd;

	/* On error it has released the socket. */
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		fput(file);
	else
		fd_install(fd, file);
	return fd;
}

/* Returns a file descriptor of a local socket that nobody has connected. */
int rb_test_socket(bool stream)
{
	struct socket *sock;
	int err = sock_create_kern(&init_net, AF_UNIX,
				   stream ? SOCK_STREAM : SOCK_DGRAM, 0, &sock);

	return err ?: make_fd(sock);
}

int rb_test_connect(int a, int b)
{
	struct socket *sa, *sb;
	int err = -EBADF;

	sa = sockfd_lookup(a, &err);
	if (!sa)
		return err;
	sb = sockfd_lookup(b, &err);
	if (sb) {
		err = sa->ops->socketpair(sa, sb);
		sockfd_put(sb);
	}
	sockfd_put(sa);
	return err;
}

static int tcp_socket(struct socket **sock)
{
	return sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, sock);
}

static int tcp_meet(struct socket *listener, struct socket *a, struct socket **b)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int err;

	err = kernel_bind(listener, (struct sockaddr_unsized *)&addr, sizeof(addr));
	if (!err)
		err = kernel_listen(listener, 1);
	if (!err)
		err = kernel_getsockname(listener, (struct sockaddr *)&addr);
	if (err >= 0)
		err = kernel_connect(a, (struct sockaddr_unsized *)&addr, sizeof(addr), 0);
	return err ?: kernel_accept(listener, b, 0);
}

/* Makes file descriptors of both ends of a TCP connection; they are gone when they are closed. */
int rb_test_tcp(int *fd_a, int *fd_b)
{
	struct socket *listener, *a, *b;
	int err;

	err = tcp_socket(&listener);
	if (err)
		return err;
	err = tcp_socket(&a);
	if (err)
		goto out;
	err = tcp_meet(listener, a, &b);
	if (err) {
		sock_release(a);
		goto out;
	}
	sock_no_linger(a->sk);
	sock_no_linger(b->sk);
	*fd_a = make_fd(a);
	*fd_b = make_fd(b);
	err = min3(*fd_a, *fd_b, 0);
out:
	sock_release(listener);
	return err;
}

static int init_layer(struct sock *sk)
{
	return 0;
}

/* As TLS in the kernel, which the kernels for tests do not have; it does nothing. */
static struct tcp_ulp_ops layer = {
	.name = "rb-kunit",
	.owner = THIS_MODULE,
	.init = init_layer,
};

/* Puts a layer between a TCP socket and what it carries, as setsockopt(2) does. */
int rb_test_add_layer(int fd)
{
	struct socket *sock;
	int err;

	err = tcp_register_ulp(&layer);
	if (err)
		return err;
	sock = sockfd_lookup(fd, &err);
	if (sock) {
		err = sock->ops->setsockopt(sock, SOL_TCP, TCP_ULP,
					    KERNEL_SOCKPTR(layer.name), strlen(layer.name));
		sockfd_put(sock);
	}
	/* The socket keeps the module. */
	tcp_unregister_ulp(&layer);
	return err;
}

/* Has somebody else in the kernel use the socket, or nobody. */
void rb_test_use(int fd, bool used)
{
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return;
	write_lock_bh(&sock->sk->sk_callback_lock);
	rcu_assign_sk_user_data(sock->sk, used ? sock->sk : NULL);
	write_unlock_bh(&sock->sk->sk_callback_lock);
	sockfd_put(sock);
}

int rb_test_listen(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	/* Without a name it gets one. */
	err = kernel_bind(sock, (struct sockaddr_unsized *)&addr, sizeof(addr.sun_family));
	if (!err)
		err = kernel_listen(sock, 1);
	sockfd_put(sock);
	return err;
}

/* Whether the socket is set up for I/O, in all that I/O could wait for. */
bool rb_test_may_reclaim(int fd)
{
	struct socket *sock;
	bool may = true;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (sock) {
		may = !sock_flag(sock->sk, SOCK_MEMALLOC) ||
		      (sock->sk->sk_allocation & __GFP_IO) || sock->sk->sk_use_task_frag;
		sockfd_put(sock);
	}
	return may;
}

/* Whether the lock of the socket has a class of the layer's; not without lockdep. */
bool rb_test_has_io_class(int fd)
{
	bool has = false;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (sock) {
		has = strends(sock->sk->sk_lock.dep_map.name, "-RB");
		sockfd_put(sock);
	}
#endif
	return has;
}

void rb_test_close(int fd)
{
	close_fd(fd);
	flush_delayed_fput();
}
