# SPDX-License-Identifier: GPL-2.0
"""Each operation, with each of its allocations failing in turn: it works, or it says why not and has
left nothing behind."""

import itertools
import mmap
import os

import faults
import lower
from actor import LONG, PKT, RAM, Actor, Failure, get, name_of, put, run, until
from ubd import UBD

MIB = 1 << 20
# More allocations than any operation has: packet devices have thousands of requests.
LIMIT = 50000
# Allocations that fail in each sweep.
FIRST = 6
ERRORS = ("ENOMEM", "EIO", "ENOSPC", "EAGAIN", "EINTR", "ENXIO")


class Sweep(Actor):
    """Takes operations in random order."""

    name_of_disk = "sweep"

    def covered(self):
        return False

    def act(self):
        operations = [
            self.ram_add, self.ram_add_prealloc, self.ram_add_queue, self.ram_write, self.ram_resize,
            self.ram_remove, self.packet_add, self.packet_open, self.packet_write, self.packet_remove,
            self.packet_tune, self.read_files, self.control, self.ubd_add, self.ubd_remove,
        ]
        self.rng.shuffle(operations)
        # To cover all of them, none is left out for want of time, nor cut short.
        for operation in operations:
            if self.over():
                self.done["sweeps left out, no time"] += 1
                continue
            operation()

    def sweep(self, kind, function, after):
        """Each allocation of function() fails in turn; after(error) looks at what is there, and
        undoes it."""

        def tried():
            try:
                function()
            except OSError as error:
                return error
            return None

        for points, (number, failed, error) in enumerate(faults.sweep(tried, self.numbers())):
            after(error)
            if not failed:
                if error:
                    raise Failure(f"{kind}: {error}, with enough memory")
                self.done["sweeps"] += 1
                self.done[f"sweep, {kind}: all allocations"] += 1
                self.done["injected: each allocation in turn"] += points
                return
            if error and name_of(error) not in ERRORS:
                raise Failure(f"{kind}, allocation {number} fails: {error}")
            self.done[f"sweep, {kind}: {'refused' if error else 'works all the same'}"] += 1
            if self.over():
                self.done["sweeps cut short, no time"] += 1
                return
        raise Failure(f"{kind}: more than {LIMIT} allocations")

    def numbers(self):
        """Of allocations. All of them take long, and late ones are much alike: thousands of requests.
        Some operations have no more than the first few."""
        yield from range(1, FIRST + 1)
        step = self.rng.choice([1, 2, 3, 5])
        number = FIRST + self.rng.randint(1, step)
        while number < LIMIT:
            yield number
            number += self.rng.randint(1, 3 + number // 2) if self.setting.cover else step

    # RAM disks.

    def disk_is_there(self):
        listed = any(
            line.split()[0] == self.name_of_disk for line in get(f"{RAM}/device_map").splitlines()
        )
        shown = os.path.exists(f"/sys/block/{self.name_of_disk}")
        if listed != shown:
            raise Failure(f"a disk is {'listed' if listed else 'shown'} only")
        return listed

    def gone_or_removed(self, error):
        if self.disk_is_there() == bool(error):
            raise Failure(f"a disk is there although adding it failed, or the other way round: {error}")
        if not error:
            self.remove()

    def remove(self):
        until(LONG, lambda: put(f"{RAM}/remove", self.name_of_disk) or True, "a disk to be closed")

    def add(self, **options):
        return lower.ram_disk(self.name_of_disk, MIB, **options)

    def ram_add(self):
        self.sweep("ram add", self.add, self.gone_or_removed)

    def ram_add_prealloc(self):
        self.sweep("ram add prealloc=1", lambda: self.add(prealloc=1), self.gone_or_removed)

    def ram_add_queue(self):
        self.sweep("ram add front=mq", lambda: self.add(front="mq"), self.gone_or_removed)

    def ram_write(self):
        for front in ("bio", "mq"):
            # No page more than is written may count, or the last write finds no room.
            node = self.add(front=front, mem_limit=65536)
            fd = os.open(node, os.O_RDWR | os.O_DIRECT)
            buffer = mmap.mmap(-1, 65536)

            def checked(error, file=fd, memory=buffer, where=node):
                os.preadv(file, [memory], 0)
                found = set(memory[:])
                if not error and found != {7} or not found <= {0, 7}:
                    raise Failure(f"{where}: after a write, {error}, it has {found}")
                # Empty again: the next write needs memory, too.
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                self.discard(where)
                memory[:] = b"\7" * 65536

            buffer[:] = b"\7" * 65536
            try:
                self.sweep(
                    f"ram write front={front}",
                    lambda file=fd, memory=buffer: os.pwritev(file, [memory], 0),
                    checked,
                )
            finally:
                os.close(fd)
                self.remove()

    @staticmethod
    def discard(node):
        run("blkdiscard", "-f", node)

    def ram_resize(self):
        self.add()
        size = f"/sys/block/{self.name_of_disk}/ram/size"
        sizes = []

        def grow():
            put(size, int(get(size)) + 4096)

        self.sweep("ram grow", grow, lambda error: sizes.append(error))
        self.remove()

    def ram_remove(self):
        self.add()

        def after(error):
            if self.disk_is_there() != bool(error):
                raise Failure(f"ram remove: {error}, and the disk is {'' if error else 'not '}gone")
            if not error:
                self.add()

        self.sweep("ram remove", lambda: put(f"{RAM}/remove", self.name_of_disk), after)
        self.remove()

    # Packet devices.

    def map(self):
        put(f"{PKT}/add", f"{self.below} packet_size=32K packet_buffers=4")

    def unmap(self):
        until(LONG, lambda: put(f"{PKT}/remove", self.below) or True, "a packet device to be closed")

    def is_mapped(self):
        return any(line.split()[2] == self.below for line in get(f"{PKT}/device_map").splitlines())

    def lower_disk(self):
        self.below = lower.number(self.add())

    def packet_add(self):
        self.lower_disk()

        def after(error):
            if self.is_mapped() == bool(error):
                raise Failure(f"packet add: {error}, and it is {'' if self.is_mapped() else 'not '}mapped")
            if not error:
                self.unmap()

        self.sweep("packet add", self.map, after)
        self.remove()

    def packet_remove(self):
        self.lower_disk()
        self.map()

        def after(error):
            if self.is_mapped() != bool(error):
                raise Failure(f"packet remove: {error}, and it is {'' if self.is_mapped() else 'not '}mapped")
            if not error:
                self.map()

        self.sweep("packet remove", lambda: put(f"{PKT}/remove", self.below), after)
        self.unmap()
        self.remove()

    def packet_node(self):
        self.lower_disk()
        self.map()
        name = lower.packet_device_of(f"/dev/{self.name_of_disk}")[0]
        until(20, lambda: os.path.exists(f"/dev/pktcdvd/{name}"), name)
        return name

    def packet_open(self):
        """Each time with another number of buffers. Without memory for them the old ones do."""
        name = self.packet_node()
        node = f"/dev/pktcdvd/{name}"
        wanted = itertools.cycle((2, 3))

        def other_buffers(_error):
            put(f"{PKT}/{name}/packet_buffers", next(wanted))

        self.sweep("packet open", lambda: os.close(os.open(node, os.O_RDWR)), other_buffers)
        self.unmap()
        self.remove()

    def packet_write(self):
        """Parts of packets, which are gathered."""
        node = f"/dev/pktcdvd/{self.packet_node()}"
        fd = os.open(node, os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
        buffer = mmap.mmap(-1, 4096)
        turn = [0]

        def write():
            turn[0] += 1
            buffer[:] = bytes([turn[0] % 256]) * 4096
            os.pwritev(fd, [buffer], 32768 * (turn[0] % 32) + 2048)

        def checked(error):
            os.preadv(fd, [buffer], 32768 * (turn[0] % 32) + 2048)
            if not error and set(buffer[:]) != {turn[0] % 256}:
                raise Failure(f"packet write {turn[0]}: it has {set(buffer[:])}")

        self.sweep("packet write", write, checked)
        os.close(fd)
        self.unmap()
        self.remove()

    def packet_tune(self):
        name = self.packet_node()

        def tune():
            for file, value in (("packet_buffers", 7), ("write_queue/congestion_on", 700), ("stat/reset", 1)):
                put(f"{PKT}/{name}/{file}", value)

        self.sweep("packet settings", tune, lambda error: None)
        self.unmap()
        self.remove()

    # Copy-on-write disks.

    def image(self):
        """What is added of an image in files."""
        base, cow = (f"{self.setting.directory}/sweep.{end}" for end in ("base", "cow"))
        with open(base, "wb") as file:
            file.truncate(MIB)
        if os.path.exists(cow):
            os.unlink(cow)
        run("uml_mkcow", cow, base)
        return f"cow={cow} name=overlay"

    @staticmethod
    def overlay_is_there():
        return "overlay " in get(f"{UBD}/device_map")

    @staticmethod
    def remove_overlay():
        until(LONG, lambda: put(f"{UBD}/remove", "overlay") or True, "a copy-on-write disk to be closed")

    def ubd_add(self):
        words = self.image()

        def after(error):
            if self.overlay_is_there() == bool(error):
                raise Failure(f"ubd add: {error}, and the disk is {'' if error else 'not '}there")
            if not error:
                self.remove_overlay()

        self.sweep("ubd add", lambda: put(f"{UBD}/add", words), after)

    def ubd_remove(self):
        words = self.image()
        put(f"{UBD}/add", words)

        def after(error):
            if self.overlay_is_there() != bool(error):
                raise Failure(f"ubd remove: {error}, and the disk is {'' if error else 'not '}gone")
            if not error:
                put(f"{UBD}/add", words)

        self.sweep("ubd remove", lambda: put(f"{UBD}/remove", "overlay"), after)
        self.remove_overlay()

    def read_files(self):
        name = self.packet_node()

        def read():
            for file in (f"/sys/kernel/debug/pktcdvd/{name}/info", f"{PKT}/device_map", f"{RAM}/device_map"):
                get(file)

        self.sweep("files read", read, lambda error: None)
        self.unmap()
        self.remove()

    def control(self):
        self.sweep(
            "control device opened", lambda: os.close(os.open("/dev/pktcdvd/control", os.O_RDWR)),
            lambda error: None,
        )
