// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers for the static inlines and macros that Rust cannot call and for
 * which the kernel has no `rust_helper_*`. One file per C header area.
 *
 * Sorted alphabetically.
 */

#include <linux/compiler_types.h>

/* Helpers have no prototype; `bindgen` reads their definitions. */
#ifdef __BINDGEN__
#define __rb_helper
#else
#define __rb_helper __visible
#endif

#include "block.c"
#include "cdrom.c"
#ifdef CONFIG_NET
#include "genetlink.c"
#endif
#include "highmem.c"
#include "kthread.c"
#include "mm.c"
#ifdef CONFIG_NET
#include "net.c"
#endif
#include "ratelimit.c"
#include "signal.c"
#include "sysfs.c"
#include "xarray.c"
