#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""crash.py run DEVICE HISTORY SECONDS SEED, then crash.py check LOG HISTORY OFFSET: whether a
crash at any time would have kept what was promised.

Some threads write frames of the same few packets, and each says fsync now and then. After that it
writes the number of this fsync into a frame of its own, its journal. So in whatever state a crash
may leave the disk, whoever finds a number in a journal must find all that was written before that
fsync. `check` looks at the disk after each single write that dm-log-writes has recorded under it.
Every other thread writes with O_DSYNC, and counts each write as such an fsync.
"""

import json
import os
import random
import sys
import time

from disk import FRAME, Disk, run_all
from write_log import entries

THREADS, FRAMES, ROUNDS = 4, 24, 120
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


def run_thread(path, thread, seconds, seed, history):
    rng = random.Random(seed + thread)
    sync = thread % 2 == 1
    disk = Disk(path, os.O_RDWR | os.O_DIRECT | (os.O_DSYNC if sync else 0))
    versions = [0] * FRAMES
    number = 0
    end = time.monotonic() + seconds
    # No more than the log has room for, however fast the machine is.
    while time.monotonic() < end and number < ROUNDS:
        for _ in range(1 if sync else rng.randint(1, 8)):
            which = rng.randrange(FRAMES)
            versions[which] += 1
            frame = frame_of(thread, which)
            disk.write(frame * FRAME, content(frame, versions[which]))
        if not sync:
            os.fsync(disk.fd)
        number += 1
        history[thread].append(list(versions))
        disk.write(journal_of(thread) * FRAME, content(journal_of(thread), number))
    os.fsync(disk.fd)


def run(path, file, seconds, seed):
    history = [[] for _ in range(THREADS)]
    run_all(
        [lambda t=t: run_thread(path, t, seconds, seed, history) for t in range(THREADS)]
    )
    with open(file, "w", encoding="ascii") as out:
        json.dump(history, out)


def check(log, file, offset):
    with open(file, encoding="ascii") as source:
        history = json.load(source)
    frames = {frame_of(t, i) for t in range(THREADS) for i in range(FRAMES)}
    frames |= {journal_of(t) for t in range(THREADS)}
    # The version of each frame on the disk.
    disk = dict.fromkeys(frames, 0)
    states = promises = 0
    for entry in entries(log):
        if not entry.is_write():
            continue
        first = (entry.start - offset) // FRAME
        for i in range(entry.length // FRAME):
            if first + i in frames:
                data = entry.data[i * FRAME : (i + 1) * FRAME]
                disk[first + i] = version_of(first + i, data)
        states += 1
        for thread in range(THREADS):
            number = disk[journal_of(thread)]
            if number == 0:
                continue
            promises += 1
            for which, version in enumerate(history[thread][number - 1]):
                got = disk[frame_of(thread, which)]
                assert got >= version, (
                    f"state {states}: thread {thread} has fsync {number} with frame "
                    f"{which} of version {version}, the disk has {got}"
                )
    last = [disk[journal_of(t)] for t in range(THREADS)]
    assert last == [len(h) for h in history], f"at the end {last}"
    print(f"{states} states, {promises} promises, fsyncs {last}")
    assert states > 20 and min(last) > 2


if sys.argv[1] == "run":
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
else:
    check(sys.argv[2], sys.argv[3], int(sys.argv[4]))
