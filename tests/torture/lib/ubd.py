# SPDX-License-Identifier: GPL-2.0
"""Copy-on-write disks: removed and added again, flushed and refused, while what is in them is checked."""

import errno
import os

import lower
from actor import Failure, get, put, run, until
from lower import number, ram_disk
from stack import Stack

UBD = "/sys/class/ubd"
MIB = 1 << 20


class UbdStack(Stack):
    """A copy-on-write disk, over zeroes: on files in memory, or on devices of which the one with the image
    may fail."""

    def build(self):
        rng = self.rng
        self.disk, self.node = self.name, f"/dev/{self.name}"
        self.size = rng.choice([8, 12, 16]) * MIB
        # Only a device can be told to fail.
        on_files = not self.faulty and not self.setting.cover and rng.random() < 0.4
        self.kind = "files" if on_files else rng.choice(["ram", "loop", "dm"])
        self.below = None
        if on_files:
            self.base = f"{self.setting.directory}/{self.name}.base"
            self.cow = f"{self.setting.directory}/{self.name}.cow"
            with open(self.base, "wb") as file:
                file.truncate(self.size)
            self.add("create")
        else:
            self.base = ram_disk(f"{self.name}-base", self.size)
            self.below = lower.make(self, self.kind, self.size + MIB)
            self.cow = self.below.node
            run("uml_mkcow", "-f", self.cow, self.base)
            self.add()
        self.done[f"copy-on-write disks on {'files' if on_files else 'devices'}"] += 1
        self.settle(0, self.size, 2048)

    def wipe(self):
        """The backing file is all zeroes."""

    def add(self, *more):
        words = " ".join([f"cow={self.cow} backing={self.base} name={self.disk} force", *more])

        def added():
            try:
                put(f"{UBD}/add", words)
            except OSError as error:
                # Memory may be scarce, and programs of others may look at the devices.
                if error.errno not in (errno.ENOMEM, errno.EBUSY):
                    raise Failure(f"ubd add {words}: {error}") from error
                return False
            return True

        until(20, added, f"{self.disk} to be added")
        until(20, lambda: os.path.exists(self.node), self.node)
        self.done["ubd add"] += 1

    def attribute(self, name):
        return f"/sys/block/{self.disk}/ubd/{name}"

    # While it is in use.

    def meddle(self):
        self.rng.choice([self.sync, self.must_not_go, self.must_not_be_used] + self.common())()

    def sync(self):
        """Allocations fail for writers only, but the image may."""
        errors = ("EIO", "ENOSPC") if self.faulty else ()
        self.attempt("ubd sync", lambda: put(self.attribute("sync"), 1), *errors)

    def must_not_go(self):
        name = self.rng.choice([self.disk, number(self.node)])
        self.refused("ubd remove while open", lambda: put(f"{UBD}/remove", name), "EBUSY")

    def must_not_be_used(self):
        words = f"cow={self.cow} backing={self.base} name={self.disk}-too force"
        self.refused("ubd add of an image in use", lambda: put(f"{UBD}/add", words), "EBUSY")

    def breaks(self):
        self.below.breaks()
        return True

    def heal(self):
        self.below.heal()

    # When it is closed.

    def between(self):
        """What it has is in the image."""
        if self.rng.random() < 0.7:
            self.remove()
            self.add()

    def remove(self):
        def removed():
            try:
                put(f"{UBD}/remove", self.disk)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise Failure(f"ubd remove: {error}") from error
                return False
            return True

        until(20, removed, f"{self.disk} to be closed", self.node)
        if self.disk in get(f"{UBD}/device_map").split():
            raise Failure(f"{self.disk} is there after its removal")
        self.done["ubd remove"] += 1

    def covered(self):
        return self.done["ubd remove"] and super().covered()

    def destroy(self):
        self.remove()
        if not self.below:
            os.unlink(self.cow)
            os.unlink(self.base)
            return
        self.below.destroy()
        base = os.path.basename(self.base)
        until(20, lambda: put(f"{lower.RAM}/remove", base) or True, f"{base} to be closed", self.base)
