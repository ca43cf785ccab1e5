// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the instructions of the guest's kernel between two marks.
 *
 * -plugin FILE,out=FILE,copy=START-END,...
 *
 * Marks are instructions that do nothing, executed by the program that makes the
 * load (src/mark.rs). Between them each block of translated code has its
 * executions counted, so the counts are exact. For each region that ended the
 * output has a line for each block, and one that ends it:
 *
 *	B ADDRESS INSTRUCTIONS    all the block's executions together
 *	R BYTES                   bytes that were copied
 *
 * A string instruction counts once, however much it moves; what it moves, and
 * what is stored by code at the addresses of copy=, are the bytes copied.
 * Numbers but the addresses of copy= are decimal. For guests with one processor.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu.h"

#define BLOCKS 0x40000
#define KERNEL 0xffff800000000000ULL

int qemu_plugin_version = QEMU_PLUGIN_VERSION;

struct block {
	__u64 addr;
	__u64 insns;
	/* The string instruction at its end, or 0. */
	__u64 string;
	__u64 executed;
};

struct range {
	__u64 start;
	__u64 end;
};

static struct block *blocks[BLOCKS];
static struct range copies[32];
static int nr_copies;
static __u64 copied;
static __u64 last_string;
static bool counting;
static FILE *out;

static void get_code(struct qemu_insn *insn, unsigned char *to, size_t len)
{
	size_t size = qemu_plugin_insn_size(insn);

	memset(to, 0, len);
	if (size > len)
		size = len;
#if QEMU_PLUGIN_VERSION >= 3
	qemu_plugin_insn_data(insn, to, size);
#else
	memcpy(to, qemu_plugin_insn_data(insn), size);
#endif
}

/* The opcode of a string instruction with a repeat prefix, or 0. */
static unsigned char repeated_string(const unsigned char *code)
{
	bool repeat = false;

	for (;; code++) {
		switch (*code) {
		case 0xf2:
		case 0xf3:
			repeat = true;
			break;
		case 0x40 ... 0x4f:
		case 0x66:
		case 0x67:
			break;
		case 0xa4 ... 0xa7:
		case 0xaa ... 0xaf:
			return repeat ? *code : 0;
		default:
			return 0;
		}
	}
}

static bool moves(unsigned char opcode)
{
	return (opcode & ~1) == 0xa4;
}

static bool is_copy(__u64 addr)
{
	int i;

	for (i = 0; i < nr_copies; i++)
		if (addr >= copies[i].start && addr < copies[i].end)
			return true;
	return false;
}

/* nopl IMMEDIATE(%rax,%rax): 1 or 2, or 0 for anything else. */
static int mark_of(const unsigned char *code)
{
	static const unsigned char mark[] = { 0x0f, 0x1f, 0x84, 0, 0, 0, 0x42, 0x42 };

	if (memcmp(code, mark, 4) || memcmp(code + 5, mark + 5, 3))
		return 0;
	return code[4];
}

static void begin(unsigned int cpu, void *data)
{
	int i;

	for (i = 0; i < BLOCKS; i++)
		if (blocks[i])
			blocks[i]->executed = 0;
	copied = 0;
	counting = true;
}

static void end(unsigned int cpu, void *data)
{
	struct block *b;
	int i;

	if (!counting)
		return;
	counting = false;
	for (i = 0; i < BLOCKS; i++) {
		b = blocks[i];
		if (b && b->executed)
			fprintf(out, "B %llu %llu\n", b->addr, b->executed * b->insns);
	}
	fprintf(out, "R %llu\n", copied);
	fflush(out);
}

static void execute(unsigned int cpu, void *data)
{
	struct block *b = data;

	/* A string instruction that goes on is a block of its own. */
	if (b->string && b->insns == 1 && last_string == b->string)
		return;
	last_string = b->string;
	b->executed++;
}

static void store(unsigned int cpu, __u32 info, __u64 addr, void *data)
{
	/* QEMU 7.2 tells of loads too, whatever it is asked for. */
	if (qemu_plugin_mem_is_store(info))
		copied += 1 << qemu_plugin_mem_size_shift(info);
}

/* Blocks that differ have different entries; what a driver leaves behind is little. */
static struct block *block_of(const struct block *key)
{
	size_t i = (key->addr * 0x9e3779b97f4a7c15ULL) >> 46;
	struct block *b;

	for (;; i = (i + 1) % BLOCKS) {
		b = blocks[i];
		if (!b)
			break;
		if (b->addr == key->addr && b->insns == key->insns &&
		    b->string == key->string)
			return b;
	}
	b = malloc(sizeof(*b));
	if (!b)
		abort();
	*b = *key;
	blocks[i] = b;
	return b;
}

static void translate(__u64 id, struct qemu_tb *tb)
{
	struct block key = {
		.addr = qemu_plugin_tb_vaddr(tb),
		.insns = qemu_plugin_tb_n_insns(tb),
	};
	unsigned char code[16];
	size_t i;

	for (i = 0; i < key.insns; i++) {
		struct qemu_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		__u64 addr = qemu_plugin_insn_vaddr(insn);
		unsigned char string;
		int mark;

		get_code(insn, code, sizeof(code));
		string = repeated_string(code);
		key.string = string ? addr : 0;
		mark = mark_of(code);
		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark == 1 ? begin : end,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (addr >= KERNEL && (moves(string) || is_copy(addr)))
			qemu_plugin_register_vcpu_mem_cb(insn, store, QEMU_PLUGIN_CB_NO_REGS,
							 QEMU_PLUGIN_MEM_W, NULL);
	}
	if (key.addr >= KERNEL)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, execute, QEMU_PLUGIN_CB_NO_REGS,
						     block_of(&key));
}

static void finish(__u64 id, void *data)
{
	fclose(out);
}

static int add_range(const char *text)
{
	struct range *range = &copies[nr_copies];
	char *rest;

	if (nr_copies == sizeof(copies) / sizeof(*copies))
		return -1;
	range->start = strtoull(text, &rest, 16);
	if (*rest++ != '-')
		return -1;
	range->end = strtoull(rest, &rest, 16);
	nr_copies++;
	return *rest ? -1 : 0;
}

int qemu_plugin_install(__u64 id, const struct qemu_info *info, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else if (strncmp(argv[i], "copy=", 5) || add_range(argv[i] + 5))
			return -1;
	}
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
