/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is used of the interface of QEMU's plugins; Debian has no header of it.
 * QEMU_PLUGIN_VERSION is 1 for QEMU before 9.0, 2 for 9.0, 3 for what came since.
 */
#ifndef BENCH_QEMU_H
#define BENCH_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_MEM_W = 2 };

struct qemu_info;
struct qemu_tb;
struct qemu_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(__u64 id,
					   void (*cb)(__u64 id, struct qemu_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_tb *tb,
					  void (*cb)(unsigned int cpu, void *data),
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_insn *insn,
					    void (*cb)(unsigned int cpu, void *data),
					    int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_insn *insn,
				      void (*cb)(unsigned int cpu, __u32 info,
						 __u64 addr, void *data),
				      int flags, int rw, void *data);
unsigned int qemu_plugin_mem_size_shift(__u32 info);
bool qemu_plugin_mem_is_store(__u32 info);
void qemu_plugin_register_atexit_cb(__u64 id, void (*cb)(__u64 id, void *data),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_tb *tb);
__u64 qemu_plugin_tb_vaddr(const struct qemu_tb *tb);
struct qemu_insn *qemu_plugin_tb_get_insn(const struct qemu_tb *tb, size_t n);
size_t qemu_plugin_insn_size(const struct qemu_insn *insn);
__u64 qemu_plugin_insn_vaddr(const struct qemu_insn *insn);
#if QEMU_PLUGIN_VERSION >= 3
size_t qemu_plugin_insn_data(const struct qemu_insn *insn, void *to, size_t len);
#else
const void *qemu_plugin_insn_data(const struct qemu_insn *insn);
#endif

#endif
