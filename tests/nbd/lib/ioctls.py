# SPDX-License-Identifier: GPL-2.0
"""The ioctls of /dev/nbdN, and what blktests' nbd/001 to 004 look for."""

import ctypes
import random
import struct

from nbd import *
from genl import FLAG_MULTI, Genl, attach, negotiate

MIB = 1 << 20
SET_SOCK, SET_BLKSIZE, SET_SIZE, DO_IT, CLEAR_SOCK, CLEAR_QUE, PRINT_DEBUG, SET_SIZE_BLOCKS, \
    DISCONNECT, SET_TIMEOUT, SET_FLAGS = range(0xAB00, 0xAB0B)
BLKRRPART = 0x125F
libc = ctypes.CDLL(None, use_errno=True)


def ioctl(fd, number, argument=0):
    """Without Python's idea of how large an argument may be."""
    if libc.ioctl(fd, ctypes.c_ulong(number), ctypes.c_ulong(argument & (2**64 - 1))) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def opened(device):
    fd = os.open(device.node, os.O_RDWR)
    try:
        yield fd
    finally:
        os.close(fd)


def set_up(fd, links=1, size=64 * MIB, block=512, timeout=0, flags=None):
    """What nbd-client does before DO_IT, in its order."""
    ioctl(fd, SET_BLKSIZE, block)
    ioctl(fd, SET_SIZE_BLOCKS, size // block)
    ioctl(fd, CLEAR_SOCK)
    found = [negotiate(server.address) for _ in range(links)]
    ioctl(fd, SET_FLAGS, found[0][2] if flags is None else flags)
    if timeout:
        ioctl(fd, SET_TIMEOUT, timeout)
    for sock, _, _ in found:
        ioctl(fd, SET_SOCK, sock.fileno())
        sock.close()


def do_it(fd):
    """DO_IT in a thread, when the device is connected."""
    thread = Background(outcome, ioctl, fd, DO_IT)
    expect(wait_for(lambda: (dev.read("pid") and dev.size) or not thread.is_alive()))
    expect(thread.is_alive(), f"DO_IT returned {thread.result}")
    return thread


def values():
    with opened(dev) as fd:
        for value in (1, 3, 256, 513, 1 << 20, 1 << 31, 1 << 40, -1):
            ktap.equal(f"blocks of {value} bytes are refused", "EINVAL",
                       outcome(ioctl, fd, SET_BLKSIZE, value))
        ktap.equal("blocks of 0 bytes are the default", "EINVAL" if STOCK else "ok",
                   outcome(ioctl, fd, SET_BLKSIZE, 0))
        for value in (512, 1024, 2048, 4096):
            ktap.equal(f"blocks of {value} bytes are not", "ok",
                       outcome(ioctl, fd, SET_BLKSIZE, value))
        ktap.equal("size -1", "EINVAL", outcome(ioctl, fd, SET_SIZE, -1))
        ktap.equal("size 2^63", "EINVAL", outcome(ioctl, fd, SET_SIZE, 1 << 63))
        ktap.equal("more blocks than bytes can be", "EINVAL",
                   outcome(ioctl, fd, SET_SIZE_BLOCKS, 1 << 60))
        ktap.equal("-1 blocks", "EINVAL", outcome(ioctl, fd, SET_SIZE_BLOCKS, -1))
        ktap.equal("DO_IT without a socket", "EINVAL", outcome(ioctl, fd, DO_IT))
        ktap.equal("DISCONNECT without a socket", "EINVAL" if STOCK else "ok",
                   outcome(ioctl, fd, DISCONNECT))
        for number, name in ((CLEAR_SOCK, "CLEAR_SOCK"), (CLEAR_QUE, "CLEAR_QUE"),
                             (PRINT_DEBUG, "PRINT_DEBUG")):
            ktap.equal(f"{name} at any time", "ok", outcome(ioctl, fd, number))
        for number in (0xAB0B, 0xAB7F, 0xABFF):
            ktap.equal(f"no ioctl {number:#x}", "ENOTTY", outcome(ioctl, fd, number))
        for number in (0x1234, 0xAC00, 0x80081272 ^ 0x5500):
            ktap.equal(f"nor {number:#x}", "EINVAL", outcome(ioctl, fd, number))
        for value, wanted in ((0, "ok"), (1, "ok"), (1 << 31, "ok"), (1 << 32, "EINVAL"),
                              (-1, "EINVAL")):
            ktap.equal(f"a timeout of {value} s", "ok" if STOCK else wanted,
                       outcome(ioctl, fd, SET_TIMEOUT, value))
        ioctl(fd, SET_TIMEOUT, 0)
    dev.becomes_unused()


def sockets_of_all_kinds():
    things = {
        "a file": open("/proc/self/maps"),
        "a UDP socket": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "a unix datagram socket": socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0],
        "a netlink socket": socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16),
    }
    with opened(dev) as fd:
        for title, thing in things.items():
            ktap.check(f"SET_SOCK refuses {title}",
                       outcome(ioctl, fd, SET_SOCK, thing.fileno()) in ("EINVAL", "ENOTSOCK"))
            thing.close()
        for value in (900, -1, 1 << 31):
            ktap.check(f"SET_SOCK refuses descriptor {value}",
                       outcome(ioctl, fd, SET_SOCK, value) in ("EBADF", "EINVAL", "ENOTSOCK"))
    dev.becomes_unused()


def as_nobody(fd):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresuid(65534, 65534, 65534)
        got = {outcome(ioctl, fd, number) for number in range(SET_SOCK, SET_FLAGS + 1)}
        os.write(writer, " ".join(sorted(got)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    got = os.read(reader, 200).decode()
    os.close(reader)
    os.close(writer)
    return got


def in_child(function):
    """What a function returns in another process, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(function()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    got = os.read(reader, 200).decode()
    os.close(reader)
    os.close(writer)
    return got


def life():
    with opened(dev) as fd:
        set_up(fd, timeout=20)
        ktap.equal("nothing can be seen before DO_IT", (None, 0), (dev.read("pid"), dev.size))
        sock = negotiate(server.address)[0]
        ktap.equal("another task may not add sockets", "EBUSY", in_child(
            lambda: outcome(ioctl, fd, SET_SOCK, sock.fileno())))
        sock.close()
        ktap.equal("netlink finds it busy", "EBUSY", outcome(attach, nl, 0, server.address))
        thread = do_it(fd)
        ktap.check("pid is who waits", dev.read("pid") in (
            str(os.getpid()), str(thread.native_id)), dev.read("pid"))
        ktap.check("size and flags have survived CLEAR_SOCK", wait_for(
            lambda: dev.size == 64 * MIB), dev.size)
        ktap.equal("a second DO_IT", "EBUSY", in_child(lambda: outcome(ioctl, fd, DO_IT)))
        ktap.equal("no backend", None, dev.read("backend"))
        ktap.equal("the timeout is that of the queue", "20000", dev.read("queue/io_timeout"))
        ktap.equal("another one takes its place", ("ok", "7000"), (
            outcome(ioctl, fd, SET_TIMEOUT, 7), dev.read("queue/io_timeout")))
        with ktap.case("it writes and reads"):
            dev.io(write=True, offset=8192, fill=b"ioctl123")
            expect(dev.io(offset=8192) == b"ioctl123" * 512)
        with ktap.case("another process changes the size while I/O is under way"):
            load = Load(dev, threads=2)
            for size in (16, 32, 64) * 3:
                expect(in_child(lambda: outcome(ioctl, fd, SET_SIZE, size * MIB)) == "ok")
                expect(wait_for(lambda: dev.size == size * MIB), dev.size)
            load.stop()
        ktap.equal("and nobody may", "EPERM", as_nobody(fd))
        for number in (CLEAR_QUE, PRINT_DEBUG):
            ktap.equal(f"{number:#x} changes nothing", "ok", outcome(ioctl, fd, number))
        expect(dev.io() is not None)
        ktap.equal("DISCONNECT", "ok", outcome(ioctl, fd, DISCONNECT))
        ktap.equal("has DO_IT return without an error", "ok", thread.wait())
        ktap.equal("CLEAR_SOCK", "ok", outcome(ioctl, fd, CLEAR_SOCK))
    with ktap.case("leaves nothing"):
        dev.becomes_unused()
    with opened(dev) as fd:
        set_up(fd)
        thread = do_it(fd)
        ktap.equal("netlink disconnects it, too", "ok", outcome(nl.disconnect, 0))
        ktap.equal("and DO_IT returns without an error", "ok", thread.wait())
        ioctl(fd, CLEAR_SOCK)
    dev.becomes_unused()


def ends():
    """How DO_IT returns."""
    with opened(dev) as fd:
        set_up(fd)
        thread = do_it(fd)
        server.tell("drop")
        wanted = ("ok",) if STOCK else ("EPIPE", "ECONNRESET")
        got = thread.wait()
        ktap.check(f"when the server goes: {wanted}", got in wanted, got)
        ioctl(fd, CLEAR_SOCK)
    dev.becomes_unused()
    with opened(dev) as fd:
        set_up(fd, timeout=1)
        server.tell("fault never,cmd=read,times=0")
        thread = do_it(fd)
        got = Background(outcome, dev.io).wait(20)
        ktap.check("a read that times out fails", got == "EIO" or STOCK, got)
        if STOCK:
            ktap.skip("and then so does DO_IT", "7.2 goes on for long")
        else:
            ktap.equal("and then so does DO_IT", "ETIMEDOUT", thread.wait())
        server.tell("fault none")
        ioctl(fd, CLEAR_SOCK)
        thread.wait()
    dev.becomes_unused()
    with opened(dev) as fd:
        set_up(fd, links=2, flags=1)
        ktap.equal("two sockets without multi-conn", "EINVAL", outcome(ioctl, fd, DO_IT))
        ioctl(fd, CLEAR_SOCK)
    dev.becomes_unused()
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        child = client_in_do_it()
        with ktap.case(f"a client that is killed by {signal_number.name} leaves nothing"):
            expect(wait_for(lambda: dev.read("pid") and dev.size))
            dev.io()
            since = mark()
            os.kill(child, signal_number)
            os.waitpid(child, 0)
            dev.becomes_unused()
            expect(log_lines(rf"nbd{dev.index}: a signal to .*/{child} ends", since), "a log line")
    job_control()
    with ktap.case("a client that goes before DO_IT leaves nothing"):
        in_child(lambda: set_up(os.open(dev.node, os.O_RDWR), links=2))
        dev.becomes_unused()
        attach(nl, 0, server.address)
        dev.io()
        nl.disconnect(0)
        dev.becomes_unused()


def client_in_do_it():
    """A process of its own that waits for the end of a session."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        fd = os.open(dev.node, os.O_RDWR)
        set_up(fd)
        ioctl(fd, DO_IT)
        os._exit(0)
    return child


def job_control():
    """What stops a client for a while ends nothing: a shell, an init system, a tracer, sleep."""
    child = client_in_do_it()
    with ktap.case("a client that is stopped and goes on serves all the time"):
        expect(wait_for(lambda: dev.read("pid") and dev.size))
        for signal_number in (signal.SIGSTOP, signal.SIGTSTP):
            os.kill(child, signal_number)
            dev.io(write=True)
            os.kill(child, signal.SIGCONT)
            dev.io()
        expect(dev.read("pid") == str(child))
    with ktap.case("one that is frozen goes on, too"):
        delay = pathlib.Path("/sys/module/suspend/parameters/pm_test_delay")
        usual = delay.read_text()
        delay.write_text("0")
        with open("/sys/power/pm_test", "w") as file:
            file.write("freezer")
        with open("/sys/power/state", "w") as file:
            file.write("freeze")
        delay.write_text(usual)
        dev.io(write=True)
        expect(dev.read("pid") == str(child))
    with ktap.case("a signal that ends it does so while it is to stop, too"):
        os.kill(child, signal.SIGSTOP)
        dev.io()
        os.kill(child, signal.SIGTERM)
        os.kill(child, signal.SIGCONT)
        os.waitpid(child, 0)
        dev.becomes_unused()


def on_netlink():
    """The device is connected over netlink."""
    attach(nl, 0, server.address)
    with opened(dev) as fd:
        for number in (SET_SOCK, SET_BLKSIZE, SET_SIZE, DO_IT, SET_SIZE_BLOCKS, SET_TIMEOUT,
                       SET_FLAGS, CLEAR_QUE, PRINT_DEBUG):
            got = outcome(ioctl, fd, number, 512)
            ktap.equal(f"{number:#x} of a device that netlink has", "EINVAL", got)
        ktap.equal("it is as it was", 64 * MIB, dev.size)
        ktap.equal("CLEAR_SOCK ends it", "ok", outcome(ioctl, fd, CLEAR_SOCK))
    dev.becomes_unused()
    attach(nl, 0, server.address)
    with opened(dev) as fd:
        ktap.equal("and so does DISCONNECT", "ok", outcome(ioctl, fd, DISCONNECT))
    nl.disconnect(0)
    dev.becomes_unused()


def partition_table():
    """An MBR with a partition of 1 MiB at 1 MiB, and one of 2 MiB at 4 MiB."""
    entry = lambda start, count: struct.pack("<B3sB3sII", 0, b"\0" * 3, 0x83, b"\0" * 3, start,
                                             count)
    return bytes(446) + entry(2048, 2048) + entry(8192, 4096) + bytes(32) + b"\x55\xaa"


def partitions():
    attach(nl, 0, server.address)
    with open(dev.node, "r+b", buffering=0) as f:
        f.write(partition_table().ljust(4096, b"\0"))
        os.fsync(f.fileno())
    nl.disconnect(0)
    dev.becomes_unused()

    def there():
        os.close(os.open(dev.node, os.O_RDONLY))
        return (dev.sys / "nbd0p1").exists() and (dev.sys / "nbd0p2").exists()

    def gone():
        os.close(os.open(dev.node, os.O_RDONLY))
        return not (dev.sys / "nbd0p1").exists() and not (dev.sys / "nbd0p2").exists()

    for _ in range(3):
        with ktap.case("partitions come and go with netlink"):
            attach(nl, 0, server.address)
            expect(wait_for(there), "they do not come")
            expect((dev.sys / "nbd0p2/size").read_text() == "4096\n")
            expect(os.path.exists("/dev/nbd0p1"))
            nl.disconnect(0)
            expect(wait_for(gone), "they do not go")
            expect(wait_for(lambda: not (dev.debug / "tasks").exists()), "tasks stays")
            dev.becomes_unused()
        with ktap.case("partitions come and go with ioctls"):
            fd = os.open(dev.node, os.O_RDWR)
            set_up(fd)
            thread = do_it(fd)
            expect(wait_for(there), "they do not come")
            ioctl(fd, BLKRRPART)
            ioctl(fd, DISCONNECT)
            thread.wait()
            ioctl(fd, CLEAR_SOCK)
            os.close(fd)
            expect(wait_for(gone), "they do not go")
            dev.becomes_unused()


def outage():
    """Partitions while there is no connection: they stay, and whoever opens the disk need not wait."""
    def look():
        os.close(os.open(dev.node, os.O_RDONLY))
        return (dev.sys / "nbd0p1").exists() and (dev.sys / "nbd0p2").exists()

    def search():
        """What udev does when somebody has closed the disk who could write."""
        with open(dev.node, "rb", buffering=0) as file:
            return outcome(ioctl, file.fileno(), BLKRRPART)

    def blkid():
        return subprocess.run(["blkid", "-p", "-o", "export", dev.node], capture_output=True,
                              text=True, check=False).stdout.splitlines()

    def reconnect(place=None):
        sock = negotiate(server.address)[0]
        nl.reconfigure(0, fds=[sock.fileno() if place is None else (sock.fileno(), place)])
        sock.close()

    def lose(dead):
        attach(nl, 0, server.address, dead=dead)
        yield
        server.tell("drop")
        dev.loses()

    dead = 60 * PATIENCE
    for title, looked, wanted, place in (
            ("partitions stay while there is no connection", True, True, None),
            ("nobody looks for any meanwhile", False, False, None),
            ("nor if the new connection is to have that very place", False, False, 0)):
        steps = lose(dead)
        next(steps)
        if looked:
            expect(wait_for(look), "there are none")
        next(steps, None)
        with ktap.case(title):
            expect(Background(look).wait(10) == wanted, f"not {wanted}")
        if looked:
            with ktap.case("also when a search for them is asked for, which does not wait"):
                got = Background(search).wait(10)
                expect(got == "ok" and look(), got)
            probe = Background(blkid)
        reconnect(place)
        if looked:
            with ktap.case("who reads the disk meanwhile gets what is there, when it is"):
                got = probe.wait(20)
                expect("PTTYPE=dos" in got, got)
        with ktap.case("and they are there when there is one again"):
            expect(wait_for(look), "there are none")
            dev.io()
        nl.disconnect(0)
        wait_for(lambda: not look())
        dev.becomes_unused()
    steps = lose(1)
    next(steps)
    expect(wait_for(look), "there are none")
    next(steps, None)
    with ktap.case("when the time is over, they go"):
        expect(wait_for(lambda: outcome(dev.io) == "EIO"), "it still waits")
        expect(wait_for(lambda: not look()), "they stay")
    with ktap.case("and a new connection brings them back"):
        reconnect()
        expect(wait_for(look), "there are none")
    nl.disconnect(0)
    wait_for(lambda: not look())
    dev.becomes_unused()


def busy_when_begun():
    """What somebody has begun to set up is not for others."""
    with opened(dev) as fd:
        ioctl(fd, SET_BLKSIZE, 4096)
        ktap.equal("netlink does not take a device that is being set up", "EBUSY",
                   outcome(attach, nl, 0, server.address))
        with ktap.case("but finds another one"):
            found = attach(nl, None, server.address)
            expect(found != 0, "it is that one")
            nl.disconnect(found)
    with ktap.case("it is free when it is closed"):
        dev.becomes_unused()
        attach(nl, 0, server.address)
        nl.disconnect(0)
        dev.becomes_unused()


def told():
    """Whichever way a connection ends in good order, the server is told."""
    def sender():
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/comm").read_text() == f"{dev.name}-tx0\n":
                    return int(pid)
        raise RuntimeError("there is no sender")

    def at_once(*numbers):
        """Some ioctls, between which the sender runs only if they let it."""
        os.sched_setaffinity(sender(), {0})
        fd = os.open(dev.node, os.O_RDWR)
        os.sched_setaffinity(0, {0})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        for number in numbers:
            ioctl(fd, number)
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def is_told(title):
        """The server may not have read it yet."""
        ktap.check(title, wait_for(lambda: server.stats()["disc"] == 1), server.stats())

    for title, numbers in (("DISCONNECT and CLEAR_SOCK", (DISCONNECT, CLEAR_SOCK)),
                           ("CLEAR_SOCK", (CLEAR_SOCK,))):
        with opened(dev) as fd:
            set_up(fd)
            thread = do_it(fd)
            server.tell("reset")
            in_child(lambda: at_once(*numbers))
            thread.wait()
        is_told(f"the server is told, with {title}")
        dev.becomes_unused()
    attach(nl, 0, server.address)
    server.tell("reset")
    in_child(lambda: at_once(CLEAR_SOCK))
    dev.becomes_unused()
    is_told("and with CLEAR_SOCK of what netlink has connected")
    child = client_in_do_it()
    expect(wait_for(lambda: dev.read("pid") and dev.size))
    server.tell("reset")
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    dev.becomes_unused()
    is_told("and when a signal ends its client")


def mount_and_clear():
    """A mount of a device whose sockets are cleared: after that, and at the same time."""
    where = SCRATCH / "mnt"
    where.mkdir()
    attach(nl, 0, server.address)
    subprocess.run(["mkfs.ext4", "-q", "-F", dev.node, "32M"], check=True)

    def mount():
        return libc.mount(dev.node.encode(), str(where).encode(), b"ext4", 0, None) == 0

    def write():
        with open(where / "file", "a", encoding="ascii") as f:
            f.write(f"{time.monotonic_ns()}\n" * 1000)

    expect(mount())
    with opened(dev) as fd:
        ioctl(fd, CLEAR_SOCK)
        size = dev.size
    ktap.equal("a disk that is mounted keeps its size", 64 * MIB, size)
    libc.umount2(str(where).encode(), 0)
    with ktap.case("and loses it afterwards"):
        dev.becomes_unused()
    mounted = 0

    def mount_and_write():
        if not mount():
            return 0
        with contextlib.suppress(OSError):
            write()
        libc.umount2(str(where).encode(), 0)
        return 1

    with ktap.case("mounts race with CLEAR_SOCK"):
        for _ in range(10 if DEBUG else 60):
            # It is busy until the file system has let go of it.
            retry(attach, nl, 0, server.address, meanwhile=("EBUSY",))
            fd = os.open(dev.node, os.O_RDWR)
            thread = Background(mount_and_write)
            time.sleep(random.random() * 0.3)
            ioctl(fd, CLEAR_SOCK)
            os.close(fd)
            mounted += thread.wait(30)
        dev.becomes_unused()
    print(f"# {mounted} mounts were in time", flush=True)
    with ktap.case("the file system is whole"):
        attach(nl, 0, server.address)
        # The journal is for what was cut off; nothing else may need any repair.
        for options in (["-E", "journal_only", "-p"], ["-fn"]):
            done = subprocess.run(["e2fsck", *options, dev.node], capture_output=True, text=True)
            expect(done.returncode == 0, f"{options}: {done}")
        nl.disconnect(0)
        dev.becomes_unused()


def module_comes_and_goes():
    """Devices are connected while nbd.ko is unloaded and loaded; asking for the family loads it."""
    titles = ("the module goes and comes while devices are connected",
              "and a device connects after that")
    if STOCK:
        for title in titles:
            ktap.skip(title, "what loads it by the family's name takes ours")
        return
    subprocess.run(["rmmod", "rblk"], check=True)
    going = True
    met = set()

    def connecting():
        """Connections of one device; what else comes of it is in `met`."""
        count = 0
        while going:
            try:
                genl_socket = Genl()
                index = attach(genl_socket, 1, server.address)
                genl_socket.disconnect(index)
                count += 1
            except OSError as error:
                met.add(errno.errorcode[error.errno])
        return count

    threads = [Background(connecting) for _ in range(2)]
    unloaded = 0

    def unload():
        nonlocal unloaded
        if libc.delete_module(b"nbd", os.O_NONBLOCK) == 0:
            unloaded += 1
            subprocess.run(["modprobe", "nbd"], check=True)
        return unloaded >= 3

    with ktap.case(titles[0]):
        try:
            expect(wait_for(unload, 60), f"it could be unloaded {unloaded} times")
        finally:
            going = False
            count = sum(thread.wait(30) for thread in threads)
        print(f"# {count} connections, and {sorted(met)}", flush=True)
        # The family is gone, or the module about to go; or the device is not there yet, or the other
        # thread has it.
        expect(met <= {"ENOENT", "ENODEV", "EINVAL", "EBUSY"}, met)
    with ktap.case(titles[1]):
        subprocess.run(["modprobe", "nbd"], check=True)
        attach(Genl(), 0, server.address)
        dev.io()
        Genl().disconnect(0)
        dev.becomes_unused()
    subprocess.run(["rmmod", "nbd"], check=True)


random.seed(int(os.environ.get("RBLK_SEED") or 1))
ktap = Ktap(91 + 1 + 2 + 2 + (0 if STOCK else 10 + 3 + 4))
load_driver()
nl = Genl()
dev = Device(0)
server = Server()
with opened(dev) as nobody:
    ktap.equal("who may not gets EPERM", "EPERM", as_nobody(nobody))
ours = () if STOCK else (outage, busy_when_begun, told)
for part in (values, sockets_of_all_kinds, life, ends, on_netlink, partitions, *ours,
             mount_and_clear, module_comes_and_goes):
    part()
ktap.equal("the server has nothing to complain about", [], server.stats()["violation"])
server.stop()
ktap.finish()
