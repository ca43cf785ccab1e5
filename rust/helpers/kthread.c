// SPDX-License-Identifier: GPL-2.0

#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

/* Unlike kthread_should_stop(), for any task. */
__rb_helper bool rb_helper_kthread_should_stop_current(void)
{
	return (current->flags & PF_KTHREAD) && kthread_should_stop();
}

__rb_helper void rb_helper_set_freezable(void)
{
	set_freezable();
}

__rb_helper bool rb_helper_freezing_current(void)
{
	return freezing(current);
}

/* For any task, too; returns whether it was frozen. */
__rb_helper bool rb_helper_kthread_freeze_current(void)
{
	bool was_frozen = false;

	if (current->flags & PF_KTHREAD)
		kthread_freezable_should_stop(&was_frozen);
	return was_frozen;
}

__rb_helper int rb_helper_sched_set_batch(struct task_struct *task, int nice)
{
	const struct sched_attr attr = {
		.size		= sizeof(attr),
		.sched_policy	= SCHED_BATCH,
		.sched_nice	= nice,
	};

	return sched_setattr_nocheck(task, &attr);
}

__rb_helper void rb_helper_get_task_struct(struct task_struct *task)
{
	get_task_struct(task);
}

__rb_helper void rb_helper_put_task_struct(struct task_struct *task)
{
	put_task_struct(task);
}

__rb_helper void rb_helper_get_current_comm(char *comm)
{
	char buf[TASK_COMM_LEN];

	get_task_comm(buf, current);
	memcpy(comm, buf, sizeof(buf));
}

__rb_helper void rb_helper_prepare_to_rcuwait(struct rcuwait *w)
{
	prepare_to_rcuwait(w);
}

__rb_helper void rb_helper_set_current_state(unsigned int state)
{
	set_current_state(state);
}
