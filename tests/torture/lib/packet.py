# SPDX-License-Identifier: GPL-2.0
"""Packet devices on all kinds of lower devices: mapped, tuned and mapped anew, on devices that fail
and vanish, while what is in them is checked, by themselves and below."""

import errno
import os

import faults
import lower
from actor import LONG, PKT, Failure, get, put, until
from stack import Stack

MIB = 1 << 20


class PacketStack(Stack):
    """A packet device."""

    kind = "ram"

    def build(self):
        rng = self.rng
        self.lower = lower.make(self, self.kind, rng.choice([8, 12, 16]) * MIB)
        self.options.discard_zeroes = False
        self.gone = False
        self.map()
        # As the devices below have it, when mapped with any of the sizes.
        size = int(get(f"/sys/block/{self.packet}/size")) * 512
        self.settle(MIB, size, 2048)

    def map(self):
        rng = self.rng
        # What is left behind the last whole packet is fio's, and unused.
        packet = rng.choice([4, 16, 32, 64, 64, 64, 128, 256, 6, 22]) << 10
        # In front of the territory.
        offset = rng.choice([0, 0, 0, 2048, 10240, 65536])
        buffers = rng.choice([2, 3, 8, 32])
        words = f"packet_size={packet} packet_buffers={buffers} offset={offset}"

        def add():
            try:
                put(f"{PKT}/add", f"{lower.number(self.lower.node)} {words}")
                return True
            except OSError as error:
                # Somebody may look at it; memory may be scarce.
                if error.errno not in (errno.EBUSY, errno.ENOMEM):
                    raise Failure(f"{PKT}/add {words}: {error}") from error
                return False

        until(20, add, f"{self.lower.node} to be mapped")
        self.packet, self.number = lower.packet_device_of(self.lower.node)
        self.node = f"/dev/pktcdvd/{self.packet}"
        until(20, lambda: os.path.exists(self.node), self.node)
        self.done["packet add"] += 1

    def unmap(self):
        def remove():
            try:
                put(f"{PKT}/remove", self.number)
                return True
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise Failure(f"{PKT}/remove: {error}") from error
                return False

        until(LONG, remove, f"{self.packet} to be closed", self.node)
        self.done["packet remove"] += 1

    def attribute(self, name):
        return f"{PKT}/{self.packet}/{name}"

    # While it is in use.

    def meddle(self):
        self.rng.choice(
            [self.marks, self.marks, self.wait, self.buffers, self.reset, self.must_not_go]
            + [self.must_not_come, self.info]
            + self.common()
        )()

    def marks(self):
        which = self.rng.choice(["congestion_on", "congestion_off"])
        value = self.rng.choice([-1, 0, 1, 500, 600, 1000, 10000, 2000000])
        where = self.rng.choice(
            [self.attribute(f"write_queue/{which}"), f"/sys/block/{self.packet}/packet/write_{which}"]
        )
        self.attempt("packet marks", lambda: put(where, value))

    def wait(self):
        value = self.rng.choice([0, 100, 5000, 50000, 300000])
        self.attempt("packet_wait_us", lambda: put(self.attribute("packet_wait_us"), value))

    def buffers(self):
        value = self.rng.randint(2, 64)
        where = self.rng.choice([self.attribute("packet_buffers"), f"{PKT}/packet_buffers"])
        self.attempt("packet_buffers", lambda: put(where, value))

    def reset(self):
        where = self.rng.choice(
            [self.attribute("stat/reset"), f"/sys/block/{self.packet}/packet/reset_stat"]
        )
        self.attempt("packet stat reset", lambda: put(where, 1))

    def must_not_go(self):
        which = self.number if self.gone else self.rng.choice([self.number, lower.number(self.lower.node)])
        self.refused("packet remove while open", lambda: put(f"{PKT}/remove", which), "EBUSY")

    def must_not_come(self):
        if not self.gone:
            again = lower.number(self.lower.node)
            self.refused("packet add again", lambda: put(f"{PKT}/add", again), "EBUSY")

    def info(self):
        get(f"/sys/kernel/debug/pktcdvd/{self.packet}/info")
        get(f"{PKT}/device_map")
        self.done["packet info"] += 1

    def breaks(self):
        if self.rng.random() < 0.4:
            faults.threads_fail(self.packet, True)
        self.lower.breaks()
        self.done[f"faults of a {self.kind} device below"] += 1
        return True

    def heal(self):
        self.lower.heal()
        faults.threads_fail(self.packet, False)

    # When it is closed.

    def between(self):
        how = self.rng.random()
        if how < 0.5:
            self.map_anew()
        elif how < 0.7:
            self.look_below()

    def map_anew(self):
        """With packets of another size."""
        self.unmap()
        self.map()

    def look_below(self):
        self.unmap()
        until(20, lambda: self.territory.check_all(self.lower.node, self.done, "below") or True, "below")
        self.done["checks below"] += 1
        self.map()

    def destroy(self):
        self.unmap()
        self.lower.destroy()


class VanishingStack(PacketStack):
    """A packet device on a SCSI disk that is pulled out and put back."""

    kind = "scsi"

    def breaks(self):
        if self.rng.random() < 0.3:
            return super().breaks()
        self.lower.vanish()
        self.gone = True
        self.done["lower devices vanished"] += 1
        return True

    def heals_in_use(self):
        return not self.gone

    def heal(self):
        if not self.gone:
            super().heal()
            return
        # It stays mapped to what is no more, until it is unmapped.
        self.unmap()
        self.lower.come_back()
        self.gone = False
        self.map()


def on(kind):
    """The class of packet devices on lower devices of a kind."""
    if kind == "scsi":
        return VanishingStack
    return type(f"PacketOn{kind}", (PacketStack,), {"kind": kind})
