// SPDX-License-Identifier: GPL-2.0
/*
 * Bios of awkward shapes, and what C makes of them: the other half of bio.rs.
 */

#include <linux/bio.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#define ORDER 2
#define VECS 3

struct shape {
	unsigned int offset[VECS];
	unsigned int len[VECS];
	unsigned int vecs;
	unsigned int skip;
	unsigned int cut;
};

/*
 * Offsets and lengths in the four pages of each vector; a length of 0 behind the
 * first .vecs ends. At the beginning .skip bytes are done, at the end .cut missing.
 */
static const struct shape shapes[] = {
	/* One page, whole. */
	{ .offset = { 0 }, .len = { PAGE_SIZE } },
	/* Inside a page. */
	{ .offset = { 512 }, .len = { 1024 } },
	/* Over page borders, begun in the middle. */
	{ .offset = { 1024 }, .len = { 3 * PAGE_SIZE } },
	/* An offset that is not in the first page. */
	{ .offset = { PAGE_SIZE + 512 }, .len = { 2 * PAGE_SIZE } },
	/* Several vectors. */
	{ .offset = { 0, 512, 3072 }, .len = { PAGE_SIZE, 512, 2 * PAGE_SIZE } },
	/* The first bytes are done, up to the middle of a page. */
	{ .offset = { 512, 0 }, .len = { PAGE_SIZE, PAGE_SIZE }, .skip = 1024 },
	/* The first vector is done. */
	{ .offset = { 512, 512 }, .len = { 1024, 2 * PAGE_SIZE }, .skip = 1024 },
	/* Done into the second page of the second vector. */
	{ .offset = { 0, 0 }, .len = { 512, 4 * PAGE_SIZE }, .skip = PAGE_SIZE + 1024 },
	/* The end is in the only vector. */
	{ .offset = { 512 }, .len = { 2 * PAGE_SIZE }, .cut = PAGE_SIZE + 512 },
	/* The end is in the last vector, and in one before it. */
	{ .offset = { 0, 1024 }, .len = { PAGE_SIZE, 3 * PAGE_SIZE }, .cut = 1536 },
	{ .offset = { 0, 512, 0 }, .len = { 512, 2 * PAGE_SIZE, 1024 }, .cut = PAGE_SIZE },
	/* Both ends are in the same vector, and in two. */
	{ .offset = { 512 }, .len = { 4 * PAGE_SIZE - 512 }, .skip = 1024, .cut = 2048 },
	{ .offset = { 0, 0 }, .len = { PAGE_SIZE, PAGE_SIZE }, .skip = 512, .cut = 512 },
	/* There is nothing in a vector. */
	{ .offset = { 0, 0, 512 }, .len = { 1024, 0, PAGE_SIZE }, .vecs = 3 },
};

unsigned int rb_test_bio_shapes(void)
{
	return ARRAY_SIZE(shapes);
}

void rb_test_bio_free(struct bio *bio)
{
	unsigned int i;

	for (i = 0; i < bio->bi_vcnt; i++)
		__free_pages(bio->bi_io_vec[i].bv_page, ORDER);
	kfree(bio->bi_private);
	bio_uninit(bio);
	kfree(bio);
}

static int add_vec(struct bio *bio, struct bio_vec *vec, unsigned int offset,
		   unsigned int len, u8 seed)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, ORDER);
	unsigned int i;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < PAGE_SIZE << ORDER; i++)
		((u8 *)page_address(page))[i] = seed ? i * seed + i / 251 : 0;
	vec->bv_page = page;
	vec->bv_offset = offset;
	vec->bv_len = len;
	bio->bi_vcnt++;
	bio->bi_iter.bi_size += len;
	return 0;
}

/* Makes a write of a pattern, or a read into zeroes if @seed is 0. */
struct bio *rb_test_bio_alloc(unsigned int shape, u8 seed)
{
	const struct shape *s = &shapes[shape];
	struct bio *bio = kzalloc(sizeof(*bio), GFP_KERNEL);
	struct bio_vec *vecs = kcalloc(VECS, sizeof(*vecs), GFP_KERNEL);
	unsigned int i;

	if (!bio || !vecs) {
		kfree(bio);
		kfree(vecs);
		return NULL;
	}
	bio_init(bio, NULL, vecs, VECS, seed ? REQ_OP_WRITE : REQ_OP_READ);
	bio->bi_private = vecs;
	for (i = 0; i < VECS && (i < s->vecs || s->len[i]); i++) {
		if (add_vec(bio, &vecs[i], s->offset[i], s->len[i], seed)) {
			rb_test_bio_free(bio);
			return NULL;
		}
	}
	bio_advance(bio, s->skip);
	bio->bi_iter.bi_size -= s->cut;
	return bio;
}

/* Puts @next behind @bio, as in a request. */
void rb_test_bio_chain(struct bio *bio, struct bio *next)
{
	bio->bi_next = next;
}

/* Tells where segment @index is, of those that have data; false if there is none. */
bool rb_test_bio_segment(struct bio *bio, unsigned int index,
			 unsigned int *offset, unsigned int *len)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		if (bv.bv_len && !index--) {
			*offset = bv.bv_offset;
			*len = bv.bv_len;
			return true;
		}
	}
	return false;
}

/* Whether two bios of the same shape have the same data. */
bool rb_test_bio_equal(struct bio *a, struct bio *b)
{
	struct bvec_iter ia = a->bi_iter, ib = b->bi_iter;

	while (ia.bi_size && ib.bi_size) {
		struct bio_vec va = bio_iter_iovec(a, ia);
		struct bio_vec vb = bio_iter_iovec(b, ib);

		if (va.bv_len != vb.bv_len ||
		    memcmp(page_address(va.bv_page) + va.bv_offset,
			   page_address(vb.bv_page) + vb.bv_offset, va.bv_len))
			return false;
		bio_advance_iter_single(a, &ia, va.bv_len);
		bio_advance_iter_single(b, &ib, vb.bv_len);
	}
	return ia.bi_size == ib.bi_size;
}
