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

static void free_page_after(struct rcu_head *head)
{
	__free_page(container_of(head, struct page, rcu_head));
}

/* Frees a page of order 0 after a grace period; see rcu_barrier(). */
__rb_helper void rb_helper_free_page_rcu(struct page *page)
{
	call_rcu(&page->rcu_head, free_page_after);
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
