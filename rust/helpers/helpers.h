/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _RB_HELPERS_H
#define _RB_HELPERS_H

#include <linux/compiler_types.h>

/* Helpers have no prototype; `bindgen` reads their definitions. */
#ifdef __BINDGEN__
#define __rb_helper
#else
#define __rb_helper __visible
#endif

#endif
