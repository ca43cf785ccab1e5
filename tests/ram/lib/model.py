#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""model.py DEVICE SEED OPERATIONS: does random things to a disk and to an array of bytes, and
compares the two.

Direct and buffered reads and writes of odd lengths at odd offsets, discards, writes of zeroes and
holes. What is discarded must read as zeroes. Nothing else may change.
"""

import ctypes
import fcntl
import mmap
import os
import random
import struct
import sys

BLKSSZGET, BLKGETSIZE64 = 0x1268, 0x80081272
BLKDISCARD, BLKZEROOUT = 0x1277, 0x127F
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
LONGEST = 96 << 10

libc = ctypes.CDLL(None, use_errno=True)


def fallocate(fd, mode, start, length):
    if libc.fallocate(fd, mode, ctypes.c_long(start), ctypes.c_long(length)):
        raise OSError(ctypes.get_errno(), "fallocate")


class Disk:
    """A disk, and what it should hold."""

    def __init__(self, path):
        self.direct = os.open(path, os.O_RDWR | os.O_DIRECT)
        self.cached = os.open(path, os.O_RDWR)
        self.block = struct.unpack("I", fcntl.ioctl(self.direct, BLKSSZGET, b"    "))[0]
        self.size = struct.unpack("Q", fcntl.ioctl(self.direct, BLKGETSIZE64, bytes(8)))[0]
        self.buffer = mmap.mmap(-1, self.size + mmap.PAGESIZE)
        self.model = bytearray(self.read(0, self.size))

    def piece(self, length, at=0):
        return memoryview(self.buffer)[at : at + length]

    def read(self, start, length):
        done = 0
        while done < length:
            piece = self.piece(min(length - done, 1 << 20), done)
            done += os.preadv(self.direct, [piece], start + done)
        return self.buffer[:length]

    def blocks(self):
        """A range of whole blocks."""
        count = random.randint(1, LONGEST // self.block)
        start = random.randrange(self.size // self.block)
        return start * self.block, min(count * self.block, self.size - start * self.block)

    def bytes(self):
        """A range of any bytes."""
        start = random.randrange(self.size)
        return start, min(random.randint(1, LONGEST), self.size - start)

    def write_direct(self):
        start, length = self.blocks()
        data = random.randbytes(length)
        # Not at the beginning of a page, so that pieces of memory and of the disk differ.
        at = random.randrange(0, mmap.PAGESIZE, 512)
        self.buffer[at : at + length] = data
        assert os.pwritev(self.direct, [self.piece(length, at)], start) == length
        self.model[start : start + length] = data

    def write_cached(self):
        start, length = self.bytes()
        data = random.randbytes(length)
        assert os.pwrite(self.cached, data, start) == length
        os.fsync(self.cached)
        self.model[start : start + length] = data

    def read_direct(self):
        start, length = self.blocks()
        at = random.randrange(0, mmap.PAGESIZE, 512)
        self.buffer[at : at + length] = b"\xaa" * length
        assert os.preadv(self.direct, [self.piece(length, at)], start) == length
        self.compare(start, self.buffer[at : at + length])

    def read_cached(self):
        start, length = self.bytes()
        self.compare(start, os.pread(self.cached, length, start))

    def zero(self):
        start, length = self.blocks()
        how = random.randrange(4)
        if how == 0:
            fcntl.ioctl(self.direct, BLKDISCARD, struct.pack("QQ", start, length))
        elif how == 1:
            fcntl.ioctl(self.direct, BLKZEROOUT, struct.pack("QQ", start, length))
        elif how == 2:
            fallocate(self.direct, PUNCH_HOLE | KEEP_SIZE, start, length)
        else:
            fallocate(self.direct, ZERO_RANGE | KEEP_SIZE, start, length)
        self.model[start : start + length] = bytes(length)

    def compare(self, start, got):
        wanted = self.model[start : start + len(got)]
        if got != wanted:
            at = next(i for i in range(len(got)) if got[i] != wanted[i])
            sys.exit(f"byte {start + at}: {got[at]:#x}, not {wanted[at]:#x}")


def main():
    path, seed, operations = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    random.seed(seed)
    disk = Disk(path)
    steps = [disk.write_direct, disk.write_cached, disk.read_direct, disk.read_cached, disk.zero]
    for _ in range(operations):
        random.choice(steps)()
    disk.compare(0, disk.read(0, disk.size))


main()
