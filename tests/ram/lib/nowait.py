#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""nowait.py DEVICE LIMIT: I/O that must not wait, on a disk that may use LIMIT bytes.

Reads and writes with RWF_NOWAIT do what they are for while there is memory. When there is none, or
it is not at hand, a write says so without a part of it having been done.
"""

import errno
import fcntl
import itertools
import mmap
import os
import struct
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../torture/lib"))
import faults  # pylint: disable=wrong-import-position,import-error

BLKDISCARD = 0x1277
CHUNK = 256 << 10


def write(fd, data, at):
    """Writes all of data, or returns the errno; a short write counts as none."""
    try:
        done = os.pwritev(fd, [data], at, os.RWF_NOWAIT)
    except OSError as error:
        return error.errno
    assert done == len(data), done
    return 0


def starved(fd, length):
    """Of a write of so many bytes, the first half of them to pages that are there, each allocation fails
    in turn: EAGAIN, and all is as it was; whoever may wait can write it then. How often. What the block
    core lacks for the bio itself, it says with ENOMEM."""
    old, new, back = (mmap.mmap(-1, length) for _ in range(3))
    old[: length // 2] = os.urandom(length // 2)
    new[:] = os.urandom(length)

    def restore():
        fcntl.ioctl(fd, BLKDISCARD, struct.pack("QQ", 0, length))
        if length > mmap.PAGESIZE:
            os.pwritev(fd, [memoryview(old)[: length // 2]], 0)
        else:
            old[:] = bytes(length)

    refused = 0
    restore()
    for number, failed, result in faults.sweep(lambda: write(fd, new, 0), itertools.count(1)):
        may = (0, errno.EAGAIN, errno.ENOMEM)
        assert result in may, f"allocation {number}: {errno.errorcode[result]}"
        assert failed or result == 0
        os.preadv(fd, [back], 0)
        assert back[:] == (old if result else new)[:], f"allocation {number}, {result}: other data"
        if result:
            refused += result == errno.EAGAIN
            assert os.pwritev(fd, [new], 0) == length
            os.preadv(fd, [back], 0)
            assert back[:] == new[:]
        restore()
    fcntl.ioctl(fd, BLKDISCARD, struct.pack("QQ", 0, length))
    return refused


def settled(fd, data, pos):
    """As write(), when what was discarded before is free: until then it may be to be repeated."""
    result = errno.EAGAIN
    while result == errno.EAGAIN:
        result = write(fd, data, pos)
    return result


def main():
    path, limit = sys.argv[1], int(sys.argv[2])
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    faults.prepare(0, 0)
    assert starved(fd, mmap.PAGESIZE) > 0
    # A page each, at least.
    assert starved(fd, 16 * mmap.PAGESIZE) >= 8
    data, back = mmap.mmap(-1, CHUNK), mmap.mmap(-1, CHUNK)
    data[:] = os.urandom(CHUNK)

    at = 0
    result = 0
    while at < limit:
        result = write(fd, data, at)
        assert result in (0, errno.EAGAIN), errno.errorcode[result]
        if result == 0:
            assert os.preadv(fd, [back], at, os.RWF_NOWAIT) == CHUNK
            assert back[:] == data[:]
            at += CHUNK
    # Half of this one does not fit.
    half = CHUNK // 2
    assert settled(fd, memoryview(data)[:half], at) == errno.ENOSPC
    os.pwritev(fd, [memoryview(data)[:4096]], 0)
    before = os.preadv(fd, [back], 0) and back[:]
    other = mmap.mmap(-1, CHUNK)
    other[:] = os.urandom(CHUNK)
    # From the last chunk that is there into the hole behind it.
    start = limit - half
    assert os.preadv(fd, [back], start) == CHUNK
    before = back[:]
    assert settled(fd, other, start) == errno.ENOSPC
    assert os.preadv(fd, [back], start) == CHUNK
    assert back[:] == before, "a write that failed has written"
    # A hole reads without memory.
    assert os.preadv(fd, [back], limit + CHUNK, os.RWF_NOWAIT) == CHUNK
    assert not any(back[:])


main()
