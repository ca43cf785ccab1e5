/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of the packet writing driver: /sys/kernel/tracing/events/pktcdvd
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM pktcdvd

#if !defined(_PKTCDVD_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PKTCDVD_EVENTS_H

#include <linux/types.h>
#include <linux/kdev_t.h>
#include <linux/tracepoint.h>

#define show_pkt_state(state)			\
	__print_symbolic(state,			\
			 { 0, "idle" },		\
			 { 1, "waiting" },	\
			 { 2, "reading" },	\
			 { 3, "writing" },	\
			 { 4, "failed" },	\
			 { 5, "done" })

#define show_pkt_op(op)				\
	__print_symbolic(op,			\
			 { 0, "read" },		\
			 { 1, "gather" },	\
			 { 2, "write" },	\
			 { 3, "flush" })

/* A packet goes from one state to the next. */
TRACE_EVENT(pkt_state,
	    TP_PROTO(dev_t dev, u64 zone, unsigned int from, unsigned int to),
	    TP_ARGS(dev, zone, from, to),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, zone)
			     __field(unsigned int, from)
			     __field(unsigned int, to)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->zone = zone;
			   __entry->from = from;
			   __entry->to = to;),
	    TP_printk("dev=%u:%u zone=%llu %s -> %s",
		      MAJOR(__entry->dev), MINOR(__entry->dev), __entry->zone,
		      show_pkt_state(__entry->from), show_pkt_state(__entry->to))
);

/* A packet is written to the lower device. */
TRACE_EVENT(pkt_write,
	    TP_PROTO(dev_t dev, u64 zone, unsigned int frames),
	    TP_ARGS(dev, zone, frames),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, zone)
			     __field(unsigned int, frames)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->zone = zone;
			   __entry->frames = frames;),
	    TP_printk("dev=%u:%u zone=%llu frames=%u",
		      MAJOR(__entry->dev), MINOR(__entry->dev), __entry->zone,
		      __entry->frames)
);

/* What no write covers is read from the lower device. */
TRACE_EVENT(pkt_gather,
	    TP_PROTO(dev_t dev, u64 sector, unsigned int sectors),
	    TP_ARGS(dev, sector, sectors),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, sector)
			     __field(unsigned int, sectors)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->sector = sector;
			   __entry->sectors = sectors;),
	    TP_printk("dev=%u:%u sector=%llu sectors=%u",
		      MAJOR(__entry->dev), MINOR(__entry->dev), __entry->sector,
		      __entry->sectors)
);

/* The write queue reaches a mark: writers are stopped, or let go on. */
TRACE_EVENT(pkt_congestion,
	    TP_PROTO(dev_t dev, unsigned int size, bool on),
	    TP_ARGS(dev, size, on),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(unsigned int, size)
			     __field(bool, on)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->size = size;
			   __entry->on = on;),
	    TP_printk("dev=%u:%u size=%u %s",
		      MAJOR(__entry->dev), MINOR(__entry->dev), __entry->size,
		      __entry->on ? "on" : "off")
);

/* The cache of the lower device was flushed. */
TRACE_EVENT(pkt_flush,
	    TP_PROTO(dev_t dev, int status),
	    TP_ARGS(dev, status),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(int, status)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->status = status;),
	    TP_printk("dev=%u:%u status=%d",
		      MAJOR(__entry->dev), MINOR(__entry->dev), __entry->status)
);

/* The lower device failed. */
TRACE_EVENT(pkt_error,
	    TP_PROTO(dev_t dev, u64 sector, unsigned int op, int status),
	    TP_ARGS(dev, sector, op, status),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, sector)
			     __field(unsigned int, op)
			     __field(int, status)),
	    TP_fast_assign(__entry->dev = dev;
			   __entry->sector = sector;
			   __entry->op = op;
			   __entry->status = status;),
	    TP_printk("dev=%u:%u sector=%llu %s status=%d",
		      MAJOR(__entry->dev), MINOR(__entry->dev), __entry->sector,
		      show_pkt_op(__entry->op), __entry->status)
);

#endif /* _PKTCDVD_EVENTS_H */

/* This part must be outside protection. Kbuild adds this directory. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE events
#include <trace/define_trace.h>
