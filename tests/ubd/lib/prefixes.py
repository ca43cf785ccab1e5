#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What dm-log-writes has recorded below an image of version 3.

    prefixes.py work DISK MODEL NAME SEED ROUNDS   rounds of writes and a flush to a disk and to a file
                that is a model of it; after each flush there is a mark in the log of the device NAME
    prefixes.py check LOG COW BACK SUMS            LOG is the log, COW the image as it was before

In each write of the bitmap, each bit that is set must stand for data that was written, and flushed,
before. At each mark, image and backing file together must be what the model was then."""

import hashlib
import os
import random
import struct
import subprocess
import sys

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, DISCARD, MARK = 1, 4, 8


def work(disk, model, name, seed, rounds):
    random.seed(int(seed))
    fd = os.open(disk, os.O_RDWR)
    sums = []
    with open(model, "r+b") as wanted:
        sectors = os.path.getsize(model) // SECTOR
        for number in range(int(rounds)):
            for _ in range(random.randrange(1, 12)):
                length = random.choice((1, 1, 2, 8, 33))
                # At the start, at the end, and where the first block of the bitmap ends.
                place = random.choice((0, 1 << 15, sectors))
                first = max(0, min(place + random.randrange(-200, 200), sectors - length))
                data = random.randbytes(length * SECTOR)
                os.pwrite(fd, data, first * SECTOR)
                wanted.seek(first * SECTOR)
                wanted.write(data)
            os.fsync(fd)
            wanted.flush()
            subprocess.run(("dmsetup", "message", name, "0", f"mark {number}"), check=True)
            with open(model, "rb") as file:
                sums.append(hashlib.sha256(file.read()).hexdigest())
    os.close(fd)
    print("\n".join(sums))


class Image:
    def __init__(self, cow, back):
        self.cow = bytearray(open(cow, "rb").read())
        self.back = open(back, "rb").read()
        self.size, _, align = struct.unpack_from(">QII", self.cow, 12)
        up = lambda number: -(-number // align) * align
        self.bitmap = up(4128)
        self.bytes = -(-self.size // SECTOR // 8)
        self.data = up(self.bitmap + self.bytes)
        self.flushed, self.written = set(), set()

    def bits(self, start, data):
        """The sectors whose bits a write of `data` at `start` sets."""
        for at in range(max(start, self.bitmap), min(start + len(data), self.bitmap + self.bytes)):
            new = data[at - start] & ~self.cow[at]
            yield from ((at - self.bitmap) * 8 + bit for bit in range(8) if new >> bit & 1)

    def write(self, start, data):
        for sector in self.bits(start, data):
            if sector not in self.flushed:
                sys.exit(f"the bit of sector {sector} is written before its data is flushed")
        first = (start - self.data) // SECTOR
        self.written.update(range(first, first + len(data) // SECTOR))
        self.cow[start : start + len(data)] = data

    def flush(self):
        self.flushed |= self.written

    def view(self):
        result = bytearray(self.back)
        for sector in range(self.size // SECTOR):
            if self.cow[self.bitmap + sector // 8] >> sector % 8 & 1:
                at = self.data + sector * SECTOR
                result[sector * SECTOR : (sector + 1) * SECTOR] = self.cow[at : at + SECTOR]
        return result


def entries(log):
    with open(log, "rb") as file:
        magic, _, number, unit = struct.unpack("<QQQI", file.read(28))
        if magic != MAGIC:
            sys.exit("this is no log")
        at = unit
        for _ in range(number):
            file.seek(at)
            sector, sectors, flags, length = struct.unpack("<QQQQ", file.read(32))
            # A mark has its name behind these.
            name = file.read(length) if flags & MARK else b""
            at += unit
            file.seek(at)
            data = b"" if flags & DISCARD else file.read(sectors * unit)
            at += len(data)
            yield sector * unit, data, flags, name


def check(log, cow, back, sums):
    image = Image(cow, back)
    wanted = open(sums).read().split()
    marks = 0
    for start, data, flags, name in entries(log):
        if flags & FLUSH:
            image.flush()
        if data:
            image.write(start, data)
        if flags & MARK and name[:-1].isdigit() | name.isdigit():
            number = int(name.rstrip(b"\0"))
            if hashlib.sha256(image.view()).hexdigest() != wanted[number]:
                sys.exit(f"at mark {number} there is something else than what was flushed")
            marks += 1
    if marks != len(wanted) or not image.flushed:
        sys.exit(f"{marks} of {len(wanted)} marks are in the log")
    print(f"{marks} marks, {len(image.flushed)} sectors")


if __name__ == "__main__":
    {"work": work, "check": check}[sys.argv[1]](*sys.argv[2:])
