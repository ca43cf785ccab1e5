#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""crash.py run DEVICE HISTORY SEED, then crash.py check LOG HISTORY OFFSET: whether a crash at
any time would have kept what was promised.

Some threads write frames of the same few packets, and each says fsync now and then. After that it
writes the number of this fsync into a frame of its own, its journal. So in whatever state a crash
may leave the disk, whoever finds a number in a journal must find all that was written before that
fsync. Every other thread writes with O_DSYNC, and counts each write as such an fsync.

`check` cuts the power after each single entry that dm-log-writes has recorded. What was written
before the last flush is on the disk then. Of what was written since, the disk has kept what it
likes: any of it, in any order, or nothing. The worst that it can do to a thread is to keep the write
of its journal and none of its frames. Journals lie in packets of their own, so it may; so each
number in a journal, flushed or not, is held against the frames that were flushed by then.
"""

import json
import os
import random
import sys

from disk import FRAME, Disk, run_all
from write_log import entries

THREADS, FRAMES, ROUNDS = 4, 24, 50
# The journals are in packets of their own, in front and behind.
STRIDE = FRAMES * THREADS


def frame_of(thread, which):
    return 32 * (thread // 2) + which * THREADS + thread + 32


def journal_of(thread):
    return thread if thread % 2 else STRIDE + 256 + thread * 40


def content(frame, version):
    return (version << 16 | frame).to_bytes(8, "little") * (FRAME // 8)


def version_of(frame, data):
    word = int.from_bytes(data[:8], "little")
    version = word >> 16
    if not any(data):
        return 0
    assert data == content(frame, version), f"frame {frame} is torn: {data[:16].hex()}"
    return version


def run_thread(path, thread, seed, history):
    rng = random.Random(seed + thread)
    sync = thread % 2 == 1
    disk = Disk(path, os.O_RDWR | os.O_DIRECT | (os.O_DSYNC if sync else 0))
    versions = [0] * FRAMES
    for number in range(1, ROUNDS + 1):
        for _ in range(1 if sync else rng.randint(1, 8)):
            which = rng.randrange(FRAMES)
            versions[which] += 1
            frame = frame_of(thread, which)
            disk.write(frame * FRAME, content(frame, versions[which]))
        if not sync:
            os.fsync(disk.fd)
        history[thread].append(list(versions))
        disk.write(journal_of(thread) * FRAME, content(journal_of(thread), number))
    os.fsync(disk.fd)


def run(path, file, seed):
    history = [[] for _ in range(THREADS)]
    run_all(
        [lambda t=t: run_thread(path, t, seed, history) for t in range(THREADS)]
    )
    with open(file, "w", encoding="ascii") as out:
        json.dump(history, out)


class Crashes:
    """A disk while it is written: what it has kept for sure, and what it may have."""

    def __init__(self, history):
        self.history = history
        frames = {frame_of(t, i) for t in range(THREADS) for i in range(FRAMES)}
        journals = {journal_of(t) for t in range(THREADS)}
        # The version of each frame that a flush has put on the disk.
        self.flushed = dict.fromkeys(frames | journals, 0)
        # Those written since, in the order in which the disk was done with them.
        self.cached = {}
        self.cuts = self.promises = 0

    def write(self, first, data):
        for i in range(len(data) // FRAME):
            if first + i in self.flushed:
                version = version_of(first + i, data[i * FRAME : (i + 1) * FRAME])
                self.cached.setdefault(first + i, []).append(version)

    def flush(self):
        for frame, versions in self.cached.items():
            self.flushed[frame] = versions[-1]
        self.cached = {}

    def cut(self):
        self.cuts += 1
        for thread in range(THREADS):
            journal = journal_of(thread)
            for number in {self.flushed[journal], *self.cached.get(journal, [])} - {0}:
                self.look(thread, number)

    def look(self, thread, number):
        self.promises += 1
        for which, version in enumerate(self.history[thread][number - 1]):
            got = self.flushed[frame_of(thread, which)]
            assert got >= version, (
                f"cut {self.cuts}: thread {thread} may have fsync {number}, with frame {which} of "
                f"version {version}; sure is {got}"
            )


def check(log, file, offset):
    with open(file, encoding="ascii") as source:
        crashes = Crashes(json.load(source))
    flushes = 0
    for entry in entries(log):
        # The flush of an entry is one of what was done before it.
        if entry.is_flush():
            crashes.flush()
            flushes += 1
        if entry.is_write():
            crashes.write((entry.start - offset) // FRAME, entry.data)
        crashes.cut()
    last = [crashes.flushed[journal_of(t)] for t in range(THREADS)]
    assert last == [ROUNDS] * THREADS, f"at the end {last} are flushed"
    print(f"{crashes.cuts} cuts, {flushes} flushes, {crashes.promises} promises")


if sys.argv[1] == "run":
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    check(sys.argv[2], sys.argv[3], int(sys.argv[4]))
