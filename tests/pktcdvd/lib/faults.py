#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""faults.py run DEVICE HISTORY WRITES SEED, then faults.py check DEVICE HISTORY: writers of frames
that share packets, on a device that fails now and then, until so many writes have succeeded, and as
many have failed.

A write that fails says so, and leaves its frame old or new. What was reported as written must be
there, then and in the end. `check` may look at the lower device. Prints how many writes and fsyncs
failed.
"""

import json
import os
import random
import sys

from disk import FRAME, Disk, run_all

THREADS, FRAMES = 6, 40


def content(frame, version):
    return (version << 16 | frame).to_bytes(8, "little") * (FRAME // 8)


def version_of(frame, data):
    if not any(data):
        return 0
    version = int.from_bytes(data[:8], "little") >> 16
    assert data == content(frame, version), f"frame {frame} is torn: {data[:16].hex()}"
    return version


class Writer:
    """One thread, and what its frames may hold."""

    def __init__(self, path, thread, seed):
        self.path, self.thread = path, thread
        self.rng = random.Random(seed + thread)
        self.possible = [[0] for _ in range(FRAMES)]
        self.next = 1
        self.ok = self.failed = self.unsynced = self.unread = 0

    def frame(self, which):
        return which * THREADS + self.thread

    def write(self, disk, which):
        frame, version = self.frame(which), self.next
        self.next += 1
        try:
            disk.write(frame * FRAME, content(frame, version))
            self.possible[which] = [version]
            self.ok += 1
        except OSError:
            self.possible[which].append(version)
            self.failed += 1

    def read(self, disk, which):
        frame = self.frame(which)
        try:
            data = disk.read(frame * FRAME, FRAME)
        except OSError:
            self.unread += 1
            return
        version = version_of(frame, data)
        assert version in self.possible[which], (
            f"frame {frame}: version {version}, not one of {self.possible[which]}"
        )

    def run(self, goes_on):
        disk = Disk(self.path)
        while goes_on():
            which = self.rng.randrange(FRAMES)
            self.write(disk, which)
            if self.rng.randrange(3) == 0:
                self.read(disk, self.rng.randrange(FRAMES))
            if self.rng.randrange(8) == 0:
                try:
                    os.fsync(disk.fd)
                except OSError:
                    self.unsynced += 1


def run(path, file, least, seed):
    writers = [Writer(path, t, seed) for t in range(THREADS)]

    def goes_on():
        return any(sum(getattr(w, n) for w in writers) < least for n in ("ok", "failed"))

    run_all([lambda w=w: w.run(goes_on) for w in writers])
    with open(file, "w", encoding="ascii") as out:
        json.dump([w.possible for w in writers], out)
    counts = [sum(getattr(w, n) for w in writers) for n in ("ok", "failed", "unsynced", "unread")]
    print("{} writes, {} failed, {} fsyncs failed, {} reads failed".format(*counts))


def check(path, file):
    with open(file, encoding="ascii") as source:
        history = json.load(source)
    disk = Disk(path, os.O_RDONLY | os.O_DIRECT)
    for thread, possible in enumerate(history):
        for which, versions in enumerate(possible):
            frame = which * THREADS + thread
            version = version_of(frame, disk.read(frame * FRAME, FRAME))
            assert version in versions, f"frame {frame}: version {version}, not of {versions}"


if sys.argv[1] == "run":
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
else:
    check(sys.argv[2], sys.argv[3])
