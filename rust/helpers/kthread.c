// SPDX-License-Identifier: GPL-2.0

#include <linux/kthread.h>
#include <linux/sched/task.h>

__rb_helper void rb_helper_get_task_struct(struct task_struct *task)
{
	get_task_struct(task);
}

__rb_helper void rb_helper_put_task_struct(struct task_struct *task)
{
	put_task_struct(task);
}
