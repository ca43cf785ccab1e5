// SPDX-License-Identifier: GPL-2.0
/*
 * Defines the tracepoints of network block devices.
 */

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "events.h"
