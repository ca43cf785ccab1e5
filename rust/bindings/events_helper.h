/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all headers with tracepoints include. Kbuild adds those of the drivers
 * that it finds.
 */

#include <linux/tracepoint.h>
