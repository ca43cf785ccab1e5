# SPDX-License-Identifier: GPL-2.0
"""What lies under packet devices: made, broken, healed, taken away and given back.

Each has a node, which may be another one after it came back.
"""

import glob
import os
import threading

import faults
from actor import RAM, Failure, get, put, run, until

SECTOR = 512
# Nothing of device mapper, of which there is one in the kernel, at the same time from one process.
_dm = threading.Lock()


def number(node):
    """major:minor."""
    found = os.stat(node).st_rdev
    return f"{os.major(found)}:{os.minor(found)}"


def ram_disk(name, size, **options):
    words = " ".join(f"{key}={value}" for key, value in options.items())
    put(f"{RAM}/add", f"size={size} name={name} {words}")
    return f"/dev/{name}"


class Ram:
    """A RAM disk. Its requests fail when told so."""

    zeroes = True

    def __init__(self, actor, size):
        self.name, self.actor, self.size = f"{actor.name}-low", actor, size
        front = actor.rng.choice(["bio", "mq"])
        self.node = ram_disk(self.name, size, front=front)

    def breaks(self):
        faults.io_fails(self.name, True)

    def heal(self):
        faults.io_fails(self.name, False)

    def destroy(self):
        until(10, self.remove, f"{self.name} to be closed", self.node)

    def remove(self):
        put(f"{RAM}/remove", self.name)
        return True


class Loop:
    """A file in memory, whose requests fail when told so."""

    zeroes = True

    def __init__(self, actor, size):
        self.file, self.actor = f"{actor.setting.directory}/{actor.name}.image", actor
        with open(self.file, "wb") as file:
            file.truncate(size)
        self.node = run("losetup", "-f", "--show", self.file).strip()

    def breaks(self):
        faults.io_fails(os.path.basename(self.node), True)

    def heal(self):
        faults.io_fails(os.path.basename(self.node), False)

    def destroy(self):
        self.heal()
        run("losetup", "-d", self.node)
        os.unlink(self.file)


class Mapper:
    """A RAM disk under device mapper: it fails wholly, for reads or writes only, or by time, or is
    slow."""

    zeroes = True

    def __init__(self, actor, size):
        self.below = Ram(actor, size)
        self.actor, self.name = actor, f"{actor.name}-dm"
        self.node = f"/dev/mapper/{self.name}"
        self.sectors = size // SECTOR
        run("dmsetup", "create", self.name, "--table", self.good())

    def good(self):
        delay = self.actor.rng.choice([0, 0, 1, 3])
        if delay:
            return f"0 {self.sectors} delay {self.below.node} 0 {delay}"
        return f"0 {self.sectors} flakey {self.below.node} 0 3600 0"

    def bad(self):
        rng, node = self.actor.rng, self.below.node
        return f"0 {self.sectors} " + rng.choice(
            [
                "error",
                f"flakey {node} 0 0 3600 1 error_writes",
                f"flakey {node} 0 0 3600 1 error_reads",
                f"flakey {node} 0 1 1 1 error_writes",
                f"flakey {node} 0 1 1",
            ]
        )

    def switch(self, table):
        with _dm:
            run("dmsetup", "suspend", "--noflush", "--nolockfs", self.name)
            run("dmsetup", "load", self.name, "--table", table)
            run("dmsetup", "resume", "--noflush", self.name)

    def breaks(self):
        self.switch(self.bad())

    def heal(self):
        self.switch(self.good())

    def destroy(self):
        until(10, lambda: run("dmsetup", "remove", self.name) or True, f"{self.name} to be closed")
        self.below.destroy()


class Scsi:
    """A SCSI disk of scsi_debug, which can be pulled out. There can be one."""

    zeroes = False

    def __init__(self, actor, size):
        self.actor, self.node = actor, ""
        run("modprobe", "scsi_debug", f"dev_size_mb={size >> 20}", "delay=0")
        self.found()

    @staticmethod
    def disks():
        return glob.glob("/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*")

    def found(self):
        disk = until(30, self.disks, "a SCSI disk")[0]
        self.node = f"/dev/{os.path.basename(disk)}"
        # There is a node before it can be opened.
        until(30, self.opens, f"{self.node} to open")

    def opens(self):
        os.close(os.open(self.node, os.O_RDONLY))
        return True

    def vanish(self):
        put(f"/sys/block/{os.path.basename(self.node)}/device/delete", 1)

    def come_back(self):
        for host in glob.glob("/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/scsi_host/host*"):
            put(f"{host}/scan", "- - -")
        self.found()

    def breaks(self):
        faults.io_fails(os.path.basename(self.node), True)

    def heal(self):
        if os.path.exists(self.node):
            faults.io_fails(os.path.basename(self.node), False)

    def destroy(self):
        until(20, lambda: run("modprobe", "-r", "scsi_debug") or True, "scsi_debug to be unused")


def make(actor, kind, size):
    return {"ram": Ram, "loop": Loop, "dm": Mapper, "scsi": Scsi}[kind](actor, size)


def packet_device_of(node):
    """The (name, number) of the packet device on a lower device."""
    wanted = number(node)
    for line in get("/sys/class/pktcdvd/device_map").splitlines():
        name, packet, lower = line.split()
        if lower == wanted:
            return name, packet
    raise Failure(f"{node} is not in the device map")
