// SPDX-License-Identifier: GPL-2.0

#include <linux/device.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>

/* Whether there is such a class: class_register() finds out with a backtrace. */
__rb_helper bool rb_helper_class_is_there(const char *name)
{
	/* The parent of /sys/kernel, which stays where it is. */
	struct kernfs_node *root = rcu_dereference_protected(kernel_kobj->sd->__parent, true);
	struct kernfs_node *classes = kernfs_find_and_get(root, "class");
	struct kernfs_node *found = classes ? kernfs_find_and_get(classes, name) : NULL;

	kernfs_put(found);
	kernfs_put(classes);
	return found;
}
