# SPDX-License-Identifier: GPL-2.0
"""Fault injection: allocations that fail for tasks that ask for it, and IO of disks that do."""

import contextlib
import os
import threading

from actor import get, put

DEBUGFS = "/sys/kernel/debug"
ALLOCATIONS = ("failslab", "fail_page_alloc")
PLENTY = 1000000000

_local = threading.local()


def prepare(per_thousand_allocations, percent_io):
    """From now on. Allocations that may wait fail, too."""
    for attr in ALLOCATIONS:
        _set(attr, "task-filter", "Y")
        _set(attr, "ignore-gfp-wait", "N")
        _set(attr, "probability", 100 if per_thousand_allocations else 0)
        # Of those that pass the interval, every one.
        _set(attr, "interval", max(1000 // per_thousand_allocations, 1) if per_thousand_allocations else 1)
    _set("fail_page_alloc", "min-order", 0)
    _set("fail_page_alloc", "ignore-gfp-highmem", "N")
    _set("fail_make_request", "probability", percent_io)
    _set("fail_make_request", "interval", 1)
    for attr in (*ALLOCATIONS, "fail_make_request"):
        _set(attr, "times", PLENTY)
        _set(attr, "space", 0)
        _set(attr, "verbose", 0)


def end():
    for attr in (*ALLOCATIONS, "fail_make_request"):
        _set(attr, "probability", 0)


def injected():
    """How many there were since prepare(), by kind."""
    return {
        f"injected: {attr}": PLENTY - int(get(f"{DEBUGFS}/{attr}/times"))
        for attr in (*ALLOCATIONS, "fail_make_request")
    }


def _set(attr, name, value):
    put(f"{DEBUGFS}/{attr}/{name}", value)


@contextlib.contextmanager
def allocations_fail(wanted=True):
    """For this thread, meanwhile. Short: who runs out of memory in Python itself dies."""
    if not wanted:
        yield
        return
    fd = getattr(_local, "fd", None)
    if fd is None:
        fd = _local.fd = os.open("/proc/thread-self/make-it-fail", os.O_RDWR)
    os.pwrite(fd, b"1", 0)
    try:
        yield
    finally:
        _stop(fd)


def _stop(fd):
    # The write that ends it may be hit itself.
    while True:
        try:
            os.pwrite(fd, b"0", 0)
            return
        except OSError:
            pass


def io_fails(disk, wanted):
    """Whether requests to a disk (its name) fail now and then."""
    put(f"/sys/block/{disk}/make-it-fail", int(wanted))


def threads_fail(prefix, wanted):
    """Whether allocations of kernel threads fail; how many there are."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if get(f"/proc/{pid}/comm").startswith(prefix) and not get(f"/proc/{pid}/cmdline"):
                put(f"/proc/{pid}/make-it-fail", int(wanted))
                count += 1
        except OSError:
            pass
    return count


def sweep(function, numbers):
    """Calls function() with the allocations of these numbers failing, each time another, until none is
    left to fail. Yields (number, whether it has failed, result of function)."""
    path = "/proc/thread-self/fail-nth"
    for n in numbers:
        fd = os.open(path, os.O_RDWR)
        try:
            os.pwrite(fd, str(n).encode(), 0)
            try:
                result = function()
            finally:
                left = int(os.pread(fd, 16, 0))
                _stop(fd)
        finally:
            os.close(fd)
        yield n, not left, result
        if left:
            return
