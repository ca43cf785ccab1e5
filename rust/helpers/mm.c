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

__rb_helper bool rb_helper_get_page_unless_zero(struct page *page)
{
	return get_page_unless_zero(page);
}

__rb_helper void rb_helper_get_page(struct page *page)
{
	get_page(page);
}

__rb_helper void rb_helper_folio_put(struct folio *folio)
{
	folio_put(folio);
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
