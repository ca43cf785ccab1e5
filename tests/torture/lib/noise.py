# SPDX-License-Identifier: GPL-2.0
"""What goes on around the disks that are checked."""

import glob
import mmap
import os
import time

import faults
import lower
from actor import LONG, PKT, RAM, Actor, Failure, get, put, run, until

MIB = 1 << 20
# Of somebody who comes too early, too late, or when there is no memory.
RACES = ("ENODEV", "ENOENT", "ENXIO", "EBUSY", "EEXIST", "ENOMEM", "EINTR", "EIO", "EAGAIN", "EINVAL")


class Hotplug(Actor):
    """Processors come and go, but for the first."""

    def act(self):
        cpus = sorted(glob.glob("/sys/devices/system/cpu/cpu[1-9]*/online"))
        try:
            while not self.over():
                cpu = self.rng.choice(cpus)
                state = 1 - int(get(cpu))
                self.attempt(f"processor {'on' if state else 'off'}", lambda: put(cpu, state), "EBUSY")
                self.pause(1)
        finally:
            for cpu in cpus:
                put(cpu, 1)


class Pressure(Actor):
    """Memory gets scarce, and is given back; a group whose memory is limited uses a disk through the
    page cache."""

    def act(self):
        group = f"/sys/fs/cgroup/{self.name}"
        put("/sys/fs/cgroup/cgroup.subtree_control", "+memory")
        os.mkdir(group)
        disk = lower.ram_disk(self.name, 48 * MIB, front=self.rng.choice(["bio", "mq"]))
        put(f"{group}/memory.max", 32 * MIB)
        try:
            child = os.fork()
            if child == 0:
                self.in_group(group, disk)
            self.take_memory()
            _, status = os.waitpid(child, 0)
            if status:
                raise Failure(f"{disk}: a process in a group with little memory: status {status:#x}")
        finally:
            until(20, lambda: put(f"{RAM}/remove", self.name) or True, f"{disk} to be closed")
            until(20, lambda: os.rmdir(group) or True, f"{group} to be empty")
        self.done["sessions in a group with little memory"] += 1

    def in_group(self, group, disk):
        """Never returns. More than the group may have goes through the page cache, and is right."""
        status = 1
        try:
            put(f"{group}/cgroup.procs", 0)
            fd = os.open(disk, os.O_RDWR)
            turn = 0
            while not self.over():
                turn += 1
                for at in range(0, 40 * MIB, MIB):
                    os.pwrite(fd, (turn << 32 | at).to_bytes(8, "little") * (MIB // 8), at)
                for at in range(0, 40 * MIB, MIB):
                    if os.pread(fd, MIB, at) != (turn << 32 | at).to_bytes(8, "little") * (MIB // 8):
                        os._exit(2)
            os.fsync(fd)
            status = 0
        finally:
            os._exit(status)

    def take_memory(self):
        """Half of what is there, for a moment: RAM disks refuse writes when a sixteenth is left."""
        while not self.over():
            available = next(
                int(line.split()[1]) << 10
                for line in get("/proc/meminfo").splitlines()
                if line.startswith("MemAvailable")
            )
            size = int(available * self.rng.uniform(0.2, 0.5)) // mmap.PAGESIZE * mmap.PAGESIZE
            with mmap.mmap(-1, size) as memory:
                for at in range(0, size, mmap.PAGESIZE):
                    memory[at] = 1
                    if at % MIB == 0 and self.over():
                        break
            self.done["times that memory was scarce"] += 1
            put("/proc/sys/vm/drop_caches", self.rng.choice([1, 2, 3]))
            self.pause(1)


class Churn(Actor):
    """Disks come and go, by the same names from several processes, with all sorts of options, some
    of them wrong; allocations fail meanwhile. What was just added is empty."""

    names = ("churn0", "churn1", "churn2")

    def act(self):
        steps = [self.add, self.add, self.remove, self.use, self.map, self.unmap, self.wrong, self.tune]
        while not self.over():
            self.rng.choice(steps)()

    def failing(self):
        return faults.allocations_fail(self.setting.faults)

    def write(self, kind, path, text, *more):
        def function():
            with self.failing():
                put(path, text)

        return self.attempt(kind, function, *RACES, *more)

    def add(self):
        rng = self.rng
        block = rng.choice([512, 1024, 4096])
        size = rng.randint(1, 1024) * 4096
        options = rng.choice(["", "prealloc=1", f"mem_limit={size // 2}", "front=mq", "front=mq prealloc=1"])
        self.write("ram add", f"{RAM}/add", f"size={size} block_size={block} name={rng.choice(self.names)} {options}")

    def remove(self):
        self.write("ram remove", f"{RAM}/remove", self.rng.choice(self.names))

    def use(self):
        """A lone user: what was not written is zeroes, as far as others do not write, who write ones."""
        node = f"/dev/{self.rng.choice(self.names)}"

        def function():
            fd = os.open(node, self.rng.choice([os.O_RDWR, os.O_RDWR | os.O_EXCL, os.O_RDONLY]))
            try:
                with self.failing():
                    data = os.pread(fd, 65536, 0)
                    if self.rng.random() < 0.5:
                        os.pwrite(fd, b"\1" * 65536, 0)
                        os.fsync(fd)
            finally:
                os.close(fd)
            if data.strip(b"\0\1"):
                raise Failure(f"{node} has what nobody wrote: {data.strip(bytes([0, 1]))[:32]}")

        self.attempt("disks used", function, *RACES, "ENOSPC", "EBADF", "EROFS", "EFAULT")

    def map(self):
        node = f"/dev/{self.rng.choice(self.names)}"
        try:
            number = lower.number(node)
        except OSError:
            return
        size = self.rng.choice([2, 4, 32, 64, 256, 3, 0, 300])
        words = f"{number} packet_size={size}K packet_buffers={self.rng.randint(2, 9)}"
        if self.write("packet add", f"{PKT}/add", words) and number not in self.numbers():
            # The disk was gone by then, and another has its number.
            until(LONG, lambda: put(f"{PKT}/remove", number) or True, f"{number} to be unmapped")

    def mapped(self):
        """What is mapped by this process and its like: (packet device, its number, lower number)."""
        ours = set()
        for name in self.names:
            try:
                ours.add(lower.number(f"/dev/{name}"))
            except OSError:
                pass
        lines = [line.split() for line in get(f"{PKT}/device_map").splitlines()]
        return [line for line in lines if len(line) == 3 and line[2] in ours]

    def unmap(self):
        found = self.mapped()
        if found:
            self.write("packet remove", f"{PKT}/remove", self.rng.choice(self.rng.choice(found)[1:]))

    def tune(self):
        found = self.mapped()
        if not found:
            return
        name = self.rng.choice(found)[0]
        file = self.rng.choice(["packet_wait_us", "packet_buffers", "write_queue/congestion_on", "stat/reset"])
        self.write("packet settings", f"{PKT}/{name}/{file}", self.rng.randint(2, 64))

    def wrong(self):
        rng = self.rng
        text = rng.choice(
            [
                "", "size=0", "size=4096 size=4096", "size=1Z", "size=99999999999999999999", "size=4097",
                "size=4096 block_size=3", f"size=4096 name={'x' * 33}", "size=4096 name=../x", "=", "\0",
                "8:", "8:0:0", "300:300", "a:b", "1:2 packet_size=1", "1:2 offset=-1", "x" * 4000,
            ]
        )
        where = rng.choice([f"{RAM}/add", f"{RAM}/remove", f"{PKT}/add", f"{PKT}/remove"])
        if self.write("wrong text", where, text, "ERANGE", "EFBIG", "EOPNOTSUPP"):
            raise Failure(f"{where} takes {text!r}")

    @classmethod
    def clean_up(cls):
        """What such processes have left, when they have ended."""
        for _, packet, low in [line.split() for line in get(f"{PKT}/device_map").splitlines()]:
            if low in cls.numbers():
                until(LONG, lambda p=packet: put(f"{PKT}/remove", p) or True, f"{packet} to be closed")
        for line in get(f"{RAM}/device_map").splitlines():
            name = line.split()[0]
            if name in cls.names:
                until(
                    LONG,
                    lambda n=name: put(f"{RAM}/remove", n) or True,
                    f"{name} to be closed",
                    f"/dev/{name}",
                )

    @classmethod
    def numbers(cls):
        lines = [line.split() for line in get(f"{RAM}/device_map").splitlines()]
        return {number for name, number, _ in lines if name in cls.names}


class Loader(Actor):
    """The module comes and goes, with all sorts of parameters, under those who use it."""

    def act(self):
        while not self.over():
            self.pause(0.5)
            self.unload()
            if not os.path.exists("/sys/module/rblk"):
                self.load()
        if not os.path.exists("/sys/module/rblk"):
            run("modprobe", "rblk")
        # What it made by itself when it was loaded last; visitors may still look at it.
        for line in get(f"{RAM}/device_map").splitlines():
            name = line.split()[0]
            if name.startswith("rram"):
                until(
                    LONG,
                    lambda name=name: put(f"{RAM}/remove", name) or True,
                    f"removing {name}",
                )

    def covered(self):
        return self.done["module unloaded"] and self.done["module loaded"] and self.done["module refused"]

    def unload(self):
        """It goes, or somebody uses it."""
        try:
            run("rmmod", "rblk")
        except OSError as error:
            # Before, or while it is asked.
            if "is in use" not in str(error) and "temporarily unavailable" not in str(error):
                raise Failure(f"module unloaded: {error}") from error
            self.done["module in use"] += 1
            return
        self.done["module unloaded"] += 1

    def load(self):
        rng = self.rng
        buffers = rng.randint(0, 70)
        fine, words = rng.choice(
            [
                (True, []),
                (True, [f"ram_nr={rng.randint(0, 8)}", f"ram_size={rng.randint(4, 4096)}"]),
                (2 <= buffers <= 64, [f"pktcdvd_buffers={buffers}"]),
                (True, [f"nbd_nbds_max={rng.randint(0, 40)}", f"nbd_max_part={rng.randint(0, 40)}"]),
                (False, ["ram_nr=1", "ram_size=-1"]),
                (False, ["nbd_max_request_bytes=1"]),
            ]
        )
        try:
            run("modprobe", "rblk", *words)
        except OSError as error:
            if fine or "Invalid argument" not in str(error):
                raise Failure(f"module loaded with {words}: {error}") from error
            self.done["module refused"] += 1
            run("modprobe", "rblk")
        else:
            if not fine:
                raise Failure(f"the module takes {words}")
        self.done["module loaded"] += 1


class Visitor(Actor):
    """Opens, reads and tries to use whatever is there, while it comes and goes."""

    def act(self):
        churn = Churn(self.setting, self.name)
        churn.rng, churn.done, churn.end = self.rng, self.done, self.end
        steps = [self.open_all, self.read_all, churn.add, churn.add, churn.remove, churn.map, churn.unmap]
        while not self.over():
            try:
                self.rng.choice(steps)()
            except OSError:
                # The directory is gone with the module.
                time.sleep(0.01)

    def covered(self):
        return self.done["nodes opened"]

    def open_all(self):
        nodes = glob.glob("/dev/rram*") + glob.glob("/dev/churn*") + glob.glob("/dev/pktcdvd/*")
        for node in [*nodes, "/dev/nbd0"]:

            def function(path=node):
                fd = os.open(path, self.rng.choice([os.O_RDONLY, os.O_RDWR]) | os.O_NONBLOCK)
                try:
                    os.read(fd, 4096)
                finally:
                    os.close(fd)

            self.attempt("nodes opened", function, *RACES, "EROFS", "EACCES")

    def read_all(self):
        for top in (RAM, PKT, "/sys/kernel/debug/pktcdvd", "/sys/kernel/debug/nbd", "/sys/module/rblk/parameters"):
            for directory, _, files in os.walk(top):
                for file in files:
                    self.attempt(
                        "files read",
                        lambda d=directory, f=file: get(f"{d}/{f}"),
                        *RACES, "EACCES", "EOPNOTSUPP", "EPERM",
                    )
