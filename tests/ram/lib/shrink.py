#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""shrink.py DEVICE SEED TURNS: a disk shrinks by force, and grows again, while it is written.

One process has what always stays, and finds it as it has left it. Another writes, now past the page
cache and now through it, what is cut off again and again: its writes fail while it is cut off, or are
gone. When it has stopped, the disk grows, and nothing of what was cut off comes back.
"""

import errno
import mmap
import multiprocessing
import os
import random
import sys
import time

PAGE = 4096
KEPT, LARGE = 64 * PAGE, 192 * PAGE
BEYOND = (errno.EIO, errno.ENOSPC, errno.ENXIO)


class User:
    """A process that writes and reads pages of a part of the disk, until it is told to stop."""

    def __init__(self, path, seed, part, cached=False):
        self.path, self.seed, self.part, self.cached = path, seed, part, cached
        self.stopped = multiprocessing.Event()
        self.done = multiprocessing.Value("L", 0)
        self.process = multiprocessing.Process(target=self.run, daemon=True)
        self.process.start()

    def run(self):
        rng = random.Random(self.seed)
        fd = os.open(self.path, os.O_RDWR | (0 if self.cached else os.O_DIRECT))
        buffer = mmap.mmap(-1, PAGE)
        model = {}
        while not self.stopped.is_set():
            at = rng.randrange(*self.part, PAGE)
            self.step(fd, buffer, at, rng.randbytes(16) * (PAGE // 16), model)
            self.done.value += 1
        if self.cached:
            # What was cut off is not written back, which is an error or not.
            try:
                os.fsync(fd)
            except OSError as error:
                assert error.errno in BEYOND, error

    def step(self, fd, buffer, at, data, model):
        """What stays is there; what may be cut off may fail."""
        stays = at < KEPT
        try:
            assert os.preadv(fd, [buffer], at) == PAGE or not stays
            assert not stays or buffer[:] == model.get(at, bytes(PAGE)), f"byte {at}: {buffer[:16]}"
            buffer[:] = data
            assert os.pwritev(fd, [buffer], at) == PAGE or not stays
            model[at] = data
        except OSError as error:
            assert not stays and error.errno in BEYOND, error

    def wait(self, more):
        """Until it has done so much more."""
        wanted = self.done.value + more
        while self.done.value < wanted and self.process.is_alive():
            time.sleep(0.001)

    def stop(self):
        self.stopped.set()
        self.process.join()
        assert self.process.exitcode == 0


def main():
    path, seed, turns = sys.argv[1], sys.argv[2], int(sys.argv[3])
    rng = random.Random(f"{seed}/sizes")
    size_file = f"/sys/block/{os.path.basename(path)}/ram/size"

    def resize(size):
        with open(size_file, "w", encoding="ascii") as file:
            file.write(f"{size} force\n")

    resize(LARGE)
    stays = User(path, f"{seed}/stays", (0, KEPT))
    for turn in range(turns):
        goes = User(path, f"{seed}/{turn}", (KEPT, LARGE), cached=turn % 2)
        goes.wait(rng.randint(20, 60))
        # Often within a page.
        small = rng.randrange(KEPT, LARGE, 512)
        resize(small)
        goes.wait(5)
        goes.stop()
        resize(LARGE)
        for flags in (0, os.O_DIRECT):
            fd = os.open(path, os.O_RDONLY | flags)
            buffer = mmap.mmap(-1, LARGE)
            assert os.preadv(fd, [buffer], 0) == LARGE
            found = buffer[small:].lstrip(b"\0")
            assert not found, f"turn {turn}: byte {LARGE - len(found)} was cut off at {small}"
            os.close(fd)
    stays.stop()


main()
