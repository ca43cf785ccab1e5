#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""at_once.py DEVICE SEED OPERATIONS: four processes read, write and discard the same few pages.

Pages of the first kind have one owner each, whose neighbours discard theirs. Of those of the second
kind each has sectors. Both are exactly what their owner made them. On pages of the third kind all
write and discard: whatever is found there was written there, by anybody, or is zeroes.
"""

import fcntl
import mmap
import multiprocessing
import os
import random
import struct
import sys

BLKDISCARD = 0x1277
SECTOR, PAGE, PROCESSES = 512, 4096, 4
EACH = PAGE // SECTOR
# Sectors: where the kinds begin and end.
SHARED, COMMON, END = 16 * EACH, 24 * EACH, 32 * EACH


class Process:
    """One of them, and what its sectors should hold."""

    def __init__(self, path, seed, number):
        self.fd = os.open(path, os.O_RDWR | os.O_DIRECT)
        self.rng = random.Random(f"{seed}/{number}")
        self.number = number
        self.buffer = mmap.mmap(-1, END * SECTOR)
        self.model = {}

    def piece(self, count):
        return memoryview(self.buffer)[: count * SECTOR]

    def read(self, first, count):
        self.buffer[: count * SECTOR] = b"\xaa" * (count * SECTOR)
        assert os.preadv(self.fd, [self.piece(count)], first * SECTOR) == count * SECTOR
        return [self.buffer[i * SECTOR : (i + 1) * SECTOR] for i in range(count)]

    def write(self, first, sectors):
        self.buffer[: len(sectors) * SECTOR] = b"".join(sectors)
        done = os.pwritev(self.fd, [self.piece(len(sectors))], first * SECTOR)
        assert done == len(sectors) * SECTOR

    def discard(self, first, count):
        fcntl.ioctl(self.fd, BLKDISCARD, struct.pack("QQ", first * SECTOR, count * SECTOR))

    def mine(self):
        """Some sectors in a row that are this process's alone."""
        rng = self.rng
        if rng.random() < 0.5:
            page = rng.randrange(SHARED // EACH // PROCESSES) * PROCESSES + self.number
            first = rng.choice([0, 0, rng.randrange(EACH)])
            return page * EACH + first, rng.choice([EACH - first, rng.randint(1, EACH - first)])
        return rng.randrange(SHARED, COMMON, PROCESSES) + self.number, 1

    def alone(self):
        first, count = self.mine()
        sectors = range(first, first + count)
        how = self.rng.random()
        if how < 0.4:
            data = [self.rng.randbytes(16) * (SECTOR // 16) for _ in sectors]
            self.write(first, data)
            self.model.update(zip(sectors, data))
        elif how < 0.6:
            self.discard(first, count)
            self.model.update((sector, bytes(SECTOR)) for sector in sectors)
        else:
            self.compare(first, count)

    def compare(self, first, count):
        for sector, got in enumerate(self.read(first, count), first):
            assert got == self.model.get(sector, bytes(SECTOR)), f"sector {sector}: {got[:16]}"

    def together(self):
        first = self.rng.randrange(COMMON, END)
        count = self.rng.randint(1, END - first)
        how = self.rng.random()
        if how < 0.4:
            self.write(first, [bytes([mark(s, self.number)]) * SECTOR for s in range(first, first + count)])
        elif how < 0.7:
            self.discard(COMMON, END - COMMON) if how < 0.5 else self.discard(first, count)
        else:
            known(first, self.read(first, count))

    def run(self, operations):
        for _ in range(operations):
            self.rng.choice([self.alone, self.together])()
        for sector in self.model:
            self.compare(sector, 1)


def mark(sector, process):
    """What a process writes to a sector: never zero, and another for each of both."""
    return 1 + (sector % 63) * PROCESSES + process


def known(first, sectors):
    for sector, got in enumerate(sectors, first):
        may = {0, *(mark(sector, process) for process in range(PROCESSES))}
        assert set(got) <= may, f"sector {sector} has {sorted(set(got) - may)}"


def play(arguments):
    path, seed, operations, number = arguments
    Process(path, seed, number).run(operations)


def main():
    path, seed, operations = sys.argv[1], sys.argv[2], int(sys.argv[3])
    judge = Process(path, seed, PROCESSES)
    judge.discard(0, END)
    with multiprocessing.Pool(PROCESSES) as pool:
        pool.map(play, [(path, seed, operations, n) for n in range(PROCESSES)], chunksize=1)
    left = judge.read(COMMON, END - COMMON)
    known(COMMON, left)
    assert judge.read(COMMON, END - COMMON) == left


main()
