#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""powercut.py SEED CUT DISK HISTORY [only]: in a guest, maps a packet device on DISK; looks whether all
that was flushed before the power was cut is there; and then, without "only", writes, flushes and says so
until the power is cut again.

What is written follows from SEED and CUT alone, thread by thread, so that little has to be told: that
so many writes are complete ("w THREAD NUMBER"), and that so many flushes are ("f THREAD NUMBER").
HISTORY has what was told last before each cut so far: "FLUSHES:WRITES" of each thread, with commas
between them, and slashes between cuts. What was flushed, or something newer, must be there. What was
written, and not flushed, may be there or not; if it always is, then nothing could have been lost, and the
test could not see it. Prints "checked KEPT NEWER SURVIVED LOST", numbers of units: as flushed, newer, and
of those that were complete, but not flushed, at the last cut.
"""

import mmap
import os
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

# pylint: disable=wrong-import-position
import lower
from actor import PKT, Failure, put, stream, until

UNIT, THREADS, UNITS = 2048, 4, 16384
PACKET = 65536
# How many units follow each other that one thread writes.
RUN = 4


def owned(thread):
    """Units of a thread: some in each packet."""
    return [u for u in range(UNITS) if u // RUN % THREADS == thread]


def content(unit, cut, number):
    return struct.pack("<IIQ", unit, cut, number) * (UNIT // 16)


def steps(seed, cut, thread):
    """For ever: the next (unit, number) to write, or None for a flush."""
    rng = stream(seed, "cut", cut, thread)
    mine = owned(thread)
    number = 0
    while True:
        for _ in range(rng.choice([1, 8, 40, 80])):
            number += 1
            yield rng.choice(mine), number
        yield None


def replay(seed, cut, thread, flushes, writes):
    """What was written to units of a thread up to so many flushes: {unit: number}; and the same of what
    came after them, up to so many writes."""
    sure, unsure = {}, {}
    for step in steps(seed, cut, thread):
        if not flushes and (step is None or step[1] > writes):
            return sure, unsure
        if step is None:
            flushes -= 1
        else:
            (sure if flushes else unsure)[step[0]] = step[1]
    return sure, unsure


class Disk:
    """The packet device; each thread has a buffer of its own."""

    def __init__(self, path):
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_DIRECT)

    def read_all(self):
        buffer = mmap.mmap(-1, UNITS * UNIT)
        done = os.preadv(self.fd, [buffer], 0)
        if done != UNITS * UNIT:
            raise Failure(f"{done} bytes read")
        return [buffer[u * UNIT : (u + 1) * UNIT] for u in range(UNITS)]


def version(unit, data):
    """(cut, number) of what is in a unit; (0, 0) for zeroes."""
    if not any(data):
        return 0, 0
    _, cut, number = struct.unpack_from("<IIQ", data)
    if data != content(unit, cut, number):
        raise Failure(f"unit {unit} is torn, or not its own: {data[:16].hex()} ... {data[-16:].hex()}")
    return cut, number


def check(seed, history, disk):
    """Of each unit, what it must have at least: (cut, number)."""
    least, unsure = {}, {}
    for cut, threads in enumerate(history):
        unsure = {}
        for thread, (flushes, writes) in enumerate(threads):
            sure, more = replay(seed, cut, thread, flushes, writes)
            least.update((unit, (cut, number)) for unit, number in sure.items())
            unsure.update((unit, (cut, number)) for unit, number in more.items())
    kept = newer = survived = lost = 0
    for unit, data in enumerate(disk.read_all()):
        got, wanted = version(unit, data), least.get(unit, (0, 0))
        if got < wanted:
            raise Failure(
                f"unit {unit}: was flushed as number {wanted[1]} of cut {wanted[0]}, and has "
                f"number {got[1]} of cut {got[0]}"
            )
        if got[0] >= len(history) and got != (0, 0):
            raise Failure(f"unit {unit} comes from the future: {got}")
        kept += got == wanted != (0, 0)
        newer += got > wanted
        survived += unit in unsure and got >= unsure[unit]
        lost += unit in unsure and got < unsure[unit]
    print(f"checked {kept} {newer} {survived} {lost}", flush=True)


class Writer(threading.Thread):
    """Writes the steps of one thread."""

    said = threading.Lock()

    def __init__(self, seed, cut, thread, disk):
        super().__init__()
        self.steps, self.cut, self.thread, self.disk = steps(seed, cut, thread), cut, thread, disk

    def say(self, what, number):
        with self.said:
            os.write(1, f"{what} {self.thread} {number}\n".encode())

    def run(self):
        buffer = mmap.mmap(-1, UNIT)
        flushes = last = 0
        try:
            for step in self.steps:
                if step is None:
                    self.say("w", last)
                    os.fsync(self.disk.fd)
                    flushes += 1
                    self.say("f", flushes)
                    continue
                unit, last = step
                buffer[:] = content(unit, self.cut, last)
                if os.pwritev(self.disk.fd, [buffer], unit * UNIT) != UNIT:
                    raise Failure("a short write")
                if last % 4 == 0:
                    self.say("w", last)
        except (OSError, Failure) as problem:
            print(f"thread {self.thread}: {problem}", flush=True)
            os._exit(1)


def main():
    seed, cut, below = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    history = [
        [tuple(int(n) for n in one.split(":")) for one in threads.split(",")]
        for threads in filter(None, sys.argv[4].split("/"))
    ]
    put(f"{PKT}/add", f"{lower.number(below)} packet_size={PACKET}")
    name, _ = lower.packet_device_of(below)
    node = f"/dev/pktcdvd/{name}"
    until(30, lambda: os.path.exists(node), node)
    disk = Disk(node)
    check(seed, history, disk)
    if len(sys.argv) > 5:
        os.close(disk.fd)
        put(f"{PKT}/remove", lower.number(below))
        return
    for thread in range(THREADS):
        Writer(seed, cut, thread, disk).start()


main()
