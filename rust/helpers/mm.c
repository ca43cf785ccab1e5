// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

__rb_helper unsigned int rb_helper_memalloc_noio_save(void)
{
	return memalloc_noio_save();
}

__rb_helper void rb_helper_memalloc_noio_restore(unsigned int flags)
{
	memalloc_noio_restore(flags);
}

__rb_helper unsigned int rb_helper_memalloc_noreclaim_save(void)
{
	return memalloc_noreclaim_save();
}

__rb_helper void rb_helper_memalloc_noreclaim_restore(unsigned int flags)
{
	memalloc_noreclaim_restore(flags);
}

static_assert(offsetof(struct page, private) >=
	      offsetof(struct page, rcu_head) + sizeof(struct rcu_head));

/*
 * Has func called with the head of a page of order 0 after a grace period, which is not put off to
 * save power: it is memory that others wait for. free_called_page() returns the owner.
 */
__rb_helper void rb_helper_call_rcu_page(struct page *page, const void *owner, rcu_callback_t func)
{
	set_page_private(page, (unsigned long)owner);
	call_rcu_hurry(&page->rcu_head, func);
}

/* For func: frees the page, and returns its owner. */
__rb_helper const void *rb_helper_free_called_page(struct rcu_head *head)
{
	struct page *page = container_of(head, struct page, rcu_head);
	const void *owner = (const void *)page_private(page);

	set_page_private(page, 0);
	__free_page(page);
	return owner;
}

__rb_helper unsigned long rb_helper_totalram_pages(void)
{
	return totalram_pages();
}

__rb_helper void rb_helper_cond_resched(void)
{
	cond_resched();
}

__rb_helper bool rb_helper_fatal_signal_pending_current(void)
{
	return fatal_signal_pending(current);
}

/* Returns whether the flag was set before. */
__rb_helper bool rb_helper_local_throttle_save(void)
{
	bool was_set = current->flags & PF_LOCAL_THROTTLE;

	current->flags |= PF_LOCAL_THROTTLE;
	return was_set;
}

__rb_helper void rb_helper_local_throttle_restore(bool was_set)
{
	if (!was_set)
		current->flags &= ~PF_LOCAL_THROTTLE;
}
