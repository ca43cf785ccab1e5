// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers for the static inlines and macros that Rust cannot call and for
 * which the kernel has no `rust_helper_*`. One file per C header area.
 *
 * Sorted alphabetically.
 */

#include "helpers.h"

#include "block.c"
#ifdef __BINDGEN__
/* An object of its own, for some modules only. */
#include "cdrom.c"
#endif
#include "fs.c"
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
#include "spinlock.c"
#include "sysfs.c"
#include "xarray.c"
