// SPDX-License-Identifier: GPL-2.0

#include <linux/cacheflush.h>
#include <linux/highmem.h>

/* As memcpy_page(); the compiler knows the size and the alignment, and can inline the copy. */
static void copy_whole_page(struct page *dst, struct page *src)
{
	char *from = kmap_local_page(src);
	char *to = kmap_local_page(dst);

	memcpy(__builtin_assume_aligned(to, PAGE_SIZE),
	       __builtin_assume_aligned(from, PAGE_SIZE), PAGE_SIZE);
	kunmap_local(to);
	kunmap_local(from);
}

static noinline void move_within_page(struct page *page, size_t dst_off,
				      size_t src_off, size_t len)
{
	char *addr = kmap_local_page(page);

	memmove(addr + dst_off, addr + src_off, len);
	kunmap_local(addr);
}

/* The ranges must be within the pages, which may be the same. */
__rb_helper void rb_helper_memmove_page(struct page *dst, size_t dst_off,
					struct page *src, size_t src_off,
					size_t len)
{
	if (unlikely(dst == src)) {
		move_within_page(dst, dst_off, src_off, len);
		return;
	}
	/* The bound, which callers keep anyway, lets the copy be inlined. */
	if (len == PAGE_SIZE)
		copy_whole_page(dst, src);
	else
		memcpy_page(dst, dst_off, src, src_off,
			    min_t(size_t, len, PAGE_SIZE));
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
