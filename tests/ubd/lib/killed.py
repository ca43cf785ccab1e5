#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A copy-on-write disk over two disks of a guest whose power is cut, again and again.

    killed.py write DISK SEED ROUND    in a guest: says what the disk has ("sum"), then writes and flushes
                                       for ever, and says so: "w THREAD NUMBER" when that write, and all
                                       before it, are complete, "f THREAD NUMBER" when so many flushes are
    killed.py once DISK SEED ROUND     the same for a moment, and without a flush
    killed.py check COW BACK SEED TOLD VIEW
                                       on the host: looks at the image that is left. TOLD has a line for
                                       each round: "cut" or "off", and "FLUSHES:WRITES" of each thread.
                                       VIEW becomes what the disk has to be

What is written follows from SEED and the round, thread by thread. What was flushed, or something newer,
must be there; after a round that ended by turning the guest off, all that was written. A sector whose bit
is set must have something that was written to it. Nothing here knows how the driver works; the format is
that of prefixes.py."""

import hashlib
import mmap
import os
import random
import struct
import sys
import threading

from prefixes import SECTOR, Image

THREADS = 3
# Sectors that are written belong to threads by turns, so many at a time.
RUN = 16


def content(sector, version):
    return struct.pack("<QII", sector, *version) * (SECTOR // 16)


def steps(seed, round_, thread, sectors):
    """For ever: the next (first sector, length, number) to write, or None for a flush."""
    rng = random.Random(f"{seed}/{round_}/{thread}")
    runs = [run for run in range(sectors // RUN) if run % THREADS == thread]
    number = 0
    while True:
        for _ in range(rng.choice((1, 4, 12, 40))):
            number += 1
            length = rng.choice((1, 2, 8, RUN))
            first = rng.choice(runs) * RUN + rng.randrange(RUN - length + 1)
            yield first, length, number
        yield None


class Writer(threading.Thread):
    """Writes the steps of one thread."""

    def __init__(self, fd, seed, round_, thread, sectors, last):
        super().__init__()
        self.fd, self.round, self.thread, self.last = fd, round_, thread, last
        self.steps = steps(seed, round_, thread, sectors)

    def say(self, what, number):
        os.write(1, f"{what} {self.thread} {number}\n".encode())

    def run(self):
        buffer = mmap.mmap(-1, RUN * SECTOR)
        flushes = number = 0
        for step in self.steps:
            if step is None:
                self.say("w", number)
                if self.last:
                    continue
                os.fsync(self.fd)
                flushes += 1
                self.say("f", flushes)
                continue
            first, length, number = step
            version = (self.round, number)
            data = b"".join(content(sector, version) for sector in range(first, first + length))
            buffer[: len(data)] = data
            if os.pwritev(self.fd, [memoryview(buffer)[: len(data)]], first * SECTOR) != len(data):
                print("a short write", flush=True)
                os._exit(1)
            if self.last and number == self.last:
                self.say("w", number)
                return


def write(disk, seed, round_, last=0):
    fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
    size = os.lseek(fd, 0, os.SEEK_END)
    buffer = mmap.mmap(-1, 1 << 20)
    found = hashlib.sha256()
    for at in range(0, size, 1 << 20):
        found.update(buffer[: os.preadv(fd, [buffer], at)])
    print(f"sum {found.hexdigest()}", flush=True)
    writers = [Writer(fd, seed, round_, thread, size // SECTOR, last) for thread in range(THREADS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def history(seed, told, sectors):
    """What each sector may have: {sector: {version}}; what it must have at least; what was complete, and
    need not be there."""
    may, least, unsure = {}, {}, {}
    for round_, line in enumerate(told, 1):
        end, *threads = line.split()
        unsure = {}
        for thread, numbers in enumerate(threads):
            flushes, writes = map(int, numbers.split(":"))
            sure = flushes > 0
            for step in steps(seed, round_, thread, sectors):
                if step is None:
                    flushes -= 1
                    continue
                first, length, number = step
                sure = number <= writes if end == "off" else flushes > 0
                # What was said in the last moment was not heard.
                if number > writes + 3000:
                    break
                for sector in range(first, first + length):
                    version = (round_, number)
                    may.setdefault(sector, set()).add(version)
                    if sure:
                        least[sector] = version
                    elif number <= writes:
                        unsure[sector] = version
    return may, least, unsure


def check(cow, back, seed, told, view):
    image = Image(cow, back)
    sectors = image.size // SECTOR
    may, least, unsure = history(seed, open(told).read().splitlines(), sectors)
    result = image.view()
    kept = newer = lost = 0
    for sector in range(sectors):
        data = bytes(result[sector * SECTOR : (sector + 1) * SECTOR])
        at, *version = struct.unpack_from("<QII", data)
        version = tuple(version)
        is_set = image.cow[image.bitmap + sector // 8] >> sector % 8 & 1
        if not is_set:
            version = (-1, 0)
        elif data != content(at, version) or at != sector or version not in may.get(sector, ()):
            sys.exit(f"sector {sector} has a bit, and what nobody has written: {data[:16].hex()}")
        wanted = least.get(sector, (-1, 0))
        if version < wanted:
            sys.exit(f"sector {sector}: {wanted} was flushed, {version} is there")
        kept += version == wanted != (-1, 0)
        newer += version > wanted
        lost += sector in unsure and version < unsure[sector]
    with open(view, "wb") as file:
        file.write(result)
    print(f"sectors: {kept} as flushed, {newer} newer, {lost} complete, not flushed, and gone")


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(*sys.argv[2:])
    else:
        write(sys.argv[2], sys.argv[3], int(sys.argv[4]), 60 if sys.argv[1] == "once" else 0)
