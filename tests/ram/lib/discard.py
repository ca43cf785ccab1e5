#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""discard.py DEVICE: every discard and write of zeroes by its start and end within a page.

For each of the 64 pairs of start and end, in units of 512 bytes, once within one page, once up to
the next, and once with a whole page between: exactly the range reads as zeroes, its neighbours keep
their data, and just the page that is covered as a whole is freed.
"""

import fcntl
import mmap
import os
import struct
import sys

BLKDISCARD, BLKZEROOUT = 0x1277, 0x127F
SECTOR, PAGE = 512, mmap.PAGESIZE
SPAN = 4 * PAGE


def main():
    path = sys.argv[1]
    pages_file = f"/sys/block/{os.path.basename(path)}/ram/pages"
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    buffer = mmap.mmap(-1, SPAN)
    full = bytes(i // SECTOR + 1 for i in range(SPAN))

    def pages():
        with open(pages_file, encoding="ascii") as file:
            return int(file.read())

    cases = [
        (start * SECTOR, between * PAGE + end * SECTOR)
        for start in range(PAGE // SECTOR)
        for end in range(PAGE // SECTOR)
        for between in (0, 1, 2)
        if start * SECTOR < between * PAGE + end * SECTOR
    ]
    for how in (BLKDISCARD, BLKZEROOUT):
        for start, end in cases:
            buffer[:] = full
            os.pwritev(fd, [buffer], 0)
            assert pages() == SPAN // PAGE
            fcntl.ioctl(fd, how, struct.pack("QQ", start, end - start))
            os.preadv(fd, [buffer], 0)
            wanted = full[:start] + bytes(end - start) + full[end:]
            where = f"{how:#x} from {start} to {end}"
            assert buffer[:] == wanted, where
            whole = max(0, end // PAGE - -(-start // PAGE))
            assert pages() == SPAN // PAGE - whole, f"{where}: {pages()} pages"
    print(len(cases), "cases")


main()
