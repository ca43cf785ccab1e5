#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""nowait.py DEVICE LIMIT: I/O that must not wait, on a disk that may use LIMIT bytes.

Reads and writes with RWF_NOWAIT do what they are for while there is memory. When there is none, a
write says so without a part of it having been done.
"""

import errno
import mmap
import os
import sys

CHUNK = 256 << 10


def write(fd, data, at):
    """Writes all of data, or returns the errno; a short write counts as none."""
    try:
        done = os.pwritev(fd, [data], at, os.RWF_NOWAIT)
    except OSError as error:
        return error.errno
    assert done == len(data), done
    return 0


def main():
    path, limit = sys.argv[1], int(sys.argv[2])
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
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
    assert write(fd, memoryview(data)[:half], at) == errno.ENOSPC
    os.pwritev(fd, [memoryview(data)[:4096]], 0)
    before = os.preadv(fd, [back], 0) and back[:]
    other = mmap.mmap(-1, CHUNK)
    other[:] = os.urandom(CHUNK)
    # From the last chunk that is there into the hole behind it.
    start = limit - half
    assert os.preadv(fd, [back], start) == CHUNK
    before = back[:]
    assert write(fd, other, start) == errno.ENOSPC
    assert os.preadv(fd, [back], start) == CHUNK
    assert back[:] == before, "a write that failed has written"
    # A hole reads without memory.
    assert os.preadv(fd, [back], limit + CHUNK, os.RWF_NOWAIT) == CHUNK
    assert not any(back[:])


main()
