# SPDX-License-Identifier: GPL-2.0
"""A piece of a disk whose writers know what it may hold.

It consists of units, each of which says all over which unit it is and of what version: what is
torn, old, or somewhere else is seen. Writers never share a unit, but do share packets, pages and
requests. A write that fails leaves a unit old or new.
"""

import errno
import fcntl
import itertools
import mmap
import os
import struct
import threading

from actor import Failure, name_of, stream
from faults import allocations_fail

BLKDISCARD, BLKZEROOUT, BLKFLSBUF = 0x1277, 0x127F, 0x1261
BLKGETSIZE64 = 0x80081272
# Units in a row that have the same owner: in the first half few, so that several threads meet in
# each packet, in the second many.
NEAR, FAR = 4, 64
ERRORS = frozenset(
    "EIO ENOSPC ENOMEM ENODEV ENXIO EREMOTEIO ENODATA ETIMEDOUT EAGAIN EBUSY EINVAL ENOLINK EBADE "
    "ENOMEDIUM EILSEQ".split()
)


def size_of(fd):
    return struct.unpack("Q", fcntl.ioctl(fd, BLKGETSIZE64, bytes(8)))[0]


class Territory:
    """Units from a byte of a disk on, and what each may hold: versions, of which 0 is zeroes."""

    def __init__(self, tag, start, length, unit, threads):
        self.tag, self.start, self.unit, self.threads = tag, start, unit, threads
        self.count = length // unit
        self.possible = [[0] for _ in range(self.count)]
        self.versions = itertools.count(1)
        # The last of them are written through the page cache, which does not go together with
        # direct writes to the same pages.
        self.cached_from = (self.count * 3 // 4) // (FAR * 4) * (FAR * 4)

    def content(self, which, version):
        if version == 0:
            return bytes(self.unit)
        return struct.pack("<IIQ", self.tag, which, version) * (self.unit // 16)

    def versions_in(self, first, data, where):
        """Looks whether each unit is one that it may be."""
        for i in range(len(data) // self.unit):
            which = first + i
            got = data[i * self.unit : (i + 1) * self.unit]
            version = struct.unpack_from("<IIQ", got)[2]
            if version in self.possible[which] and got == self.content(which, version):
                continue
            raise Failure(self.explain(which, got, where))

    def explain(self, which, got, where):
        wanted = f"one of {self.possible[which]}"
        at = self.start + which * self.unit
        parts = {got[i : i + 16] for i in range(0, len(got), 16)}
        shown = [f"{struct.unpack('<IIQ', part)}" for part in sorted(parts)[:4]]
        return (
            f"{where}: unit {which} at byte {at} has (tag, unit, version) {', '.join(shown)}"
            f"{' and more' if len(parts) > 4 else ''}; wanted ({self.tag}, {which}) with {wanted}"
        )

    def owner(self, which):
        """The thread that may write a unit; the last one is that of the page cache."""
        if which >= self.cached_from:
            return self.threads
        run = NEAR if which < self.count // 2 else FAR
        return which // run % self.threads

    def pick(self, rng, thread):
        """Units of a thread: (first, how many)."""
        if thread == self.threads:
            which = rng.randrange(self.cached_from, self.count)
            return which, min(rng.randint(1, FAR), self.count - which)
        while True:
            which = rng.randrange(self.cached_from)
            if self.owner(which) == thread:
                break
        length = 1
        while length < FAR and rng.random() < 0.95 and which + length < self.cached_from:
            if self.owner(which + length) != thread:
                break
            length += 1
        return which, length

    def all_are(self, version, first=0):
        """Somebody has made it so, for all units from `first` on."""
        for which in range(first, self.count):
            self.possible[which] = [version]

    def check_all(self, path, done, where):
        """Reads all of it, past the page cache."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        try:
            step = (1 << 20) // self.unit
            buffer = mmap.mmap(-1, 1 << 20)
            for first in range(0, self.count, step):
                length = min(step, self.count - first) * self.unit
                at = self.start + first * self.unit
                got = os.preadv(fd, [memoryview(buffer)[:length]], at)
                if got != length:
                    raise Failure(f"{where}: {got} of {length} bytes read at {at}")
                self.versions_in(first, buffer[:length], where)
                done["bytes verified"] += length
        finally:
            os.close(fd)


class Writer(threading.Thread):
    """Writes and reads units of one owner until told to stop."""

    def __init__(self, territory, path, thread, rng, done, options):
        super().__init__(daemon=True)
        self.territory, self.path, self.thread = territory, path, thread
        self.rng, self.done, self.options = rng, done, options
        self.buffer = mmap.mmap(-1, FAR * territory.unit + mmap.PAGESIZE)
        self.stopped = threading.Event()
        self.failure = None
        self.dirty = set()
        self.cached = thread == territory.threads
        self.fd = -1

    def run(self):
        try:
            self.fd = os.open(self.path, os.O_RDWR | (0 if self.cached else os.O_DIRECT))
            try:
                while not self.stopped.is_set():
                    self.step()
                self.sync()
            finally:
                os.close(self.fd)
        except OSError as error:
            if not self.options.faulty:
                self.failure = f"{self.path}: {error}"
        except Failure as failure:
            self.failure = str(failure)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = f"{type(error).__name__}: {error}"

    def step(self):
        how = self.rng.random()
        if how < 0.5:
            self.write()
        elif how < 0.8:
            self.read()
        elif how < 0.9:
            self.sync()
        elif how < 0.95 and not self.cached:
            self.write(os.RWF_DSYNC)
        elif not self.cached:
            self.zero()

    def io(self, kind, function):
        """Whether it worked; the wrong error is a failure."""
        try:
            with allocations_fail(self.options.allocations_fail):
                got = function()
        except OSError as error:
            name = name_of(error)
            fine = name in ERRORS if self.options.faulty else name in self.options.errors
            if not fine:
                raise Failure(f"{self.path}: {kind}: {error}") from error
            self.done[f"{kind}: {name}"] += 1
            return None
        self.done[kind] += 1
        return got

    def range(self):
        first, count = self.territory.pick(self.rng, self.thread)
        return first, count, self.territory.start + first * self.territory.unit

    def write(self, flags=0):
        territory = self.territory
        first, count, at = self.range()
        length = count * territory.unit
        version = next(territory.versions)
        data = b"".join(territory.content(first + i, version) for i in range(count))
        # Not at the beginning of a page.
        shift = self.rng.randrange(0, mmap.PAGESIZE, 512)
        self.buffer[shift : shift + length] = data
        piece = memoryview(self.buffer)[shift : shift + length]
        units = range(first, first + count)
        # Whatever becomes of it, it may be there.
        for which in units:
            territory.possible[which] = [*territory.possible[which], version]
        got = self.io("write" + " dsync" * bool(flags), lambda: os.pwritev(self.fd, [piece], at, flags))
        if got == length:
            self.done["bytes written"] += length
            if self.cached:
                self.dirty.update(units)
            else:
                for which in units:
                    territory.possible[which] = [version]
        else:
            if got is not None and not self.options.faulty:
                raise Failure(f"{self.path}: {got} of {length} bytes written at {at}")
            # It may be in the page cache or not: syncing tells nothing of it.
            self.dirty.difference_update(units)

    def read(self):
        first, count, at = self.range()
        length = count * self.territory.unit
        shift = self.rng.randrange(0, mmap.PAGESIZE, 512)
        self.buffer[shift : shift + length] = b"\xaa" * length
        piece = memoryview(self.buffer)[shift : shift + length]
        got = self.io("read", lambda: os.preadv(self.fd, [piece], at))
        if got is None:
            return
        if got != length and not self.options.faulty:
            raise Failure(f"{self.path}: {got} of {length} bytes read at {at}")
        got -= got % self.territory.unit
        self.territory.versions_in(first, bytes(piece[:got]), f"{self.path}, a read")
        self.done["bytes verified"] += got

    def sync(self):
        # What was written to the page cache is sure now; or it is not, and nobody tries again.
        before, self.dirty = self.dirty, set()
        if self.io("fsync", lambda: os.fsync(self.fd) or 1):
            for which in before:
                self.territory.possible[which] = self.territory.possible[which][-1:]

    def zero(self):
        """Discards, or writes zeroes."""
        first, count, at = self.range()
        discard = self.rng.random() < 0.5
        units = range(first, first + count)
        for which in units:
            self.territory.possible[which] = [*self.territory.possible[which], 0]
        request = struct.pack("QQ", at, count * self.territory.unit)
        kind = "discard" if discard else "write zeroes"
        try:
            done = self.io(
                kind, lambda: fcntl.ioctl(self.fd, BLKDISCARD if discard else BLKZEROOUT, request)
            )
        except Failure as failure:
            if getattr(failure.__cause__, "errno", 0) != errno.EOPNOTSUPP or not discard:
                raise
            return
        if done is not None and (not discard or self.options.discard_zeroes):
            for which in units:
                self.territory.possible[which] = [0]


class Options:
    """What a disk of a territory may do at the moment."""

    def __init__(self, discard_zeroes=True, errors=()):
        self.discard_zeroes, self.errors = discard_zeroes, errors
        self.faulty = self.allocations_fail = False


class Crew:
    """The writers of a territory: they can be sent to work again and again."""

    def __init__(self, territory, options, actor):
        self.territory, self.options, self.actor = territory, options, actor
        setting = actor.setting
        self.rngs = [
            stream(setting.seed, setting.round, actor.name, thread)
            for thread in range(territory.threads + 1)
        ]
        self.writers = []

    def start(self, path):
        # A count of its own for each thread.
        self.writers = [
            Writer(self.territory, path, t, rng, type(self.actor.done)(), self.options)
            for t, rng in enumerate(self.rngs)
        ]
        for writer in self.writers:
            writer.start()

    def stop(self, patience):
        for writer in self.writers:
            writer.stopped.set()
        for writer in self.writers:
            writer.join(patience)
            if writer.is_alive():
                raise Failure(f"{writer.path}: a thread hangs in IO")
            self.actor.done += writer.done
            if writer.failure:
                raise Failure(writer.failure)
        self.writers = []
