// SPDX-License-Identifier: GPL-2.0

#include <linux/sched/mm.h>

__rb_helper unsigned int rb_helper_memalloc_noio_save(void)
{
	return memalloc_noio_save();
}

__rb_helper void rb_helper_memalloc_noio_restore(unsigned int flags)
{
	memalloc_noio_restore(flags);
}
