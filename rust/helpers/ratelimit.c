// SPDX-License-Identifier: GPL-2.0

#include <linux/module.h>
#include <linux/ratelimit.h>

__rb_helper void rb_helper_ratelimit_default_init(struct ratelimit_state *rs)
{
	ratelimit_default_init(rs);
}

__rb_helper bool rb_helper_ratelimit(struct ratelimit_state *rs)
{
	/* The name comes first in the note on suppressed lines. */
	return ___ratelimit(rs, THIS_MODULE->name);
}
