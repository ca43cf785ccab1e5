/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints of network block devices: those of the kernel's own driver,
 * so that programs that know these need not be changed.
 */

#include <linux/blk-mq.h>
#include <linux/nbd.h>
#include <trace/events/nbd.h>
