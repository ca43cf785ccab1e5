// SPDX-License-Identifier: GPL-2.0
/*
 * A program that asks a family of generic netlink: the other half of genl.rs.
 */

#include <linux/net.h>
#include <linux/netlink.h>
#include <net/genetlink.h>

#define MOST	512

struct request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr attr;
	char name[GENL_NAMSIZ];
};

/* Sends a command with one attribute, and returns how many bytes of the answer are in @answer. */
static int ask(struct socket *sock, u16 family, u8 cmd, const char *name, void *answer)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
	};
	struct request request = {
		.nlh.nlmsg_len = sizeof(request),
		.nlh.nlmsg_type = family,
		.nlh.nlmsg_flags = NLM_F_REQUEST,
		.genl.cmd = cmd,
		.genl.version = 1,
		.attr.nla_len = NLA_HDRLEN + sizeof(request.name),
		.attr.nla_type = CTRL_ATTR_FAMILY_NAME,
	};
	struct kvec vec = { .iov_base = &request, .iov_len = sizeof(request) };
	int err;

	strscpy(request.name, name);
	err = kernel_sendmsg(sock, &msg, &vec, 1, sizeof(request));
	if (err < 0)
		return err;
	memset(&msg, 0, sizeof(msg));
	vec.iov_base = answer;
	vec.iov_len = MOST;
	return kernel_recvmsg(sock, &msg, &vec, 1, MOST, MSG_DONTWAIT);
}

/* Returns the error of an answer, or 0. */
static int error_of(const struct nlmsghdr *nlh, int len)
{
	if (len < 0)
		return len;
	if (len < nlmsg_msg_size(GENL_HDRLEN))
		return -EBADMSG;
	return nlh->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)nlmsg_data(nlh))->error : 0;
}

static int find_family(struct socket *sock, const char *name, void *answer)
{
	int len = ask(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, name, answer);
	int err = error_of(answer, len);
	const struct nlattr *id;

	if (err)
		return err;
	id = nla_find(answer + nlmsg_msg_size(GENL_HDRLEN), len - nlmsg_msg_size(GENL_HDRLEN),
		      CTRL_ATTR_FAMILY_ID);
	return id ? nla_get_u16(id) : -ENOENT;
}

/* Sends command @cmd to the family @name; returns the error that is the answer, or 0. */
int rb_test_genl_ask(const char *name, u8 cmd)
{
	struct socket *sock;
	void *answer;
	int err, id;

	answer = kzalloc(MOST, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	err = sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, &sock);
	if (err)
		goto out;
	id = find_family(sock, name, answer);
	err = id < 0 ? id : error_of(answer, ask(sock, id, cmd, name, answer));
	sock_release(sock);
out:
	kfree(answer);
	return err;
}
