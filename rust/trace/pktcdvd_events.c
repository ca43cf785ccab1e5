// SPDX-License-Identifier: GPL-2.0
/*
 * Defines the tracepoints of the packet writing driver, for the one module
 * that holds it.
 */

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "pktcdvd_events.h"
