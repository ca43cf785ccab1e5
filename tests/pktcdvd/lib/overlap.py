#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""overlap.py DEVICE PACKET-BYTES ROUNDS WRITES SEED: submits many writes at once, by one io_submit,
that overlap each other, and looks whether of each frame the write that was submitted last is there.

Many of them lie side by side, in either order, so that the block layer can merge them.
"""

import ctypes
import mmap
import os
import random
import struct
import sys

from disk import FRAME, Disk, compare

IO_SETUP, IO_SUBMIT, IO_GETEVENTS = 206, 209, 208
IOCB_CMD_PWRITE = 1
libc = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    result = libc.syscall(ctypes.c_long(number), *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class Queue:
    """A context for asynchronous IO, and the memory that is written from."""

    def __init__(self, disk, depth, longest):
        self.disk, self.longest = disk, longest
        self.context = ctypes.c_ulong(0)
        call(IO_SETUP, ctypes.c_long(depth), ctypes.byref(self.context))
        self.memory = mmap.mmap(-1, depth * longest)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.events = ctypes.create_string_buffer(32 * depth)

    def write(self, pieces):
        """Submits writes of (start, data) in this order, and waits for all of them."""
        blocks = []
        for i, (start, data) in enumerate(pieces):
            at = i * self.longest
            self.memory[at : at + len(data)] = data
            blocks.append(
                ctypes.create_string_buffer(
                    struct.pack(
                        "=QIIHhIQQqQII",
                        *(i, 0, 0, IOCB_CMD_PWRITE, 0, self.disk.fd),
                        *(self.base + at, len(data), start, 0, 0, 0),
                    )
                )
            )
        pointers = (ctypes.c_void_p * len(blocks))(*map(ctypes.addressof, blocks))
        nr = ctypes.c_long(len(blocks))
        assert call(IO_SUBMIT, self.context, nr, pointers) == len(blocks), "not all were submitted"
        left = len(blocks)
        while left:
            got = call(IO_GETEVENTS, self.context, ctypes.c_long(1), nr, self.events, None)
            for i in range(got):
                _, which, result, _ = struct.unpack_from("=QQqq", self.events, 32 * i)
                assert result > 0, f"a write fails: {os.strerror(-result)} {which:#x}"
            left -= got


def pieces_of(rng, size, count):
    """(start, frames) of some writes, most of which have to do with one before."""
    pieces = []
    for _ in range(count):
        frames = rng.choice([1, 1, 2, 3, 5, 8])
        start = rng.randrange(size)
        if pieces:
            other, length = rng.choice(pieces[-6:])
            start = rng.choice([start, other - frames, other + length, other, other + 1, other - 1])
        start = min(max(start, 0), size - frames)
        pieces.append((start, frames))
    return pieces


def main():
    path, (packet, rounds, writes, seed) = sys.argv[1], map(int, sys.argv[2:6])
    rng = random.Random(seed)
    disk = Disk(path)
    size = min(6 * packet, disk.size)
    queue = Queue(disk, writes, 8 * FRAME)
    contents = bytearray(disk.read(0, size))
    number = 0
    for _ in range(rounds):
        pieces = []
        for start, frames in pieces_of(rng, size // FRAME, rng.randint(2, writes)):
            number += 1
            data = struct.pack("QQ", number, start) * (frames * FRAME // 16)
            pieces.append((start * FRAME, data))
            contents[start * FRAME : start * FRAME + len(data)] = data
        queue.write(pieces)
        compare("after a round", 0, disk.read(0, size), bytes(contents))
    os.fsync(disk.fd)


main()
