#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""discards.py DEVICE PACKET-BYTES THREADS OPERATIONS SEED FILE: threads that write, discard and
read, each in packets of its own, and know what has to be there; what all of the device must have in
the end is left in FILE.

The packets of a thread lie between those of the others. It writes some frames of one, discards one
as a whole, and looks at one: frames that nobody has written since its packet was discarded are
zeroes, however often others of the packet were written.
"""

import fcntl
import os
import random
import struct
import sys

from disk import FRAME, Disk, compare, run_all

BLKDISCARD = 0x1277


class Thread:
    """One writer, and what its packets hold."""

    def __init__(self, disk, packet, own, contents, seed):
        self.disk, self.packet, self.own, self.contents = disk, packet, own, contents
        self.rng = random.Random(seed)

    def write(self, at):
        frames = self.packet // FRAME
        first = self.rng.randrange(frames)
        count = self.rng.choice([1, 1, 2, frames - first])
        start, length = at + first * FRAME, min(count, frames - first) * FRAME
        data = self.rng.randbytes(8) * (length // 8)
        self.disk.write(start, data)
        self.contents[start : start + length] = data

    def discard(self, at):
        fcntl.ioctl(self.disk.fd, BLKDISCARD, struct.pack("QQ", at, self.packet))
        self.contents[at : at + self.packet] = bytes(self.packet)

    def read(self, at):
        got = self.disk.read(at, self.packet)
        compare("read", at, got, bytes(self.contents[at : at + self.packet]))

    def run(self, operations):
        for _ in range(operations):
            at = self.rng.choice(self.own) * self.packet
            self.rng.choice([self.write, self.write, self.discard, self.read])(at)


def main():
    path, (packet, count, operations, seed), file = sys.argv[1], map(int, sys.argv[2:6]), sys.argv[6]
    disk = Disk(path)
    contents = bytearray(random.Random(seed).randbytes(FRAME) * (disk.size // FRAME))
    for start in range(0, disk.size, 1 << 20):
        disk.write(start, contents[start : start + (1 << 20)])
    # Twice as many packets as there are buffers, or more: so some have to be read again.
    packets = [range(i, 3 * count, count) for i in range(count)]
    threads = [Thread(disk, packet, packets[i], contents, seed + i) for i in range(count)]
    run_all([lambda t=t: t.run(operations) for t in threads])
    os.fsync(disk.fd)
    compare("at the end", 0, disk.read_all(), bytes(contents))
    with open(file, "wb") as out:
        out.write(contents)


main()
