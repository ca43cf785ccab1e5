// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets with file descriptors, as user space has them: the other half of
 * net.rs.
 */

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/un.h>
#include <net/sock.h>

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

/* Whether the socket is set up for IO, in all that IO could wait for. */
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

void rb_test_close(int fd)
{
	close_fd(fd);
	flush_delayed_fput();
}
