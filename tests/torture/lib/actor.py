# SPDX-License-Identifier: GPL-2.0
"""What every process of the torture has: a stream of random numbers of its own, a count of what it
has done, and a way to say that something is wrong."""

import collections
import errno
import glob
import os
import random
import stat
import subprocess
import time

RAM = "/sys/class/rblk-ram"
PKT = "/sys/class/pktcdvd"


class Failure(Exception):
    """The drivers did what they must not."""


def stream(*names):
    """Random numbers that depend on nothing but these names."""
    return random.Random("/".join(map(str, names)))


def name_of(error):
    return errno.errorcode.get(error.errno, str(error.errno))


def put(path, text):
    """One write(2)."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, f"{text}\n".encode())
    finally:
        os.close(fd)


def get(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def run(*words, ok=(0,)):
    """A program's output; raises OSError if it fails."""
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode not in ok:
        raise OSError(errno.EPROTO, f"{' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


def users(node):
    """Who has a block device open, and what for; as far as that can be told."""
    device = os.stat(node).st_rdev
    found = []
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            status = os.stat(link)
            if stat.S_ISBLK(status.st_mode) and status.st_rdev == device:
                process = os.path.dirname(os.path.dirname(link))
                found.append(f"{process} {get(f'{process}/comm').strip()}: {get(f'{process}/stack')}")
        except OSError:
            pass
    name = os.path.basename(os.path.realpath(node))
    found += glob.glob(f"/sys/class/block/{name}/holders/*")
    found += [line for line in get("/proc/mounts").splitlines() if line.startswith(f"{node} ")]
    return "\n".join(found) or "nobody that could be found"


def until(seconds, condition, what, node=None):
    """Waits; the condition may fail with OSError meanwhile, because somebody uses the node."""
    seconds *= FACTOR
    end = time.monotonic() + seconds
    while True:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        if time.monotonic() > end:
            used = f"; {node} is used by {users(node)}" if node and os.path.exists(node) else ""
            raise Failure(f"waited {seconds} s for: {what}{used}")
        time.sleep(0.05)


def is_debug():
    return os.path.exists("/sys/kernel/debug/kmemleak")


# How much longer than on a machine with nothing else to do: everything is several times slower with a
# kernel full of checks.
FACTOR = int(os.environ.get("RBLK_PATIENCE") or (3 if is_debug() else 1))
# Seconds that nothing takes.
LONG = 100
PATIENCE = LONG * FACTOR


class Actor:
    """A process of a round: subclasses have act(), which returns when self.over()."""

    def __init__(self, setting, name):
        self.setting = setting
        self.name = name
        self.rng = stream(setting.seed, setting.round, name)
        self.done = collections.Counter()
        self.end = 0.0

    def over(self):
        return time.monotonic() > self.end and (not self.setting.cover or self.covered())

    def covered(self):
        """Whether it has done what it is for."""
        return True

    def pause(self, longest):
        time.sleep(self.rng.random() * longest)

    def attempt(self, kind, function, *allowed):
        """Does something that may be refused with some errors only. Whether it was done."""
        try:
            function()
        except OSError as error:
            if name_of(error) not in allowed:
                raise Failure(f"{kind}: {error}") from error
            self.done[f"{kind}: {name_of(error)}"] += 1
            return False
        self.done[kind] += 1
        return True

    def refused(self, kind, function, *allowed):
        """Does something that must be refused."""
        if self.attempt(kind, function, *allowed):
            raise Failure(f"{kind} was not refused")

    def play(self):
        """The whole of it; what it has done."""
        self.end = time.monotonic() + self.setting.seconds
        self.act()
        return self.done

    def act(self):
        raise NotImplementedError


class Setting:
    """What all actors of a round share."""

    def __init__(self, seed, number, seconds, faults, directory, cover=False):
        self.seed, self.round, self.seconds = seed, number, seconds
        # Whether each thing must be done once, however long that takes, before what is random.
        self.cover = cover
        # Whether allocations and IO fail for who has asked for it.
        self.faults = faults
        # In memory, for files and sockets.
        self.directory = directory
