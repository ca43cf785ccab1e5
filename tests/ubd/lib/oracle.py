#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""oracle.py DISK MODEL SEED COUNT: does random requests to a disk and to a file that is a model of it,
and compares. What the disk has at the start is what the file has; so it is at the end.

Requests have data in several pieces of memory, and go past the page cache."""

import fcntl
import mmap
import os
import random
import struct
import sys

BLKDISCARD = 0x1277
BLKZEROOUT = 0x127F
SECTOR = 512
MOST = 256 << 10


def pieces(memory, size):
    """Cuts memory into pieces that begin at odd places of pages, for `size` bytes in all."""
    views, at = [], 0
    while size:
        length = min(size, SECTOR * random.choice((1, 1, 3, 8, 8, 16, 64, 512)))
        at += SECTOR * random.randrange(8)
        views.append(memoryview(memory)[at : at + length])
        at += length
        size -= length
        if len(views) == 100:
            views[-1] = memoryview(memory)[at - length : at + size]
            break
    return views


def main():
    disk, model, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    random.seed(seed)
    size = os.path.getsize(model)
    sectors = size // SECTOR
    memory = mmap.mmap(-1, MOST * 4 + (1 << 20))
    with open(model, "r+b") as file, mmap.mmap(file.fileno(), size) as wanted:
        fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
        for number in range(count):
            # Most of them near one another, so that runs are short.
            length = random.choice((1, 1, 1, 2, 7, 8, 9, 63, 64, 65, MOST // SECTOR))
            length = min(length, sectors)
            first = random.randrange(sectors - length + 1)
            if random.random() < 0.7:
                first = min(first, random.randrange(min(sectors - length, 700) + 1))
            start, end = first * SECTOR, (first + length) * SECTOR
            views = pieces(memory, end - start)
            what = random.choices(("read", "write", "discard", "zero"), (12, 8, 1, 1))[0]
            if what == "read":
                if os.preadv(fd, views, start) != end - start:
                    sys.exit(f"request {number}: a short read at {start}")
                if b"".join(views) != wanted[start:end]:
                    sys.exit(f"request {number}: {end - start} bytes at {start} are wrong")
            elif what == "write":
                data = random.randbytes(end - start)
                at = 0
                for view in views:
                    view[:] = data[at : at + len(view)]
                    at += len(view)
                if os.pwritev(fd, views, start) != end - start:
                    sys.exit(f"request {number}: a short write at {start}")
                wanted[start:end] = data
            else:
                op = BLKDISCARD if what == "discard" else BLKZEROOUT
                fcntl.ioctl(fd, op, struct.pack("QQ", start, end - start))
                wanted[start:end] = bytes(end - start)
            for view in views:
                view.release()
        os.close(fd)


main()
