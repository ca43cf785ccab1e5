// SPDX-License-Identifier: GPL-2.0

#include <linux/cacheflush.h>
#include <linux/highmem.h>

__rb_helper void rb_helper_memcpy_page(struct page *dst, size_t dst_off,
				       struct page *src, size_t src_off,
				       size_t len)
{
	/* The bound, which callers keep anyway, lets the copy be inlined. */
	memcpy_page(dst, dst_off, src, src_off, min_t(size_t, len, PAGE_SIZE));
}

__rb_helper void rb_helper_memzero_page(struct page *page, size_t off,
					size_t len)
{
	memzero_page(page, off, min_t(size_t, len, PAGE_SIZE));
}

__rb_helper void rb_helper_flush_dcache_page(struct page *page)
{
	flush_dcache_page(page);
}
