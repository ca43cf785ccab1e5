// SPDX-License-Identifier: GPL-2.0
/*
 * A module that leaks, to see that it is noticed.
 */
#include <linux/module.h>
#include <linux/slab.h>

static int __init leak_init(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		char *leaked = kmalloc(128, GFP_KERNEL);

		/* Nobody is to know that nobody wants it. */
		barrier_data(leaked);
	}
	return 0;
}

static void __exit leak_exit(void)
{
}

module_init(leak_init);
module_exit(leak_exit);
MODULE_DESCRIPTION("A module that leaks memory");
MODULE_LICENSE("GPL");
