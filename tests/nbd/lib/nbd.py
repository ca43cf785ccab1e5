# SPDX-License-Identifier: GPL-2.0
"""What the tests in Python share: KTAP, the driver, servers, devices."""

import atexit
import contextlib
import errno
import mmap
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import genl

TOP = pathlib.Path(__file__).resolve().parents[3]
SERVER = TOP / "target/release/rblk-nbd-server"
SCRATCH = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("RBLK_SCRATCH")))
atexit.register(shutil.rmtree, SCRATCH, True)

# The in-kernel driver, to compare with: RBLK_NBD_DRIVER=stock.
STOCK = os.environ.get("RBLK_NBD_DRIVER") == "stock"
DEBUG = os.path.exists("/sys/kernel/debug/kmemleak")
# By how much all waits are longer, as in ktap.sh: for a slow kernel, and a machine with other work.
PATIENCE = int(os.environ.get("RBLK_PATIENCE") or (3 if DEBUG else 1))


class Ktap:
    """Results, counted and printed."""

    def __init__(self, planned):
        self.planned = planned
        self.passed = self.failed = self.skipped = 0
        print(f"TAP version 13\n1..{planned}", flush=True)

    @property
    def number(self):
        return self.passed + self.failed + self.skipped

    def check(self, title, good, detail=""):
        """A result that is known already."""
        if good:
            self.passed += 1
            print(f"ok {self.number} {title}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {self.number} {title}")
            for line in str(detail).splitlines()[-30:]:
                print(f"#   {line}")
            sys.stdout.flush()
        return good

    def equal(self, title, wanted, got):
        return self.check(title, wanted == got, f"wanted: {wanted}\ngot:    {got}")

    def skip(self, title, reason):
        self.skipped += 1
        print(f"ok {self.number} {title} # SKIP {reason}", flush=True)

    @contextlib.contextmanager
    def case(self, title):
        """Passes unless its body raises."""
        begin = time.monotonic()
        try:
            yield
        except Exception:
            self.check(title, False, traceback.format_exc())
        else:
            self.check(title, True)
        seconds = time.monotonic() - begin
        if seconds > 3:
            print(f"# that took {seconds:.1f} s", flush=True)

    def finish(self):
        print(f"# Totals: pass:{self.passed} fail:{self.failed} skip:{self.skipped}")
        if self.number != self.planned:
            print(f"Bail out! {self.number} results, {self.planned} planned")
            sys.exit(1)
        sys.exit(1 if self.failed else 0)


def expect(condition, what="not as expected"):
    """For bodies of Ktap.case."""
    if not condition:
        raise AssertionError(what)


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


def outcome(function, *arguments, **more):
    """The name of the errno it fails with, or "ok"."""
    try:
        function(*arguments, **more)
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]


def takes_less(seconds, attempt, tries=8):
    """Whether one of some attempts does, which say how long they took: none does, if something waits
    for that long; but on a machine with other work, any one may be late."""
    for _ in range(tries):
        took = attempt()
        if took < seconds:
            return True
        print(f"# that took {took:.1f} s, not less than {seconds}", flush=True)
    return False


def retry(function, *arguments, meanwhile, seconds=20.0, **more):
    """Until it does not fail any more; with none but the errnos `meanwhile`."""
    def done():
        got = outcome(function, *arguments, **more)
        expect(got == "ok" or got in meanwhile, f"{got}, not {meanwhile}")
        return got == "ok"

    expect(wait_for(done, seconds), f"it does not end: {meanwhile}")


def load_driver():
    """The driver under test is loaded, the other one is not."""
    shell = TOP / "tests/nbd/lib/driver.sh"
    subprocess.run([shell, "load"], check=True)
    atexit.register(subprocess.run, [shell, "unload"])


def export_bytes(address, offset=0, length=4096):
    """What a server has there, without the driver."""
    sock = genl.negotiate(address)[0]
    with sock:
        sock.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 0, 1, offset, length))
        head = struct.unpack(">IIQ", genl.receive_exactly(sock, 16))
        expect(head == (0x67446698, 0, 1), head)
        data = genl.receive_exactly(sock, length)
        sock.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 2, 2, 0, 0))
    return data


class Server:
    """Ours, listening on a unix socket, or on TCP too."""

    def __init__(self, *arguments, tcp=None):
        name = tempfile.mktemp(dir=SCRATCH)
        self.path = name + ".s"
        self.address = "unix:" + self.path
        self.control_path = name + ".c"
        command = [SERVER, "serve", "--listen", self.address, "--control", self.control_path]
        if tcp:
            command += ["--listen", f"tcp:127.0.0.1:{tcp}"]
        self.process = subprocess.Popen(command + list(arguments))
        atexit.register(self.stop)
        # The path is there a moment before anybody listens.
        if not wait_for(lambda: outcome(self.tell, "stats") == "ok"):
            raise RuntimeError("the server does not come up")

    def tell(self, text):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.control_path)
            sock.sendall(text.encode() + b"\n")
            answer = b""
            while more := sock.recv(65536):
                answer += more
        first, _, rest = answer.decode().partition("\n")
        if first != "ok":
            raise RuntimeError(first)
        return rest

    def stats(self):
        found = {"violation": []}
        for line in self.tell("stats").splitlines():
            if line.startswith("violation:"):
                found["violation"].append(line)
            else:
                name, number = line.split()
                found[name] = int(number)
        return found

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


class Device:
    """nbdN."""

    def __init__(self, index):
        self.index = index
        self.name = f"nbd{index}"
        self.node = f"/dev/{self.name}"
        self.sys = pathlib.Path("/sys/block") / self.name
        self.debug = pathlib.Path("/sys/kernel/debug/nbd") / self.name

    def read(self, attribute):
        """The text of a file in sysfs; None if there is none."""
        try:
            return (self.sys / attribute).read_text().rstrip("\n")
        except FileNotFoundError:
            return None

    def write(self, attribute, text):
        fd = os.open(self.sys / attribute, os.O_WRONLY)
        try:
            os.write(fd, f"{text}\n".encode())
        finally:
            os.close(fd)

    @property
    def size(self):
        return int(self.read("size") or 0) * 512

    def unused(self):
        """Why it does not look like a device that was never connected, or None."""
        if self.read("pid") is not None:
            return "there is pid"
        if self.read("backend") is not None:
            return "there is backend"
        if self.size:
            return f"the size is {self.size}"
        if (self.debug / "tasks").exists():
            return "there is tasks in debugfs"
        return None

    def table(self, name):
        """A file in debugfs, as words of lines."""
        return [line.split() for line in (self.debug / name).read_text().splitlines()]

    def links(self):
        """What sysfs tells of each connection, by what the columns are."""
        names = ("index state in-flight requests errors bytes-sent bytes-received losses "
                 "replacements quiet-ms").split()
        number = lambda text: int(text) if text.isdecimal() else text
        lines = (self.sys / "links").read_text().splitlines(keepends=True)
        expect({len(line) for line in lines} <= {128}, lines)
        rows = [map(number, line.split()) for line in lines]
        links = [dict(zip(names, row, strict=True)) for row in rows]
        expect([link["index"] for link in links] == list(range(len(links))), links)
        return [link | {"alive": link["state"] == "up"} for link in links]

    def loses(self, count=1):
        """Waits until so many connections are lost, and the driver knows."""
        if STOCK:
            time.sleep(0.5)
            return
        lost = lambda: sum(not link["alive"] for link in self.links()) == count
        expect(wait_for(lost), f"not {count} lost: {self.links()}")

    def becomes_unused(self, seconds=10.0):
        wait_for(lambda: self.unused() is None, seconds)
        why = self.unused()
        expect(why is None, why)

    def io(self, write=False, offset=0, length=4096, fill=b"\xa5", direct=True):
        """One read or write; what was read."""
        flags = (os.O_RDWR if write else os.O_RDONLY) | (os.O_DIRECT if direct else 0)
        fd = os.open(self.node, flags)
        try:
            with mmap.mmap(-1, length) as memory:
                if write:
                    memory[:] = fill * (length // len(fill))
                    done = os.pwrite(fd, memory, offset)
                else:
                    done = os.preadv(fd, [memory], offset)
                if done != length:
                    raise OSError(errno.ENODATA, f"short: {done} of {length}")
                return memory[:]
        finally:
            os.close(fd)


class Background(threading.Thread):
    """A function in a thread; `result` is what it returned or the exception."""

    def __init__(self, function, *arguments, **more):
        super().__init__(daemon=True)
        self.call = (function, arguments, more)
        self.result = None
        self.start()

    def run(self):
        function, arguments, more = self.call
        try:
            self.result = function(*arguments, **more)
        except Exception as error:  # for whoever joins
            self.result = error

    def wait(self, seconds=20.0):
        self.join(seconds * PATIENCE)
        if self.is_alive():
            raise TimeoutError("still running")
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Load:
    """Threads that write and read back, each on blocks of its own, until stopped."""

    def __init__(self, device, threads=4, blocks=64, base=0, block=4096):
        self.device, self.blocks, self.block = device, blocks, block
        self.going = True
        self.count = 0
        self.threads = [Background(self.work, base + i * blocks * block) for i in range(threads)]

    def work(self, base):
        fd = os.open(self.device.node, os.O_RDWR | os.O_DIRECT)
        count = 0
        try:
            with mmap.mmap(-1, self.block) as out, mmap.mmap(-1, self.block) as back:
                while self.going:
                    offset = base + count % self.blocks * self.block
                    # Every word names the round and the place.
                    out[:] = (count << 32 | offset).to_bytes(8, "little") * (self.block // 8)
                    back[:] = b"\xee" * self.block
                    if os.pwrite(fd, out, offset) != self.block:
                        raise OSError(errno.EIO, "short write")
                    if os.preadv(fd, [back], offset) != self.block:
                        raise OSError(errno.EIO, "short read")
                    if out[:] != back[:]:
                        raise RuntimeError(self.difference(out[:], back[:]))
                    count += 1
                    self.count += 1
        finally:
            os.close(fd)

    def difference(self, wanted, got):
        """What is wrong, as rounds and places."""
        words = [got[i:i + 8] for i in range(0, len(got), 8)]
        bad = [i for i, word in enumerate(words) if word != wanted[:8]]
        names = {words[i][::-1].hex() for i in bad}
        return f"wanted {wanted[7::-1].hex()}, but {len(bad)} words from {bad[0]} are {names}"

    def stop(self, seconds=30.0):
        """How many rounds went well; raises what any of them met."""
        self.going = False
        for thread in self.threads:
            thread.wait(seconds)
        return self.count


def kernel_log():
    return subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout


def mark():
    """A place in the kernel's log."""
    text = f"nbd-test {time.monotonic_ns()}"
    with open("/dev/kmsg", "w") as log:
        log.write(f"<6>{text}\n")
    return text


def log_lines(pattern, since):
    """Lines that match, of those after a mark."""
    _, found, after = kernel_log().partition(since)
    expect(found, "the log has lost the mark")
    lines = after.splitlines()[1:]
    return [line for line in lines if re.search(pattern, line)]


__all__ = [name for name in dir() if not name.startswith("_")]
__all__ += ["genl"]
