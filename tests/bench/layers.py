# SPDX-License-Identifier: GPL-2.0
"""Which part of the kernel a function is of, by its name: roughly, as names go."""

import collections
import re

DRIVER, REST = "the driver", "other"

# The first that matches counts.
NAMES = [
    ("xarray", r"xas?_|__xa|radix_tree"),
    ("io_uring", r"_*io_(?!schedule)|__?do_sys_io_uring|__?[sx](64|e)_sys_io_uring"),
    ("bio, block", r"_*(bio|bvec|blk|blkdev|blkcg|submit_bio|part|disk|dd_|elv|rq_|sbitmap"
                   r"|mempool|block|bdev|update_io_ticks|dio|punt_bios)"),
    ("iov_iter, pinning pages", r"_*(iov_iter|import_|gup|pin_|unpin|folio|try_grab|get_user_pages"
                                r"|internal_get_user|follow|mod_node_page|mod_memcg|page_|put_page"
                                r"|want_pages|iov)"),
    ("memory allocation", r"_*(kmem|kmalloc|kfree|slab|alloc|free|get_page_from|rmqueue|__slab"
                          r"|get_random|obj_cgroup|memcg|charge|clear_page|mem_cgroup)"),
    ("processes, waiting", r"_*(schedule|try_to_wake|ttwu|enqueue|dequeue|pick_|update_(curr|load|rq)"
                           r"|sched|wake|prepare_to|finish_|context|switch|select_task|set_next|put_prev"
                           r"|task|queue_work|process_one|worker|kthread|rcu|mutex|down|up_|complete)"),
    ("locks, preemption", r"_*(raw_)?(spin|read|write)_|_*preempt|__local_bh|queued_spin"),
    ("sockets", r"_*(sock|unix|tcp|skb|sk_|ip_|net|sendmsg|recvmsg|kernel_(send|recv)|consume_skb)"),
    ("files, system calls", r"_*(entry_|do_syscall|x64_sys|syscall|vfs|fget|fput|file|rw_verify|"
                            r"security|fdget|ksys|sysvec|asm_|irq|touch_atime|inode|current_time"
                            r"|kiocb|timestamp|ktime|generic)"),
]
MATCH = [(name, re.compile(pattern)) for name, pattern in NAMES]
ORDER = [DRIVER, *(name for name, _ in NAMES), REST]


def layer_of(function, own):
    """The layer's name."""
    if own:
        return DRIVER
    return next((name for name, match in MATCH if match.match(function)), REST)


def by_layer(functions, driver, copies):
    """The instructions of a row's functions in each layer, without those that copy."""
    layers = collections.Counter()
    for function in functions:
        if not copies.fullmatch(function["function"]):
            layers[layer_of(function["function"], function["own"])] += function[driver]
    return layers
