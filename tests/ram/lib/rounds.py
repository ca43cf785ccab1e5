#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""rounds.py NODE MIB ROUNDS

Fills MIB of a disk and discards them, ROUNDS times without a pause. Prints by how many MiB the
system's free memory was less at most than before.
"""

import fcntl
import mmap
import os
import struct
import sys

BLKDISCARD = 0x1277


def free_mib():
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        for line in meminfo:
            if line.startswith("MemFree:"):
                return int(line.split()[1]) // 1024
    return 0


def main(node, mib, rounds):
    data = mmap.mmap(-1, mib << 20)
    data.write(b"x" * len(data))
    disk = os.open(node, os.O_RDWR | os.O_DIRECT)
    before = free_mib()
    least = before

    for _ in range(rounds):
        if os.pwrite(disk, data, 0) != len(data):
            sys.exit("a write was short")
        least = min(least, free_mib())
        fcntl.ioctl(disk, BLKDISCARD, struct.pack("QQ", 0, len(data)))
    print(before - least)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
