#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""frames.py DEVICE FRAMES WRITERS READERS WRITES READS SEED: many writers of the same few packets,
each with frames of its own, and readers of all of them, until so many writes and reads are done.

A frame is full of the number of its version. A reader must not see a version that is older than
what its writer was told is written, or older than what it saw before, or one that nobody wrote.
"""

import os
import random
import sys

from disk import FRAME, Disk, run_all


class Frames:
    """What the writers and readers know of each frame."""

    def __init__(self, path, count, writers, least):
        self.disk = Disk(path)
        self.count = count
        self.writers = writers
        self.begun = [0] * count
        self.done = [0] * count
        self.least = least
        self.written = self.read = 0

    def data(self, frame, version):
        word = version << 16 | frame
        return word.to_bytes(8, "little") * (FRAME // 8)

    def goes_on(self):
        """Whether there is not enough of either yet: readers need writers, and the other way."""
        return self.written < self.least[0] or self.read < self.least[1]

    def run(self, work, which, seed):
        """Does the work of one thread; if it fails, the others end."""
        try:
            work(which, seed)
        except BaseException:
            self.least = 0, 0
            raise

    def prepare(self):
        self.disk.write(0, b"".join(self.data(frame, 0) for frame in range(self.count)))

    def write(self, which, seed):
        rng = random.Random(seed)
        own = range(which, self.count, self.writers)
        while self.goes_on():
            frame = rng.choice(own)
            self.begun[frame] += 1
            version = self.begun[frame]
            self.disk.write(frame * FRAME, self.data(frame, version))
            self.done[frame] = version
            self.written += 1
            if rng.randrange(2):
                got = self.disk.read(frame * FRAME, FRAME)
                assert got == self.data(frame, version), f"frame {frame}: not version {version}"

    def watch(self, _, seed):
        rng = random.Random(seed)
        seen = [0] * self.count
        while self.goes_on():
            first = rng.randrange(self.count)
            length = rng.randint(1, min(self.count - first, 64))
            done = self.done[first : first + length]
            data = self.disk.read(first * FRAME, length * FRAME)
            for i in range(length):
                frame = first + i
                # A frame that is being written may come in parts; look at both ends.
                for at in (0, FRAME - 8):
                    word = int.from_bytes(data[i * FRAME + at :][:8], "little")
                    version = word >> 16
                    assert word & 0xFFFF == frame, f"frame {frame}: {word:#x} is of another"
                    floor = max(done[i], seen[frame])
                    assert version >= floor, f"frame {frame}: {version} after {floor}"
                    assert version <= self.begun[frame], f"frame {frame}: {version} not begun"
                seen[frame] = max(
                    seen[frame], int.from_bytes(data[i * FRAME :][:8], "little") >> 16
                )
            self.read += 1


def main():
    path, (count, writers, readers, writes, reads, seed) = sys.argv[1], map(int, sys.argv[2:8])
    frames = Frames(path, count, writers, (writes, reads))
    frames.prepare()
    run_all(
        [lambda i=i: frames.run(frames.write, i, seed + i) for i in range(writers)]
        + [lambda i=i: frames.run(frames.watch, i, seed + 1000 + i) for i in range(readers)]
    )
    for frame in range(count):
        got = frames.disk.read(frame * FRAME, FRAME)
        assert got == frames.data(frame, frames.begun[frame]), f"frame {frame} at the end"
    print(f"{frames.written} writes, {frames.read} reads", file=sys.stderr)
    os.fsync(frames.disk.fd)


main()
