// SPDX-License-Identifier: GPL-2.0

#include <linux/ratelimit.h>

__rb_helper void rb_helper_ratelimit_default_init(struct ratelimit_state *rs)
{
	ratelimit_default_init(rs);
	ratelimit_set_flags(rs, RATELIMIT_MSG_ON_RELEASE);
}

__rb_helper bool rb_helper_ratelimit(struct ratelimit_state *rs)
{
	/* The name is that of the function in the note on suppressed lines. */
	return ___ratelimit(rs, "rblk");
}

__rb_helper bool rb_helper_ratelimit_any(void)
{
	static DEFINE_RATELIMIT_STATE(state, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	return ___ratelimit(&state, "rblk");
}
