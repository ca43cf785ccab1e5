# SPDX-License-Identifier: GPL-2.0
"""A disk whose data is checked while things are done to it: what kinds of disks have in common."""

import json
import os
import subprocess

from actor import PATIENCE, Actor, Failure, get, put, run
from territory import Crew, Options, Territory

SCHEDULERS = ("none", "mq-deadline", "kyber", "bfq")
# What may fail of it is counted by these names, and the errors.
IO = ("write", "write dsync", "read", "fsync", "discard", "write zeroes")
# What fio has for itself, behind the territory.
FIO = 4 << 20


class Stack(Actor):
    """Sessions, in which writers are at work and meddle() is called again and again; in between,
    nobody has the disk open, and between() is called."""

    threads = 3

    def __init__(self, setting, name, faulty):
        super().__init__(setting, name)
        self.faulty = faulty
        self.options = Options()
        self.territory = self.crew = None
        self.node = ""

    # What a kind of disk must have.

    def build(self):
        """Makes the disk, self.node, and self.territory by settle()."""
        raise NotImplementedError

    def meddle(self):
        """Something that may be done at any time, and changes no data."""
        raise NotImplementedError

    def between(self):
        """Something that is done when nobody has the disk open."""

    def breaks(self):
        """From now on IO may fail; returns whether it does."""
        return False

    def heals_in_use(self):
        """Whether heal() can be called while the disk is open."""
        return True

    def heal(self):
        """No more, and the disk is there again."""

    def destroy(self):
        raise NotImplementedError

    # And what they do with it.

    def settle(self, start, size, unit):
        """The territory, and behind it room for fio, on a disk of that size."""
        length = (size - start - FIO) // (unit * 1024) * unit * 1024
        tag = self.rng.getrandbits(32)
        self.territory = Territory(tag, start, length, unit, self.threads)
        self.crew = Crew(self.territory, self.options, self)

    def act(self):
        self.build()
        self.done["disks"] += 1
        self.wipe()
        while not self.over():
            self.session()
            if not self.over():
                self.between()
        self.territory.check_all(self.node, self.done, f"{self.name}, at the end")
        if self.met_errors():
            self.done["disks that met errors"] += 1
        self.destroy()

    def wipe(self):
        """All zeroes, as the territory thinks."""
        fd = os.open(self.node, os.O_RDWR)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
            for at in range(0, self.territory.count * self.territory.unit, 1 << 20):
                os.pwrite(fd, bytes(1 << 20), self.territory.start + at)
            os.fsync(fd)
        finally:
            os.close(fd)

    def covered(self):
        """Whether data went both ways, and, if there are faults, whether one was met."""
        return self.done["write"] and self.done["read"] and (self.met_errors() or not self.faulty)

    def met_errors(self):
        return any(kind.split(": ")[0] in IO and ": " in kind for kind in self.done)

    def session(self):
        faulty = self.faulty and (self.setting.cover or self.rng.random() < 0.6)
        # Writers come and go; this keeps the disk from being closed meanwhile.
        fd = os.open(self.node, os.O_RDONLY)
        try:
            broken = self.work(faulty)
        finally:
            os.close(fd)
        if broken:
            self.heal()
        self.done["sessions" + " with faults" * faulty] += 1
        if faulty:
            # What was said to be written, is.
            self.territory.check_all(self.node, self.done, f"{self.name}, after faults")

    def work(self, faulty):
        """Whether IO fails in the end."""
        fio = None
        if not faulty and not self.options.errors and self.rng.random() < 0.5:
            fio = self.start_fio()
        self.options.allocations_fail = faulty and (self.setting.cover or self.rng.random() < 0.5)
        self.options.faulty = faulty
        broken = faulty and self.breaks()
        self.crew.start(self.node)
        for _ in range(self.rng.randint(3, 15)):
            self.pause(0.3)
            self.meddle()
            if self.over():
                break
        if broken and self.heals_in_use() and self.rng.random() < 0.5:
            # Writers that go on meanwhile. They may still meet errors.
            self.heal()
            broken = False
            self.pause(0.5)
        self.crew.stop(PATIENCE)
        self.options.allocations_fail = self.options.faulty = False
        if fio:
            self.end_fio(fio)
        return broken

    def start_fio(self):
        at = self.territory.start + self.territory.count * self.territory.unit
        words = (
            f"fio --name=verify --filename={self.node} --offset={at} --size={FIO} --direct=1 "
            f"--rw=randwrite --blockalign={self.territory.unit} --ioengine=libaio "
            f"--bsrange={self.territory.unit}-{self.territory.unit * 16} "
            f"--iodepth=16 --verify=crc32c --verify_fatal=1 --verify_backlog=32 --fsync=64 "
            f"--randseed={self.rng.getrandbits(31)} --loops=1000 --time_based --runtime=3 "
            "--output-format=json"
        )
        return subprocess.Popen(words.split(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end_fio(self, fio):
        try:
            out, err = fio.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as expired:
            raise Failure(f"{self.name}: fio hangs") from expired
        out, err = out.decode(), err.decode()
        if fio.returncode:
            raise Failure(f"{self.name}: fio: {err.strip() or out[-2000:]}")
        job = json.loads(out[out.index("{") :])["jobs"][0]
        self.done["fio runs"] += 1
        self.done["bytes verified by fio"] += job["read"]["io_bytes"]
        self.done["bytes written by fio"] += job["write"]["io_bytes"]

    # What can be done to any disk.

    def queue(self, name):
        return f"/sys/block/{os.path.basename(os.path.realpath(self.node))}/queue/{name}"

    def switch_scheduler(self):
        if os.path.exists(self.queue("scheduler")):
            scheduler = self.rng.choice(SCHEDULERS)
            self.attempt(
                "scheduler", lambda: put(self.queue("scheduler"), scheduler), "EINVAL", "EBUSY"
            )

    def set_depth(self):
        if os.path.exists(self.queue("nr_requests")):
            depth = self.rng.randint(1, 300)
            self.attempt("nr_requests", lambda: put(self.queue("nr_requests"), depth), "EINVAL")

    def look_around(self):
        """Reads all there is to read."""
        top = os.path.realpath(f"/sys/block/{os.path.basename(os.path.realpath(self.node))}")
        fine = ("EIO", "EINVAL", "ENODEV", "EOPNOTSUPP", "ENOENT", "EACCES", "EPERM")
        for directory, _, files in os.walk(top):
            for file in files:
                self.attempt("files read", lambda d=directory, f=file: get(f"{d}/{f}"), *fine)

    def probe(self):
        self.attempt("blkid", lambda: run("blkid", "-p", self.node, ok=range(9)))

    def common(self):
        return [self.switch_scheduler, self.set_depth, self.look_around, self.probe]
