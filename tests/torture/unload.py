#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""unload.py SEED SECONDS FILE: load and unload modules while others use what these have.

At first nobody else is there. What is open has to hold its module. What was opened, or found, before an
unload has to be dead after it.

Then four processes open, read and close disks and files of the modules at random. An open fails while
the module is absent or about to be unloaded. No process waits for another one. Two more take processors
away from the others now and then, so that these are preempted for long. Meanwhile this process loads each
module, and unloads it as soon as the kernel permits that. It also makes loads fail: with a wrong
parameter, beside another module that has the driver, or with one allocation that fails, another one each
time. It does at least one round of all this. Until SECONDS have passed it loads and unloads modules, and
does another round after each QUICK of them. FILE, in a directory of its own for files of this program,
gets the number of times that each thing was done.
"""

import collections
import contextlib
import ctypes
import errno
import fcntl
import itertools
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib"))

import faults
from actor import PATIENCE, PKT, RAM, Failure, name_of, put

LIBC = ctypes.CDLL(None, use_errno=True)
UBD = "/sys/class/ubd"
INFO = "/sys/kernel/debug/pktcdvd/pktcdvd0/info"
DISKS = {
    "opened: ram": ("/dev/rram0", "/dev/rram1", "/dev/ram0", "/dev/ram1"),
    "opened: nbd": ("/dev/nbd0", "/dev/nbd1"),
    "opened: packet": ("/dev/pktcdvd/pktcdvd0",),
    "opened: ubd": ("/dev/ubda",),
    "opened: control": ("/dev/pktcdvd/control",),
    "read: file": (
        f"{RAM}/device_map", f"{PKT}/device_map", f"{UBD}/device_map", "/sys/block/rram0/ram/pages",
        "/sys/block/nbd0/max_request_bytes", "/sys/block/pktcdvd0/packet/stat",
        "/sys/block/ubda/ubd/error", INFO,
    ),
}
KINDS = tuple(DISKS)
BLKDISCARD = 0x1277
USERS = 4
HOGS = 2
QUICK = 20
# More allocations than any load makes: none fails, and the kernel counts them.
MANY = 1 << 30

# Each module: its parameters, and wrong ones, which it refuses before it allocates anything of its own.
MODULES = {
    "rblk": ("ram_nr=2 ram_size=1024 nbd_nbds_max=2 ubd_disks=cow={dir}/cow", "pktcdvd_buffers=1"),
    "nbd": ("nbds_max=2", "max_part=-1"),
    "pktcdvd": ("buffers=4", "buffers=1"),
    "brd": ("rd_nr=2 rd_size=1024", "rd_size=18014398509481984"),
    "ubd": ("disks=cow={dir}/cow", "disks=colour=red"),
}
# What a module has that holds it while it is open, and files of sysfs, which do not. The disk that is
# mapped to a packet device; pktcdvd.ko has none of its own.
HOLDING = {
    "rblk": ("/dev/rram0", "/dev/nbd0", "/dev/ubda", "/dev/pktcdvd/control", "/dev/pktcdvd/pktcdvd0", INFO),
    "nbd": ("/dev/nbd0",),
    "pktcdvd": ("/dev/pktcdvd/control", "/dev/pktcdvd/pktcdvd0", INFO),
    "brd": ("/dev/ram0",),
    "ubd": ("/dev/ubda",),
}
SYSFS = {
    "rblk": (f"{RAM}/device_map", f"{PKT}/device_map", f"{UBD}/device_map", "/sys/block/rram0/ram/pages",
             "/sys/block/nbd0/max_request_bytes", "/sys/block/ubda/ubd/error"),
    "nbd": ("/sys/block/nbd0/max_request_bytes",),
    "pktcdvd": (f"{PKT}/device_map",),
    "brd": ("/sys/block/ram0/ram/pages",),
    "ubd": (f"{UBD}/device_map", "/sys/block/ubda/ubd/error"),
}
MAPPED = {"rblk": "rram0", "pktcdvd": "ram1"}
IMAGES = {}


def image(module):
    """The content of the file that modprobe would load."""
    if module not in IMAGES:
        said = subprocess.run(
            ["modprobe", "--show-depends", module], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        path = [line.split()[1] for line in said.splitlines() if line.startswith("insmod ")][-1]
        with open(path, "rb") as file:
            IMAGES[module] = file.read()
    return IMAGES[module]


def load(module, parameters):
    """Returns an OSError, or None."""
    data = image(module)
    if LIBC.init_module(data, ctypes.c_ulong(len(data)), parameters.encode()):
        return OSError(ctypes.get_errno(), module)
    return None


def unload(module):
    """Returns an OSError, or None."""
    if LIBC.delete_module(module.encode(), os.O_NONBLOCK):
        return OSError(ctypes.get_errno(), module)
    return None


def users_of(module):
    with open(f"/sys/module/{module}/refcnt", encoding="ascii") as file:
        return int(file.read())


def number_of(disk):
    with open(f"/sys/block/{disk}/dev", encoding="ascii") as file:
        return file.read().strip()


def error_of(action):
    """The name of the error with which it fails, or None."""
    try:
        action()
    except OSError as error:
        return name_of(error)
    return None


def is_there(module):
    return os.path.exists(f"/sys/module/{module}")


def load_counted(module, parameters, number):
    """Loads the module while the allocation with this number fails. Returns the error or None, and the
    number of allocations, which is 0 if one has failed."""
    data, words = image(module), parameters.encode()
    size, code = ctypes.c_ulong(len(data)), 0
    fd = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
    try:
        os.pwrite(fd, str(number).encode(), 0)
        if LIBC.init_module(data, size, words):
            code = ctypes.get_errno()
        left = int(os.pread(fd, 16, 0))
        with contextlib.suppress(OSError):
            os.pwrite(fd, b"0", 0)
    finally:
        os.close(fd)
    return code and OSError(code, module), left and number - left


class Users:
    """The processes that use disks and files, and those that take processors away."""

    def __init__(self, seed):
        self.shared = mmap.mmap(-1, 4096)
        self.pids = [
            self.start(self.use if number < USERS else self.hog, random.Random(f"{seed}/{number}"), number)
            for number in range(USERS + HOGS)
        ]

    def start(self, what, rng, number):
        pid = os.fork()
        if pid == 0:
            # A child never returns into its parent's code, whatever happens.
            try:
                what(rng, number)
            finally:
                os._exit(1)
        return pid

    def hog(self, rng, _number):
        while True:
            time.sleep(rng.random() / 5)
            end = time.monotonic() + rng.random() / 20
            while time.monotonic() < end:
                pass

    def use(self, rng, number):
        done, written = [0] * len(KINDS), 0
        if number % 2:
            # Such a task is preempted for long in the middle of an open or a close.
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        while True:
            kind = rng.randrange(len(KINDS))
            flags = rng.choice((os.O_RDONLY, os.O_RDONLY, os.O_RDWR)) | os.O_NONBLOCK
            if KINDS[kind] == "read: file":
                flags = os.O_RDONLY
            with contextlib.suppress(OSError):
                fd = os.open(rng.choice(DISKS[KINDS[kind]]), flags)
                done[kind] += 1
                struct.pack_into("Q", self.shared, 8 * (number * len(KINDS) + kind), done[kind])
                try:
                    os.pread(fd, 4096, 0)
                    if KINDS[kind] == "opened: ram" and flags & os.O_RDWR:
                        # Its pages are freed after a grace period, when nobody may have the disk open.
                        os.pwrite(fd, bytes(65536), 4096 * rng.randrange(16))
                        os.fsync(fd)
                        fcntl.ioctl(fd, BLKDISCARD, struct.pack("QQ", 0, 1 << 20))
                        written += 1
                        struct.pack_into("Q", self.shared, 2048 + 8 * number, written)
                    if KINDS[kind] == "opened: ubd" and flags & os.O_RDWR:
                        # The driver has something to flush when it goes.
                        os.pwrite(fd, bytes(512), 512 * rng.randrange(128))
                finally:
                    if rng.random() < 0.3:
                        time.sleep(rng.random() / 20)
                    os.close(fd)
            # Without pauses the module would be in use nearly always.
            time.sleep(rng.random() / 100)

    def done(self):
        counts = struct.unpack_from(f"{USERS * len(KINDS)}Q", self.shared)
        written = struct.unpack_from(f"{USERS}Q", self.shared, 2048)
        return {kind: sum(counts[at :: len(KINDS)]) for at, kind in enumerate(KINDS)} | {
            "written and discarded: ram": sum(written)
        }

    def are_alive(self):
        return all(os.waitpid(pid, os.WNOHANG) == (0, 0) for pid in self.pids)

    def end(self):
        for pid in self.pids:
            # A child may have ended by itself.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


class Round:
    """What is done to the modules, one thing after the other."""

    def __init__(self, rng):
        self.rng = rng
        self.done = collections.Counter()
        self.loaded = []
        # For each module the number of the first allocation of its init, and of the last one.
        self.own = {}

    def until(self, what, action, pause=1 / 200):
        """Repeats the action as long as the kernel refuses it because of users."""
        end = time.monotonic() + PATIENCE
        while True:
            error = action()
            if error is None:
                return
            if error.errno not in (errno.EBUSY, errno.EAGAIN):
                raise Failure(f"{what}: {error}")
            self.done[f"{what}: refused, in use"] += 1
            if time.monotonic() > end:
                raise Failure(f"{what}: in use for {PATIENCE} seconds")
            # Trying on and on takes the processor from who has it in use.
            time.sleep(self.rng.random() / 50 if self.rng.random() < 0.1 else self.rng.random() * pause)

    def load(self, module):
        error = load(module, MODULES[module][0])
        if error:
            raise Failure(f"{module} cannot be loaded: {error}")
        self.loaded.append(module)

    def unload(self, module):
        self.until(f"{module}: unloading", lambda: unload(module), 0)
        self.loaded.remove(module)
        self.done[f"{module}: unloaded"] += 1
        if is_there(module):
            raise Failure(f"{module} is there although it was unloaded")

    def write(self, file, text):
        def action():
            try:
                put(file, text)
            except OSError as error:
                return error
            return None

        self.until(f"{file} {text}", action)

    def packet_device(self, disk):
        """Maps a disk to a packet device, and removes the device a moment later."""
        number = number_of(disk)
        self.write(f"{PKT}/add", f"{number} packet_size=32K packet_buffers=2")
        self.wait()
        self.write(f"{PKT}/remove", number)

    def wait(self):
        time.sleep(self.rng.random() / 5)

    def beside(self, module):
        """Loads a module whose driver a loaded module has already."""
        error = load(module, MODULES[module][0])
        if error is None or error.errno not in (errno.EBUSY, errno.EEXIST) or is_there(module):
            raise Failure(f"{module} beside {self.loaded}: {error}")
        self.done["load beside another"] += 1

    def fail(self, module):
        """Loads that fail, or that lack something."""
        good, wrong = MODULES[module]
        error, first = load_counted(module, wrong, MANY)
        if not error or error.errno != errno.EINVAL or is_there(module):
            raise Failure(f"{module} {wrong}: {error}")
        self.done["load that is refused"] += 1
        if module not in self.own:
            error, last = load_counted(module, good, MANY)
            if error:
                raise Failure(f"{module} cannot be loaded: {error}")
            self.loaded.append(module)
            self.wait()
            self.unload(module)
            self.own[module] = (first, last)
        self.without_memory(module)

    def without_memory(self, module):
        """A load with one allocation that fails. Few of them, the first ones, make it fail."""
        good = MODULES[module][0]
        first, last = self.own[module]
        if self.rng.random() < 0.5:
            last = first + (last - first) // 8
        number = self.rng.randint(first, last)
        error, _ = load_counted(module, good, number)
        if error:
            if name_of(error) not in ("ENOMEM", "EBUSY") or is_there(module):
                raise Failure(f"{module}, allocation {number} fails: {error}")
            self.done["load without memory: failed"] += 1
        else:
            # A module may do without a driver, a disk or a tag.
            self.done["load without memory: works all the same"] += 1
            self.loaded.append(module)
            self.wait()
            self.unload(module)

    def alone(self, module):
        """While nobody else is there: what is open holds the module, and what was found before an unload is
        dead after it."""
        below = MAPPED.get(module)
        if below == "ram1":
            self.load("brd")
        self.load(module)
        if below:
            self.write(f"{PKT}/add", f"{number_of(below)} packet_size=32K packet_buffers=2")
        found = [os.open(path, os.O_PATH) for path in HOLDING[module]]
        files = [os.open(path, os.O_RDONLY) for path in SYSFS[module]]
        for path in HOLDING[module]:
            self.holds(module, path)
        if below:
            self.write(f"{PKT}/remove", number_of(below))
        self.unload(module)
        for path, fd in zip(HOLDING[module], found):
            opened = error_of(lambda fd=fd: os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK))
            self.is_dead(module, path, opened, fd)
        for path, fd in zip(SYSFS[module], files):
            self.is_dead(module, path, error_of(lambda fd=fd: os.pread(fd, 64, 0)), fd)
        if below == "ram1":
            self.unload("brd")

    def holds(self, module, path):
        before = users_of(module)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        users, error = users_of(module), unload(module)
        if users <= before or not error or error.errno not in (errno.EBUSY, errno.EAGAIN):
            raise Failure(f"{path} is open: {module} has {users} users, {before} before; unloading: {error}")
        os.close(fd)
        self.done["holds its module while it is open"] += 1

    def is_dead(self, module, path, error, fd):
        if error is None:
            raise Failure(f"{path} can be used after {module} was unloaded")
        os.close(fd)
        self.done["dead after an unload"] += 1

    def all_in_one(self):
        self.load("rblk")
        self.beside(self.rng.choice(("nbd", "pktcdvd", "ubd")))
        self.packet_device("rram0")
        self.unload("rblk")
        self.fail("rblk")

    def each(self):
        self.load("brd")
        self.load("pktcdvd")
        self.load("nbd")
        self.load("ubd")
        self.packet_device("ram1")
        for module in self.rng.sample(self.loaded, len(self.loaded)):
            self.unload(module)
        for module in ("nbd", "pktcdvd", "brd", "ubd"):
            self.fail(module)

    def quick(self):
        module = self.rng.choice(tuple(MODULES))
        if self.rng.random() < 0.4:
            self.without_memory(module)
            return
        self.load(module)
        if module == "rblk" and self.rng.random() < 0.5:
            self.packet_device("rram0")
        time.sleep(self.rng.random() / 10)
        self.unload(module)

    def run(self):
        self.all_in_one()
        self.each()
        self.done["rounds"] += 1

    def end(self):
        """Unloads what is loaded, so that the guest looks for leaks without it."""
        for module in list(reversed(self.loaded)):
            with contextlib.suppress(Failure):
                self.unload(module)


def make_image(directory):
    """Makes an image for ubd, and puts the directory into the parameters of the modules."""
    with open(f"{directory}/back", "wb") as file:
        file.truncate(1 << 20)
    words = f"cow={directory}/cow backing={directory}/back create"
    if error := load("ubd", f'disks="{words}"') or unload("ubd"):
        raise Failure(f"no image can be made: {error}")
    for module, (good, wrong) in MODULES.items():
        MODULES[module] = (good.format(dir=directory), wrong)


def main():
    seed, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    make_image(os.path.dirname(path))
    for module in MODULES:
        image(module)
    faults.prepare(0, 0)
    users, rounds = None, Round(random.Random(seed))
    try:
        for module in MODULES:
            rounds.alone(module)
        users = Users(seed)
        end = time.monotonic() + seconds
        rounds.run()
        for number in itertools.count(1):
            late, used = time.monotonic() > end, users.done()
            if not users.are_alive():
                raise Failure("one of the processes that use them has ended")
            if late and all(used.values()) and rounds.done["load without memory: failed"]:
                break
            if time.monotonic() > end + PATIENCE:
                raise Failure("not everything was done")
            # When it is late, only what a round does can be missing.
            if late or number % (QUICK + 1) == 0:
                rounds.run()
            else:
                rounds.quick()
    finally:
        if users:
            users.end()
            rounds.done.update(users.done())
        rounds.end()
        faults.end()
        with open(path, "w", encoding="utf-8") as file:
            for kind, times in sorted(rounds.done.items()):
                print(f"# {times} {kind}", file=file)


main()
