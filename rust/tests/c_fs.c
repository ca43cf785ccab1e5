// SPDX-License-Identifier: GPL-2.0
/*
 * The root directory of user space. KUnit's threads are the kernel's, and since
 * Linux 7.3 these have an empty one.
 */

#include <linux/fs_struct.h>
#include <linux/sched.h>

void *rb_test_enter_root(void)
{
#ifdef scoped_with_init_fs
	return __override_init_fs();
#else
	return NULL;
#endif
}

void rb_test_leave_root(void *before)
{
#ifdef scoped_with_init_fs
	__revert_init_fs(before);
#endif
}
