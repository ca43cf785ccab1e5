// SPDX-License-Identifier: GPL-2.0

#include <net/genetlink.h>
#include <net/netlink.h>

/* Fills in a family but for its tables, and lets the kernel be lenient. */
__rb_helper void rb_helper_genl_family_init(struct genl_family *family, u8 version,
					    u16 maxattr, u8 last_cmd,
					    struct module *module)
{
	*family = (struct genl_family) {
		.version	= version,
		.maxattr	= maxattr,
		.netnsok	= true,
		.parallel_ops	= true,
		/* From there on the kernel would be strict. */
		.resv_start_op	= last_cmd + 1,
		.module		= module,
	};
}

/* False if the name is too long. */
__rb_helper bool rb_helper_genl_family_set_name(struct genl_family *family,
						const char *name)
{
	return strscpy(family->name, name) >= 0;
}

__rb_helper void rb_helper_genl_family_set_tables(struct genl_family *family,
						  const u64 *policy,
						  const struct genl_small_ops *ops,
						  u8 n_ops,
						  const struct genl_multicast_group *grps,
						  u8 n_grps)
{
	family->policy = (const struct nla_policy *)policy;
	family->small_ops = ops;
	family->n_small_ops = n_ops;
	family->mcgrps = grps;
	family->n_mcgrps = n_grps;
}

/* The kernel's bindings know the struct by name only: to Rust it is some u64. */
__rb_helper void rb_helper_nla_policy_set_type(u64 *entry, u8 type)
{
	BUILD_BUG_ON(sizeof(struct nla_policy) % sizeof(u64));
	BUILD_BUG_ON(__alignof__(struct nla_policy) > __alignof__(u64));
	((struct nla_policy *)entry)->type = type;
}

__rb_helper const struct genl_family *
rb_helper_genl_info_family(const struct genl_info *info)
{
	return info->family;
}

__rb_helper u8 rb_helper_genl_info_cmd(const struct genl_info *info)
{
	return info->genlhdr->cmd;
}

/* NULL if there is none. */
__rb_helper const struct nlattr *rb_helper_genl_info_attr(const struct genl_info *info,
							  u16 type)
{
	return info->attrs && type <= info->family->maxattr ? info->attrs[type] : NULL;
}

__rb_helper struct sk_buff *rb_helper_genlmsg_new(size_t payload, gfp_t gfp)
{
	return genlmsg_new(payload, gfp);
}

__rb_helper void rb_helper_nlmsg_free(struct sk_buff *skb)
{
	nlmsg_free(skb);
}

__rb_helper void *rb_helper_genlmsg_put_reply(struct sk_buff *skb,
					      struct genl_info *info, u8 cmd)
{
	return genlmsg_put_reply(skb, info, info->family, 0, cmd);
}

__rb_helper void rb_helper_genlmsg_end(struct sk_buff *skb, void *header)
{
	genlmsg_end(skb, header);
}

__rb_helper int rb_helper_genlmsg_reply(struct sk_buff *skb, struct genl_info *info)
{
	return genlmsg_reply(skb, info);
}

__rb_helper int rb_helper_genlmsg_multicast(const struct genl_family *family,
					    struct sk_buff *skb, unsigned int group,
					    gfp_t gfp)
{
	return genlmsg_multicast(family, skb, 0, group, gfp);
}

__rb_helper const void *rb_helper_nla_data(const struct nlattr *attr)
{
	return nla_data(attr);
}

__rb_helper int rb_helper_nla_len(const struct nlattr *attr)
{
	return nla_len(attr);
}

__rb_helper struct nlattr *rb_helper_nla_nest_start_noflag(struct sk_buff *skb,
							   int type)
{
	return nla_nest_start_noflag(skb, type);
}

__rb_helper int rb_helper_nla_nest_end_safe(struct sk_buff *skb,
					    struct nlattr *start)
{
	return nla_nest_end_safe(skb, start);
}

__rb_helper void rb_helper_nla_nest_cancel(struct sk_buff *skb,
					   struct nlattr *start)
{
	nla_nest_cancel(skb, start);
}
