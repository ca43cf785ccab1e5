# SPDX-License-Identifier: GPL-2.0
"""RAM disks: resized, limited, emptied and replaced while what is in them is checked."""

import errno
import fcntl
import os
import struct

from actor import RAM, Failure, get, put, until
from lower import number, ram_disk
from stack import Stack
from territory import BLKDISCARD, BLKFLSBUF

MIB = 1 << 20


class RamStack(Stack):
    """A RAM disk."""

    def build(self):
        rng = self.rng
        self.disk = self.name
        # To begin with; later ones are drawn.
        self.fronts = ["bio", "mq"]
        rng.shuffle(self.fronts)
        self.size = rng.choice([8, 12, 16]) * MIB
        self.block = rng.choice([512, 512, 1024, 2048, 4096])
        self.prealloc = rng.random() < 0.2
        self.limited = not self.prealloc and rng.random() < 0.3
        if self.limited:
            self.options.errors = ("ENOSPC",)
        self.node = f"/dev/{self.disk}"
        self.add()
        self.settle(0, self.size, max(self.block, 2048))

    def add(self):
        front = self.rng.choice(["bio", "mq"])
        if self.setting.cover and self.fronts:
            front = self.fronts.pop()
        options = {"block_size": self.block, "prealloc": int(self.prealloc), "front": front}

        def add():
            try:
                return ram_disk(self.disk, self.size, **options)
            except OSError as error:
                # Memory may be scarce.
                if error.errno != errno.ENOMEM:
                    raise Failure(f"ram add {options}: {error}") from error
                return None

        until(20, add, f"{self.disk} to be added")
        self.done[f"ram disks, front={front}"] += 1

    def attribute(self, name):
        return f"/sys/block/{self.disk}/ram/{name}"

    def covered(self):
        return not self.fronts and super().covered()

    # While it is in use.

    def meddle(self):
        self.rng.choice(
            [self.grow, self.limit, self.must_not_empty, self.must_not_shrink, self.must_not_go]
            + self.common()
        )()

    def breaks(self):
        # All there is to fail is memory.
        return True

    def grow(self):
        more = self.rng.randint(0, 64) * self.block * 128
        want = int(get(self.attribute("size"))) + more
        self.attempt("ram grow", lambda: put(self.attribute("size"), want))

    def limit(self):
        if self.limited:
            limit = self.rng.choice([0, self.size // 4, self.size // 2, self.size * 2])
            self.attempt("ram mem_limit", lambda: put(self.attribute("mem_limit"), limit))

    def must_not_empty(self):
        self.refused("ram reset while open", lambda: put(self.attribute("reset"), 1), "EBUSY")

    def must_not_shrink(self):
        self.refused("ram shrink while open", lambda: put(self.attribute("size"), self.block), "EBUSY")

    def must_not_go(self):
        name = self.rng.choice([self.disk, number(self.node)])
        self.refused("ram remove while open", lambda: put(f"{RAM}/remove", name), "EBUSY")

    def session(self):
        super().session()
        if self.limited:
            put(self.attribute("mem_limit"), 0)

    # When it is closed.

    def between(self):
        if self.setting.cover and self.fronts:
            self.replace()
            return
        self.rng.choice([self.reset, self.cut, self.cut_open, self.replace, self.discard, self.nothing])()

    def nothing(self):
        pass

    def closed(self, kind, function):
        """Programs of others, such as blkid, may have it open for a moment."""

        def tried():
            try:
                function()
                return True
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise Failure(f"{kind}: {error}") from error
                return False

        until(20, tried, f"{kind} of {self.disk}", self.node)
        self.done[kind] += 1

    def reset(self):
        self.closed("ram reset", lambda: put(self.attribute("reset"), 1))
        self.territory.all_are(0)
        self.pages_are_few("a reset")

    def cut(self, force=""):
        """Shrinks it, and lets it grow again: what was cut off must be gone."""
        units = self.rng.randrange(self.territory.count)
        size = units * self.territory.unit
        if not size:
            return
        self.closed("ram shrink", lambda: put(self.attribute("size"), f"{size}{force}"))
        put(self.attribute("size"), self.size)
        self.territory.all_are(0, units)

    def cut_open(self):
        fd = os.open(self.node, os.O_RDWR)
        try:
            self.cut(" force")
        finally:
            os.close(fd)

    def replace(self):
        self.closed("ram remove", lambda: put(f"{RAM}/remove", self.disk))
        if os.path.exists(f"/sys/block/{self.disk}"):
            raise Failure(f"{self.disk} is there after its removal")
        self.add()
        self.done["ram add"] += 1
        self.territory.all_are(0)

    def discard(self):
        fd = os.open(self.node, os.O_RDWR)
        try:
            size = int(get(self.attribute("size")))
            fcntl.ioctl(fd, BLKFLSBUF, 0)
            fcntl.ioctl(fd, BLKDISCARD, struct.pack("QQ", 0, size))
        finally:
            os.close(fd)
        self.done["ram discard of all"] += 1
        self.territory.all_are(0)
        self.pages_are_few("a discard of all")

    def pages_are_few(self, after):
        """An empty disk has no memory."""
        pages = int(get(self.attribute("pages")))
        if not self.prealloc and pages:
            raise Failure(f"{self.disk} has {pages} pages after {after}")

    def destroy(self):
        self.closed("ram remove", lambda: put(f"{RAM}/remove", self.disk))
