#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""model.py DEVICE PACKET-BYTES OFFSET SEED OPERATIONS [FILE]: does random things to a packet
device and to an array of bytes, compares the two all the time, and leaves the array in FILE.

Writes past and through the page cache and through mapped memory, of any number of frames, with a
liking for packet borders, for what was just written, and for the end of the device.
"""

import mmap
import os
import random
import sys

from disk import FRAME, Disk, compare, run_all

MEGA = 1 << 20
POOL = os.urandom(2 * MEGA)


def fresh(length):
    """Some bytes: a piece of the pool, which is much faster than new ones."""
    at = random.randrange(len(POOL) - length)
    return POOL[at : at + length]


class Model:
    """A packet device, and what it should hold."""

    def __init__(self, path, packet, offset):
        self.disk = Disk(path)
        self.cached = os.open(path, os.O_RDWR)
        self.packet, self.offset = packet, offset
        self.bytes = bytearray(self.disk.read_all())
        self.last = offset

    def range(self, longest):
        """A range of whole frames that may be written."""
        length = random.randint(1, max(longest // FRAME, 1)) * FRAME
        how = random.randrange(4)
        if how == 0:
            start = random.randrange(self.offset, self.disk.size, FRAME)
        elif how == 1:
            # At, or around, the border of a packet.
            start = self.offset + self.packet * random.randrange(self.packets())
            start += FRAME * random.choice([-1, 0, 0, 0, 1])
        elif how == 2:
            # Over what was written last.
            start = self.last + FRAME * random.randint(-4, 4)
        else:
            start = self.disk.size - length
        start = min(max(start, self.offset), self.disk.size - FRAME)
        self.last = start
        return start, min(length, self.disk.size - start)

    def pages(self, longest):
        """A range that may be written by whole pages: the page cache also writes what is around."""
        start, length = self.range(longest)
        first = -(-self.offset // mmap.PAGESIZE) * mmap.PAGESIZE
        start = max(start, first)
        return start, min(length, self.disk.size - start)

    def packets(self):
        return (self.disk.size - self.offset) // self.packet

    def write(self, longest):
        start, length = self.range(longest)
        data = fresh(length)
        self.disk.write(start, data)
        self.bytes[start : start + length] = data

    def write_small(self):
        self.write(4 * FRAME)

    def write_packets(self):
        self.write(min(self.packet * random.randint(1, 16), MEGA))

    def write_mega(self):
        self.write(MEGA)

    def write_some_at_once(self):
        """Writes of disjoint ranges by some threads: the pieces of a few packets."""
        start, _ = self.range(FRAME)
        pieces = []
        while start < self.disk.size and len(pieces) < 8:
            length = min(random.randint(1, 6) * FRAME, self.disk.size - start)
            pieces.append((start, fresh(length)))
            start += length + FRAME * random.randrange(3)
        random.shuffle(pieces)
        run_all([lambda p=p: self.disk.write(*p) for p in pieces])
        for at, data in pieces:
            self.bytes[at : at + len(data)] = data

    def write_cached(self):
        start, length = self.pages(self.packet * 2)
        # Any bytes, not just whole frames.
        start, length = start + random.randrange(FRAME), max(length - FRAME, 1)
        length = min(length, self.disk.size - start)
        data = fresh(length)
        assert os.pwrite(self.cached, data, start) == length
        self.bytes[start : start + length] = data
        if random.randrange(2):
            os.fsync(self.cached)

    def write_mapped(self):
        start, length = self.pages(self.packet * 2)
        page = start - start % mmap.PAGESIZE
        size = min(start + length, self.disk.size) - page
        data = fresh(length)
        with mmap.mmap(self.cached, size, offset=page) as memory:
            memory[start - page : start - page + length] = data
            if random.randrange(2):
                memory.flush()
        self.bytes[start : start + length] = data

    def read(self):
        start, length = self.range(random.choice([FRAME, self.packet * 3, MEGA]))
        got = self.disk.read(start, length)
        compare("read", start, got, self.bytes[start : start + length])

    def read_cached(self):
        start, length = self.range(self.packet * 3)
        got = os.pread(self.cached, length, start)
        compare("cached read", start, got, self.bytes[start : start + length])


def main():
    path, packet, offset, seed, operations = sys.argv[1], *map(int, sys.argv[2:6])
    random.seed(seed)
    model = Model(path, packet, offset)
    steps = [
        *[model.write_small, model.read] * 3,
        *[model.write_packets, model.write_some_at_once, model.write_cached] * 2,
        *[model.write_mega, model.write_mapped, model.read_cached],
    ]
    for _ in range(operations):
        random.choice(steps)()
    os.fsync(model.cached)
    compare("at the end", 0, model.disk.read_all(), bytes(model.bytes))
    if len(sys.argv) > 6:
        with open(sys.argv[6], "wb") as file:
            file.write(model.bytes)


main()
