# SPDX-License-Identifier: GPL-2.0
"""The generic netlink family: what it takes, refuses, reports; reconnects and resizes.

Whatever is refused leaves the device as it was: never connected, and ready to be.
"""

import gzip
import struct

from nbd import *
from genl import *  # noqa: F403 the names of attributes

MIB = 1 << 20


def refused(fds):
    """(title, errnos, attributes after INDEX of a CONNECT)."""
    size, good = u64(SIZE, MIB), sockets([fds.good])
    one = lambda fd: size + sockets([fd])
    item = lambda payload: attr(SOCKETS | NESTED, payload)
    yield "no attributes", "EINVAL", b""
    yield "no sockets", "EINVAL", size
    yield "no size", "EINVAL", good
    yield "an empty list of sockets", "EINVAL", size + item(b"")
    yield "an item without a socket", "EINVAL", size + item(attr(1 | NESTED, b""))
    yield "an item that is none", "EINVAL", size + item(attr(2 | NESTED, u32(1, fds.good)))
    yield "a file for a socket", "EINVAL ENOTSOCK", one(fds.file)
    yield "a closed descriptor", "EINVAL EBADF", one(900)
    yield "a descriptor above INT_MAX", "EINVAL EBADF", one(0x80000005)
    yield "a UDP socket", "EINVAL", one(fds.udp)
    yield "a unix datagram socket", "EINVAL", one(fds.datagram)
    yield "a netlink socket", "EINVAL", one(fds.netlink)
    yield "a good and a bad socket", "EINVAL ENOTSOCK", size + sockets([fds.good, fds.file])
    yield "two sockets without multi-conn", "EINVAL", size + sockets([fds.good, fds.second])
    yield "size 2^63", "EINVAL", u64(SIZE, 1 << 63) + good
    yield "size -1", "EINVAL", u64(SIZE, -1) + good
    for block in (3, 256, 513, 1 << 20, 1 << 40, -1):
        yield f"blocks of {block} bytes", "EINVAL", one(fds.good) + u64(BLOCK_SIZE, block)
    yield "a size of four bytes", "EINVAL ERANGE", u32(SIZE, MIB) + good
    yield "a descriptor of two bytes", "EINVAL ERANGE", size + item(
        attr(1 | NESTED, attr(1, b"\3\0")))
    yield "an item longer than its list", "EINVAL", size + item(
        struct.pack("=HH", 60, 1 | NESTED) + u32(1, fds.good))
    yield "a list shorter than a header", "EINVAL ERANGE", size + item(b"\1\0")


class Descriptors:
    """One of each kind."""

    def __init__(self, server):
        self.keep = [
            negotiate(server.address)[0],
            negotiate(server.address)[0],
            open("/proc/self/maps"),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            *socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16),
        ]
        numbers = [f.fileno() for f in self.keep]
        self.good, self.second, self.file, self.udp, self.datagram, _, self.netlink = numbers

    def close(self):
        for f in self.keep:
            f.close()


def cycle(server, index=0, **more):
    """Connects and disconnects once, with a read."""
    attach(nl, index, server.address, **more)
    device = Device(index)
    expect(device.io(length=4096) is not None)
    nl.disconnect(index)
    device.becomes_unused()


def bad_connects():
    fds = Descriptors(server)
    for title, wanted, attributes in refused(fds):
        with ktap.case(f"CONNECT refuses {title}"):
            got = outcome(nl.call, CONNECT, u32(INDEX, 0) + attributes)
            expect(got in wanted.split(), f"{got}, not {wanted}")
            dev.becomes_unused()
    fds.close()
    with ktap.case("and the device connects after all that"):
        cycle(server)


def strange_connects():
    """What each makes of the disk: its sectors and the bytes of its blocks, or an errno."""
    tcp = socket.socket()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    good = lambda: [negotiate(server.address)[0] for _ in range(1)]
    cases = {
        "a TCP socket that is not connected": ("EINVAL", [tcp], u64(SIZE, MIB)),
        "a listening socket": ("EINVAL", [listening], u64(SIZE, MIB)),
        "the same socket twice": ("EBUSY", good() * 2, u64(SIZE, MIB)
                                  + u64(SERVER_FLAGS, FLAG_MULTI)),
        "size 0": ((0, 1024), good(), u64(SIZE, 0)),
        "blocks of 0 bytes": ((2048, 1024), good(), u64(SIZE, MIB) + u64(BLOCK_SIZE, 0)),
        "the largest size": (((1 << 54) - 2, 1024), good(), u64(SIZE, (1 << 63) - 1)),
        "a size of no whole blocks": ((2048, 4096), good(), u64(SIZE, MIB + 700)
                                      + u64(BLOCK_SIZE, 4096)),
    }
    for title, (wanted, socks, attributes) in cases.items():
        with ktap.case(f"CONNECT with {title}: {wanted}"):
            got = outcome(nl.call, CONNECT, u32(INDEX, 0) + u64(TIMEOUT, 2) + attributes
                          + sockets([sock.fileno() for sock in socks]))
            if got == "ok":
                got = dev.size // 512, int(dev.read("queue/logical_block_size"))
                nl.disconnect(0)
            expect(STOCK or got == wanted, got)
            dev.becomes_unused()
            cycle(server)
        for sock in socks:
            sock.close()


def many_sockets():
    links = [negotiate(server.address)[0] for _ in range(200)]
    fds = [sock.fileno() for sock in links] * 5
    with ktap.case("a thousand sockets, " + ("which it takes" if STOCK else "which is too many")):
        got = outcome(nl.connect, 0, MIB, fds, flags=FLAG_MULTI | 1)
        expect(got == ("ok" if STOCK else "EINVAL"), got)
        if got == "ok":
            nl.disconnect(0)
        dev.becomes_unused()
    for sock in links:
        sock.close()
    with ktap.case("and the device connects after that"):
        cycle(server)


def indices():
    for index in (1 << 31, (1 << 32) - 1, 1 << 20):
        ktap.equal(f"CONNECT refuses index {index}", "EINVAL",
                   outcome(attach, nl, index, server.address))
    with ktap.case("an index beyond nbds_max makes a disk"):
        expect(not os.path.exists("/dev/nbd40"))
        cycle(server, 40)
    with ktap.case("without an index a free one is found"):
        first = attach(nl, 0, server.address)
        found = attach(nl, None, server.address)
        expect(found != first)
        expect(nl.status() and nl.status()[found] == 1)
        nl.disconnect(found)
        nl.disconnect(first)
    ktap.equal("DISCONNECT wants an index", "EINVAL", outcome(nl.call, DISCONNECT))
    ktap.equal("and a known one", "EINVAL", outcome(nl.disconnect, 500))
    ktap.equal("but does not mind a device that is not connected", "ok",
               outcome(nl.disconnect, 0))
    ktap.equal("RECONFIGURE wants an index", "EINVAL", outcome(nl.call, RECONFIGURE))
    ktap.equal("and a connected device", "EINVAL", outcome(nl.reconfigure, 0, timeout=5))
    ktap.equal("an index of two bytes is none", True, outcome(
        nl.call, DISCONNECT, attr(INDEX, b"\0\0")) in ("EINVAL", "ERANGE"))


def connected():
    attach(nl, 0, server.address, connections=2, identifier="some backend", timeout=30)
    pid = str(os.getpid())
    ktap.equal("pid is who connected", pid, dev.read("pid"))
    ktap.equal("backend", "some backend", dev.read("backend"))
    ktap.equal("the size", 64 * MIB, dev.size)
    status = nl.status()
    ktap.equal("STATUS lists it", 1, status[0])
    ktap.check("and the others", len(status) >= 16 and not any(
        on for index, on in status.items() if index), status)
    ktap.equal("STATUS of one", {0: 1}, nl.status(0))
    ktap.equal("STATUS of none", {}, nl.status(700))
    ktap.equal("a second CONNECT", "EBUSY", outcome(attach, nl, 0, server.address))
    sock = negotiate(server.address)[0]
    options = lambda: [sock.getsockopt(socket.SOL_SOCKET, name, 16) for name in (
        socket.SO_SNDBUF, socket.SO_RCVBUF, socket.SO_SNDTIMEO, socket.SO_RCVTIMEO)]
    before = options()
    outcome(nl.connect, 0, MIB, [sock.fileno()])
    ktap.check("leaves its sockets as they are", STOCK or options() == before, (before, options()))
    sock.close()
    ktap.equal("a wrong identifier", "EINVAL", outcome(
        nl.reconfigure, 0, identifier="other backend", timeout=5))
    ktap.equal("no identifier", "EINVAL", outcome(nl.reconfigure, 0, timeout=5))
    ktap.equal("a longer identifier", "EINVAL", outcome(
        nl.reconfigure, 0, identifier="some backends", timeout=5))
    ktap.equal("the right identifier", "ok", outcome(
        nl.reconfigure, 0, identifier="some backend", timeout=5))
    # Who comes late does not disconnect what somebody else has connected meanwhile.
    if not STOCK:
        ktap.equal("a wrong identifier to disconnect", ("EINVAL", True), (
            outcome(nl.disconnect, 0, identifier="other backend"), nl.status(0)[0]))
    with ktap.case("bad sockets for a live device change nothing"):
        for fd, wanted in ((1, "ENOTSOCK"), (900, "EBADF"), (0x80000005, "EINVAL")):
            got = outcome(nl.reconfigure, 0, identifier="some backend", fds=[fd])
            expect(STOCK or got == wanted, f"{got}, not {wanted}")
        got = outcome(nl.call, RECONFIGURE, u32(INDEX, 0) + attr(IDENTIFIER, "some backend")
                      + attr(SOCKETS | NESTED, attr(7, b"")))
        expect(STOCK or got == "EINVAL", got)
        dev.io(write=True)
        expect(dev.io() == b"\xa5" * 4096)
        expect(STOCK or [link["alive"] for link in dev.links()] == [1, 1], "one is lost")
    with ktap.case("a good one more than there are does no harm"):
        sock = negotiate(server.address)[0]
        nl.reconfigure(0, identifier="some backend", fds=[sock.fileno()])
        sock.close()
        for offset in range(0, 64 * 4096, 4096):
            dev.io(write=True, offset=offset)
    for size in (1 << 63, (1 << 64) - 1):
        ktap.equal(f"RECONFIGURE refuses size {size}", "EINVAL", outcome(
            nl.reconfigure, 0, identifier="some backend", size=size))
    ktap.equal("RECONFIGURE refuses blocks of 3", "EINVAL", outcome(
        nl.reconfigure, 0, identifier="some backend", size=MIB, block=3))
    ktap.equal("the size is what it was", 64 * MIB, dev.size)
    server.tell("reset")
    nl.disconnect(0)
    with ktap.case("DISCONNECT undoes it all"):
        dev.becomes_unused()
        expect(nl.status(0) == {0: 0}, nl.status(0))
    ktap.check("and says so on each connection", wait_for(
        lambda: server.stats()["disc"] in (2, 3)), server.stats())
    with ktap.case("again and again"):
        for _ in range(10):
            cycle(server)


def open_node():
    fd = os.open(dev.node, os.O_RDONLY)
    ktap.equal("an open node " + ("makes it busy" if STOCK else "does not make it busy"),
               "EBUSY" if STOCK else "ok", outcome(attach, nl, 0, server.address))
    with ktap.case("STATUS of an open node is that it is not connected"):
        nl.disconnect(0)
        expect(STOCK or nl.status(0) == {0: 0})
    os.close(fd)
    dev.becomes_unused()


def as_nobody():
    """errnos that an unprivileged process gets, by command."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresuid(65534, 65534, 65534)
        other = Genl()
        good = sockets([0]) + u64(SIZE, MIB) + u32(INDEX, 0)
        got = [outcome(other.call, c, good) for c in (CONNECT, DISCONNECT, RECONFIGURE, STATUS)]
        os.write(writer, " ".join(got).encode())
        os._exit(0)
    os.waitpid(child, 0)
    got = os.read(reader, 200).decode()
    os.close(reader)
    os.close(writer)
    return got


def identifiers():
    for title, text in (("long", "x" * 4000), ("empty", "")):
        with ktap.case(f"an identifier that is {title}"):
            got = outcome(attach, nl, 0, server.address, identifier=text)
            if got == "ok":
                expect(text.startswith(dev.read("backend")[:3]))
                nl.disconnect(0)
            dev.becomes_unused()


def nameless():
    """A sender that names a server does not get a session without a name: it may be with another one."""
    attach(nl, 0, server.address)
    got = outcome(nl.reconfigure, 0, identifier="some backend", timeout=5)
    ktap.check("a named server is not the one that has no name", STOCK or got == "EINVAL", got)
    ktap.equal("which needs none", "ok", outcome(nl.reconfigure, 0, timeout=5))
    nl.disconnect(0)
    dev.becomes_unused()


def any_bytes():
    """An identifier is bytes: they are shown, and compared, as they are."""
    name = b"caf\xc3\xa9\t\xff"
    attach(nl, 0, server.address, identifier=name + b"\0")
    shown = (dev.sys / "backend").read_bytes()
    ktap.equal("an identifier of any bytes is shown as it is", name + b"\n", shown)
    for other, wanted in ((r"caf\xc3\xa9\t\xff", "EINVAL"), (name, "ok")):
        ktap.equal(f"{other} is {'not ' * (wanted != 'ok')}the same", wanted, outcome(
            nl.reconfigure, 0, identifier=other, timeout=5))
    nl.disconnect(0)
    dev.becomes_unused()


def request_size():
    """How large requests are, for each device by itself."""
    large, other = Device(2), Device(0)
    limit = lambda device: (device.read("max_request_bytes"),
                            device.read("queue/max_hw_sectors_kb"))
    asked = lambda: server.stats()["max_length"]

    def move(device):
        server.tell("reset")
        device.io(write=True, length=MIB, fill=b"large---")
        expect(device.io(length=MIB) == b"large---" * (MIB // 8))
        return asked()

    ktap.equal("a request has a page at most", ("4096", "4"), limit(large))
    for text in ("1", "4097", "-4096", str((32 << 20) + 4096), "1 << 20", "many", " ", "4096k"):
        ktap.equal(f"or not {text!r} bytes", "EINVAL", outcome(large.write, "max_request_bytes", text))
    ktap.equal("it may have a MiB", "ok", outcome(large.write, "max_request_bytes", MIB))
    ktap.equal("then the queue says so, but no other", (("1048576", "1024"), ("4096", "4")),
               (limit(large), limit(other)))
    attach(nl, 2, server.address)
    attach(nl, 0, server.address)
    ktap.equal("one device sends a MiB at a time, and another one a page", (MIB, 4096),
               (move(large), move(other)))
    ktap.equal("it stays as it is while it is connected", "EBUSY",
               outcome(large.write, "max_request_bytes", 4096))
    nl.disconnect(2)
    large.becomes_unused()
    ktap.equal("and after that, too", ("1048576", "1024"), limit(large))
    ktap.equal("0 is a page", ("ok", ("4096", "4")), (
        outcome(large.write, "max_request_bytes", 0), limit(large)))
    ktap.equal("netlink has no other limits", "EINVAL", outcome(
        attach, nl, 2, server.address, max_request=4097))
    attach(nl, 2, server.address, max_request=65536)
    ktap.equal("an attribute of CONNECT sets it, and is in the reply", (("65536", "64"), 65536), (
        limit(large), struct.unpack("=I", nl.reply[MAX_REQUEST])[0]))
    ktap.equal("requests are so large", 65536, move(large))
    ktap.equal("RECONFIGURE may say the same, but nothing else", ("ok", "EBUSY"), (
        outcome(nl.reconfigure, 2, max_request=65536), outcome(nl.reconfigure, 2, max_request=4096)))
    nl.disconnect(0)
    nl.disconnect(2)
    other.becomes_unused()
    large.becomes_unused()
    ktap.equal("a CONNECT that fails leaves it as it was", ("EINVAL", ("65536", "64")), (
        outcome(attach, nl, 2, server.address, max_request=8192, block=16384), limit(large)))
    attach(nl, 2, server.address, max_request=12288, block=8192)
    ktap.equal("a request is of whole blocks", ("12288", "8"), limit(large))
    nl.disconnect(2)
    large.becomes_unused()
    large.write("max_request_bytes", 0)


class Failing(Genl):
    """One of the kernel's allocations fails while it carries out a command."""

    def __init__(self):
        self.number = self.left = 0
        super().__init__()

    def send(self, message):
        fd = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
        try:
            os.pwrite(fd, str(self.number).encode(), 0)
            super().send(message)
            self.left = int(os.pread(fd, 16, 0))
        finally:
            os.pwrite(fd, b"0", 0)
            os.close(fd)


def says_what_is_so():
    """CONNECT fails if, and only if, the device is not connected then, whatever there is no memory for."""
    def connecting(number):
        """With that allocation failing: how it ends, and how many there were less."""
        link, caller = negotiate(server.address)[0], Failing()
        caller.number = number
        got = outcome(caller.call, CONNECT, u32(INDEX, 0) + u64(SIZE, MIB)
                      + sockets([link.fileno()]))
        link.close()
        connected = dev.read("pid") is not None
        nl.disconnect(0)
        dev.becomes_unused()
        return got, connected, caller.left

    slab = pathlib.Path("/sys/kernel/debug/failslab")
    title = "CONNECT says that it is connected if it is"
    if not slab.exists():
        ktap.skip(title, "this kernel cannot have allocations fail")
        return
    (slab / "ignore-gfp-wait").write_text("N")
    (slab / "verbose").write_text("0")
    met = set()
    # The first time there are more.
    connecting(100000)
    total = 100000 - connecting(100000)[2]
    # The last ones are for the reply, and for the acknowledgement: how many come before them, of
    # which some may fail without harm, is not the same each time.
    needed = {("ENOBUFS", True), ("ENOMEM", False)}
    for number in range(total + 10, 0, -1):
        met.add(connecting(number)[:2])
        if needed <= met:
            break
    print(f"# {total} allocations, down to {number}: {sorted(met)}", flush=True)
    # ENOBUFS is that the acknowledgement is lost.
    ktap.check(title, needed <= met <= needed | {("ok", True), ("ENOBUFS", False)}, met)


class Stuck:
    """A server of zeroes at the other end of a TCP connection, which a write stops: it is not read."""

    def __init__(self):
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            self.sock = socket.create_connection(listening.getsockname())
            self.peer = listening.accept()[0]

    def serve(self):
        self.sock.close()
        self.serving = Background(self.work)

    def work(self):
        while True:
            _, _, kind, cookie, _, length = struct.unpack(
                ">IHHQQI", receive_exactly(self.peer, 28))
            if kind == 1:
                return
            self.peer.sendall(struct.pack(">IIQ", 0x67446698, 0, cookie) + bytes(length))

    def end(self):
        """Whether only what its buffer held has come, and how the connection has ended."""
        self.serving.wait()
        sent = 0
        try:
            while more := self.peer.recv(MIB):
                sent += len(more)
            end = "an end"
        except ConnectionResetError:
            end = "a reset"
        print(f"# {sent} bytes came late", flush=True)
        held = sent <= 2 * self.peer.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.peer.close()
        return held, end


def lost_over_tcp():
    """What a server has not got when its connection is lost, it gets never."""
    stuck = Stuck()
    nl.connect(0, MIB, [stuck.sock.fileno()], timeout=2 * PATIENCE)
    stuck.serve()
    dev.io()
    got = Background(outcome, dev.io, True, 0, MIB).wait(20)
    ktap.equal("writes that a server does not read fail", "EIO", got)
    ktap.equal("and what it had not got then it never gets", (True, "a reset"), stuck.end())
    nl.disconnect(0)
    dev.becomes_unused()


def exchange_of_stuck():
    """Connections that end nothing within their time get nothing more, and no more time than one."""
    def attempt():
        """How long it takes to exchange three."""
        links = [Stuck() for _ in range(3)]
        nl.connect(0, MIB, [link.sock.fileno() for link in links], flags=FLAG_MULTI | 1)
        for link in links:
            link.serve()
        dev.io()
        writer = Background(dev.io, True, 0, 256 << 10, b"anew")
        expect(wait_for(lambda: min(link["in-flight"] for link in dev.links()) > 16), dev.links())
        socks = [negotiate(server.address)[0] for _ in links]
        begin = time.monotonic()
        nl.reconfigure(0, fds=[(sock.fileno(), place) for place, sock in enumerate(socks)])
        took = time.monotonic() - begin
        for sock in socks:
            sock.close()
        writer.wait()
        expect(dev.io(length=256 << 10) == b"anew" * (64 << 10), "that was not written")
        ends.append([link.end() for link in links])
        nl.disconnect(0)
        dev.becomes_unused()
        return took

    ends = []
    ktap.check("connections that do not end what they have begun have five seconds in all",
               takes_less(10, attempt))
    ktap.equal("and are reset then: nothing that is sent again comes late", [(True, "a reset")] * 3,
               ends[-1])


def stays_usable():
    """Whoever keeps a socket that a device had has it without the device's timeouts."""
    kept = negotiate(server.address)[0]
    nl.connect(0, 64 * MIB, [kept.fileno()])
    dev.io()
    nl.disconnect(0)
    dev.becomes_unused()
    ktap.equal("a socket that is given back has no timeouts", [bytes(16)] * 2, [
        kept.getsockopt(socket.SOL_SOCKET, name, 16)
        for name in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO)])
    kept.close()


def exchange():
    """Connections that are alive get others in their place, and new ones are added, under load."""
    listener = Genl()
    listener.join()
    # With no time for it: there is never none.
    attach(nl, 0, server.address)
    load = Load(dev)
    moved = lambda: (lambda before: wait_for(lambda: load.count > before + 20))(load.count)

    def put(*places):
        links = [negotiate(server.address)[0] for _ in places]
        try:
            nl.reconfigure(0, fds=[(sock.fileno(), place) for sock, place in zip(links, places)])
        finally:
            for sock in links:
                sock.close()

    expect(moved(), "nothing moves")
    server.tell("reset")
    with ktap.case("the only connection is exchanged, again and again"):
        for _ in range(5):
            put(0)
            expect(moved(), "nothing moves")
        expect(server.stats()["disc"] == 5, server.stats())
        expect([link["alive"] for link in dev.links()] == [1], dev.links())
    with ktap.case("two are added"):
        put(1, 2)
        expect(wait_for(lambda: [link["requests"] > 20 for link in dev.links()] == [True] * 3),
               dev.links())
    with ktap.case("and exchanged, with one that is lost"):
        server.tell("drop 1")
        dev.loses()
        expect(listener.event(10 * PATIENCE) is not None, "no LINK_DEAD")
        put(1, 0)
        expect(moved() and [link["alive"] for link in dev.links()] == [1] * 3, dev.links())
    for title, places in (("a place that is too far", (4,)), ("a place beyond the last one", (3, 5)),
                          ("one that is no number", (1 << 31,))):
        ktap.equal(f"RECONFIGURE refuses {title}", ("EINVAL", 3), (
            outcome(put, *places), len(dev.links())))
    with ktap.case("no I/O has failed, and nobody was told of a loss"):
        load.stop()
        expect(listener.event(0.2) is None, "LINK_DEAD")
    nl.disconnect(0)
    dev.becomes_unused()
    attach(nl, 0, server.address, flags=FLAG_FLUSH | 1)
    ktap.equal("none is added if the server allows one", ("EINVAL", "ok"), (
        outcome(put, 1), outcome(put, 0)))
    nl.disconnect(0)
    dev.becomes_unused()


@contextlib.contextmanager
def no_new_nodes():
    """No disk comes or goes: what makes their nodes has no processor."""
    def comm(pid):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()

    (maker,) = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                and comm(pid) == "kdevtmpfs"]
    busy = os.sched_getaffinity(0)
    last = max(busy)
    # What leaves something for those who are not in such a hurry.
    runtimes = {pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us"): "-1"}
    for path in pathlib.Path("/sys/kernel/debug/sched").glob(f"*_server/cpu{last}/runtime"):
        runtimes[path] = "0"
    before = {path: path.read_text() for path in runtimes}
    for path, value in runtimes.items():
        path.write_text(value)
    os.sched_setaffinity(maker, {last})
    os.sched_setaffinity(0, busy - {last})
    spinner = os.fork()
    if spinner == 0:
        os.sched_setaffinity(0, {last})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        while True:
            pass
    try:
        # On a machine that has other work it takes a while until it has the processor.
        expect(wait_for(lambda: os.sched_getscheduler(spinner) == os.SCHED_FIFO), "nobody spins")
        yield
    finally:
        os.kill(spinner, signal.SIGKILL)
        os.waitpid(spinner, 0)
        os.sched_setaffinity(0, busy)
        os.sched_setaffinity(maker, busy)
        for path, value in before.items():
            path.write_text(value)


def others_are_stuck():
    """While one disk is being made, and another one removed, which takes long, a third reconnects."""
    titles = ("LINK_DEAD comes while a disk is being removed",
              "a device is reconnected while a disk is being made")
    if STOCK or len(os.sched_getaffinity(0)) < 2:
        for title in titles:
            ktap.skip(title, "this is about ours, and takes two processors")
        return
    attach(nl, 0, server.address, dead=60 * PATIENCE)
    dev.io(write=True)
    other = Server()
    attach(nl, 50, other.address, client_flags=DESTROY_ON_DISCONNECT)
    listener, second = Genl(), Genl()
    listener.join()
    with no_new_nodes():
        nl.disconnect(50)
        making = Background(attach, second, 51, other.address)
        expect(wait_for(lambda: os.path.exists("/sys/devices/virtual/block/nbd51")), "nobody makes a disk")
        server.tell("drop")
        event = listener.event(10 * PATIENCE)
        ktap.check(titles[0], event and event[0] == LINK_DEAD and os.path.exists("/dev/nbd50"), event)
        with ktap.case(titles[1]):
            dev.loses()
            sock = negotiate(server.address)[0]
            Background(nl.reconfigure, 0, fds=[sock.fileno()]).wait()
            sock.close()
            expect(dev.io() == b"\xa5" * 4096)
            expect(making.is_alive() and not os.path.exists("/dev/nbd51"), "it was made")
    expect(making.wait() == 51)
    expect(wait_for(lambda: not os.path.exists("/dev/nbd50")), "it stays")
    nl.disconnect(51)
    nl.disconnect(0)
    Device(51).becomes_unused()
    dev.becomes_unused()
    other.stop()


def client_flags():
    with ktap.case("DISCONNECT_ON_CLOSE"):
        attach(nl, 0, server.address, client_flags=DISCONNECT_ON_CLOSE)
        fd = os.open(dev.node, os.O_RDONLY)
        os.close(fd)
        dev.becomes_unused()
    with ktap.case("DESTROY_ON_DISCONNECT"):
        index = attach(nl, 41, server.address, client_flags=DESTROY_ON_DISCONNECT)
        Device(index).io()
        nl.disconnect(index)
        expect(wait_for(lambda: not os.path.exists("/dev/nbd41")), "it stays")
    with ktap.case("and the number can be used again"):
        # The old one may still be on its way out.
        retry(attach, nl, 41, server.address, meanwhile=("EINVAL",))
        nl.disconnect(41)
        Device(41).becomes_unused()


def reconnect():
    listener = Genl()
    listener.join()
    attach(nl, 0, server.address, dead=20 * PATIENCE, identifier="x")
    load = Load(dev)
    wait_for(lambda: load.count > 20)
    with ktap.case("LINK_DEAD is told to all who listen"):
        server.tell("drop")
        event = listener.event(10 * PATIENCE)
        expect(event is not None and event[0] == LINK_DEAD, event)
        expect(event[1].get(INDEX) == struct.pack("=I", 0), event)
    with ktap.case("a new connection within the time, and no I/O has failed"):
        dev.loses()
        sock = negotiate(server.address)[0]
        nl.reconfigure(0, identifier="x", fds=[sock.fileno()])
        sock.close()
        before = load.count
        expect(wait_for(lambda: load.count > before + 20), "nothing moves")
        load.stop()
    with ktap.case("ten more times, two connections at once"):
        nl.disconnect(0)
        attach(nl, 0, server.address, connections=2, dead=20 * PATIENCE)
        load = Load(dev)
        for _ in range(10):
            before = load.count
            expect(wait_for(lambda: load.count > before + 20), "nothing moves")
            server.tell("drop")
            links = [negotiate(server.address)[0] for _ in range(2)]
            # Not before both are known to be dead: a live one is not replaced by 7.2's.
            dead = 0
            while dead < 2:
                event = listener.event(5 * PATIENCE)
                expect(event is not None, "no LINK_DEAD")
                dead += 1
            nl.reconfigure(0, fds=[sock.fileno() for sock in links])
            for sock in links:
                sock.close()
        load.stop()
    with ktap.case("when one of two connections dies the other one takes over"):
        load = Load(dev)
        wait_for(lambda: load.count > 20)
        server.tell("drop 0")
        dev.loses()
        before = load.count
        # 7.2 waits for the timeout of what was under way.
        expect(STOCK or wait_for(lambda: load.count > before + 20), "nothing moves")
        if STOCK:
            server.tell("drop")
            nl.disconnect(0)
            return
        load.stop()
    nl.disconnect(0)


def dead_timeout():
    def fails(dead):
        """A read of a device that has just lost its connection, after how many seconds."""
        attach(nl, 0, server.address, dead=dead)
        dev.io()
        begin = time.monotonic()
        server.tell("drop")
        got = Background(outcome, dev.io).wait(15)
        took = time.monotonic() - begin
        expect(got == "EIO", got)
        nl.disconnect(0)
        dev.becomes_unused()
        return took

    with ktap.case("without a new connection I/O fails after the time"):
        took = fails(2)
        expect(took >= 2, took)
        expect(took < 6 or takes_less(6, lambda: fails(2)))
    with ktap.case("at once if no time is given"):
        expect(takes_less(3, lambda: fails(None)))
    with ktap.case("and the device connects after that"):
        cycle(server)


def timeouts():
    attach(nl, 0, server.address, timeout=1)
    server.tell("fault never,cmd=read,times=0")
    with ktap.case("a server that does not answer: I/O fails after the timeout"):
        got = Background(outcome, dev.io).wait(15)
        expect(got in ("EIO", "ETIMEDOUT"), got)
    server.tell("fault none")
    nl.disconnect(0)
    dev.becomes_unused()
    attach(nl, 0, server.address, connections=2, timeout=PATIENCE, dead=10 * PATIENCE)
    server.tell("fault never,cmd=read")
    with ktap.case("with a second connection it does not fail"):
        got = Background(outcome, dev.io).wait(20)
        expect(got == "ok", got)
    server.tell("fault none")
    nl.disconnect(0)
    dev.becomes_unused()


def trickle():
    """What goes into the send buffer of a server that hangs does not make it look alive."""
    if STOCK:
        return
    attach(nl, 0, server.address, timeout=2)
    dev.io()
    server.process.send_signal(signal.SIGSTOP)
    readers = []

    def one_more():
        """Whether the connection is lost; if not, there is a new read, four times as often as is due."""
        if not dev.links()[0]["alive"]:
            return True
        readers.append(Background(outcome, dev.io, offset=len(readers) * 4096))
        time.sleep(0.5)

    try:
        lost = any(one_more() for _ in range(40))
        ktap.check("a server that hangs is given up, whatever else it is sent", lost, len(readers))
        print(f"# after {len(readers)} reads", flush=True)
        ktap.equal("and all that waits for it fails", {"EIO"}, {reader.wait() for reader in readers})
    finally:
        server.process.send_signal(signal.SIGCONT)
    nl.disconnect(0)
    dev.becomes_unused()


def takes_long():
    """A request that takes long, when it may."""
    attach(nl, 0, server.address)
    dev.io(write=True, fill=b"late")
    connections = server.stats()["connections"]
    ktap.equal("half a minute is long", "30000", dev.read("queue/io_timeout"))
    dev.write("queue/io_timeout", 1000)
    server.process.send_signal(signal.SIGSTOP)
    try:
        since = mark()
        reader = Background(dev.io)
        line = r"nbd0: request with tag \d+ on connection 0 takes long"
        ktap.check("a request that takes long without a timeout is logged",
                   wait_for(lambda: log_lines(line, since)), kernel_log()[-2000:])
        ktap.check("and waits on", reader.is_alive() and dev.links()[0]["alive"] == 1)
    finally:
        server.process.send_signal(signal.SIGCONT)
    with ktap.case("until it is answered, over the same connection"):
        expect(reader.wait() == b"late" * 1024)
        expect(server.stats()["connections"] == connections)
    nl.disconnect(0)
    dev.becomes_unused()
    dev.write("queue/io_timeout", 30000)


def hertz():
    with gzip.open("/proc/config.gz", "rt") as config:
        return int(re.search(r"^CONFIG_HZ=(\d+)$", config.read(), re.M).group(1))


def debugfs():
    """What debugfs tells, and who else knows it."""
    def sectors():
        numbers = dev.read("stat").split()
        return int(numbers[2]), int(numbers[6])

    begin = sectors()
    attach(nl, 0, server.address, connections=2, timeout=30, block=4096)
    ktap.equal("tasks is who connected", [["recv:", str(os.getpid())]], dev.table("tasks"))
    ktap.equal("size_bytes", [[str(64 * MIB)]], dev.table("size_bytes"))
    ktap.equal("blocksize_bits", [["12"]], dev.table("blocksize_bits"))
    ktap.equal("timeout, in jiffies", [[str(30 * hertz())]], dev.table("timeout"))
    ktap.equal("is that of the queue", "30000", dev.read("queue/io_timeout"))
    ktap.equal("flags", "Hex: 0x0000016d||Known flags:|NBD_FLAG_HAS_FLAGS|NBD_FLAG_SEND_FLUSH|"
               "NBD_FLAG_SEND_FUA|NBD_FLAG_SEND_TRIM|NBD_FLAG_SEND_WRITE_ZEROES|"
               "NBD_FLAG_CAN_MULTI_CONN",
               "|".join((dev.debug / "flags").read_text().splitlines()))
    for i in range(40):
        dev.io(write=i % 4 == 0, offset=4096 * i)
    links = dev.links()
    end = sectors()
    stats = server.stats()
    served = [stats[f"connection{stats['connections'] - i}"] for i in (2, 1)]
    ktap.equal("links: requests are what the server has got", served,
               [link["requests"] for link in links])
    ktap.equal("bytes are what the disk has moved", ((end[0] - begin[0]) * 512, 10 * 4096), (
        sum(link["bytes-received"] for link in links), sum(link["bytes-sent"] for link in links)))
    ktap.equal("both are alive and idle, without an error", [(1, 0, 0)] * 2, [
        (link["alive"], link["in-flight"], link["errors"]) for link in links])
    server.tell("fault error,cmd=write,value=5")
    got = outcome(dev.io, write=True)
    server.tell("fault none")
    ktap.equal("an error is counted", ("EIO", 1), (
        got, sum(link["errors"] for link in dev.links())))
    server.process.send_signal(signal.SIGSTOP)
    reader = Background(dev.io)
    ktap.check("and what is in flight", wait_for(
        lambda: sum(link["in-flight"] for link in dev.links()) == 1), dev.links())
    server.process.send_signal(signal.SIGCONT)
    reader.wait()
    server.tell("drop 1")
    with ktap.case("and which connection is lost"):
        dev.loses()
        expect([link["alive"] for link in dev.links()] == [1, 0], dev.links())
    before = dev.links()
    with ktap.case("and how often, also when there is another one"):
        sock = negotiate(server.address)[0]
        nl.reconfigure(0, fds=[sock.fileno()])
        sock.close()
        got = [(link["state"], link["losses"], link["replacements"]) for link in dev.links()]
        expect(got == [("up", 0, 0), ("up", 1, 1)], got)
    with ktap.case("which goes on with the counts of the one before"):
        dev.io()
        dev.io()
        both = lambda name: [link[name] for link in dev.links()]
        expect(both("requests") == [link["requests"] + 1 for link in before], (before, dev.links()))
        expect(both("errors") == [link["errors"] for link in before], (before, dev.links()))
    with ktap.case("and for how long nothing has moved"):
        quiet = lambda: sum(both("quiet-ms"))
        grown = quiet()
        expect(wait_for(lambda: quiet() > grown + 1000), dev.links())
        # Each has answered a read since then.
        shrinks = lambda now: [dev.io(), dev.io()] and quiet() < now
        expect(wait_for(lambda: shrinks(quiet())), dev.links())
    nl.disconnect(0)
    dev.becomes_unused()
    ktap.equal("there is no connection then", [], dev.links())
    ktap.equal("and nothing is left in debugfs", [], list(dev.debug.iterdir()) if dev.debug.exists() else [])


@contextlib.contextmanager
def traced(system):
    """A folder of its own in tracefs, with the events of a system on."""
    folder = pathlib.Path(f"/sys/kernel/tracing/instances/nbd{os.getpid()}")
    folder.mkdir()
    try:
        (folder / "events" / system / "enable").write_text("1")
        yield folder
        (folder / "events" / system / "enable").write_text("0")
    finally:
        folder.rmdir()


def tracepoints():
    """The events that programs for the kernel's own driver know."""
    transport = ["nbd_header_sent", "nbd_payload_sent", "nbd_header_received", "nbd_payload_received"]
    fields = {name: ["struct request * req", "u64 handle"] for name in transport}
    fields["nbd_send_request"] = ["struct nbd_request * nbd_request", "u64 dev_index",
                                  "struct request * request"]
    attach(nl, 0, server.address, flags=FLAG_FLUSH | 1)
    dev.io()

    def records(folder):
        """Of each request, in order: (name, cookie or index)."""
        found = {}
        for line in (folder / "trace").read_text().splitlines():
            match = re.search(r" (nbd_\w+): (nbd\d+): request (\w+)$", line) or re.search(
                r" (nbd_\w+): nbd transport event: (?=.*handle (\w+))request (\w+),", line)
            if match:
                found.setdefault(match[3], []).append((match[1], match[2]))
        return found

    with traced("nbd") as folder:
        for name, wanted in sorted(fields.items()):
            text = (folder / "events/nbd" / name / "format").read_text()
            got = re.findall(r"^\tfield:(?!.* common_)(.*);\toffset", text, re.M)
            ktap.equal(f"the fields of {name}", wanted, got)
        dev.io(write=True)
        dev.io()
        with open(dev.node, "rb", buffering=0) as file:
            os.fsync(file.fileno())
        events = lambda: [event for one in records(folder).values() for event in one]
        with ktap.case("a write, a read and a flush have five events each"):
            expect(wait_for(lambda: len(events()) >= 15), events())
            counts = {name: [event for event, _ in events()].count(name) for name in fields}
            expect(counts == dict.fromkeys(fields, 3), counts)
        with ktap.case("which name the device, and the cookie of the request"):
            expect({about for name, about in events() if name == "nbd_send_request"} == {"nbd0"})
            cookies = [about for name, about in events() if name == "nbd_header_sent"]
            expect(len(set(cookies)) == 3, cookies)
            for name in transport:
                expect([about for event, about in events() if event == name] == cookies, name)
        before = len(events())
        (folder / "events/nbd/enable").write_text("0")
        dev.io()
        ktap.equal("there are none when they are off", before, len(events()))
    nl.disconnect(0)
    dev.becomes_unused()


def held_open():
    """A disk that is open since before its disconnection gets no other export."""
    other = Server()
    attach(nl, 0, server.address)
    dev.io(write=True, fill=b"first---")
    with open(dev.node, "r+b", buffering=0) as held:
        # For the page cache, which may write it much later.
        held.write(b"stale---" * 512)
        nl.disconnect(0)
        ktap.equal("a disk that was open when it was disconnected is busy", "EBUSY",
                   outcome(attach, nl, 0, other.address))
        with ktap.case("and is not the one that is free"):
            found = attach(nl, None, other.address)
            expect(found != 0)
            nl.disconnect(found)
            Device(found).becomes_unused()
        ktap.equal("it is not connected", {0: 0}, nl.status(0))
        held.seek(1 << 20)
        ktap.equal("and reads nothing", "EIO", outcome(held.read, 4096))
    with ktap.case("when it is closed it can be connected"):
        dev.becomes_unused()
        attach(nl, 0, other.address)
        expect(dev.io() == bytes(4096), "that is of the other server")
        nl.disconnect(0)
        dev.becomes_unused()
    ktap.equal("and nothing was written there", bytes(8192),
               export_bytes(other.address, length=8192))
    other.stop()


def resize():
    attach(nl, 0, server.address, dead=20 * PATIENCE)
    load = Load(dev, threads=2)
    with ktap.case("grows and shrinks with I/O under way"):
        for size in (32, 48, 16, 64) * 3:
            nl.reconfigure(0, size=size * MIB)
            expect(wait_for(lambda: dev.size == size * MIB), dev.size)
        load.stop()
    with ktap.case("another block size"):
        nl.reconfigure(0, size=32 * MIB, block=4096)
        expect(wait_for(lambda: dev.read("queue/logical_block_size") == "4096"))
        expect(dev.size == 32 * MIB)
    nl.disconnect(0)
    dev.becomes_unused()
    title = "a new connection and a new size at once, with I/O waiting for the connection"
    if STOCK:
        ktap.skip(title, "7.2 hangs")
        return
    with ktap.case(title):
        attach(nl, 0, server.address, dead=30 * PATIENCE)
        load = Load(dev, threads=4)
        wait_for(lambda: load.count > 10)
        server.tell("drop")
        dev.loses()
        sock = negotiate(server.address)[0]
        Background(nl.reconfigure, 0, size=48 * MIB, fds=[sock.fileno()]).wait(15)
        sock.close()
        expect(wait_for(lambda: dev.size == 48 * MIB), dev.size)
        load.stop()
        nl.disconnect(0)
        dev.becomes_unused()


ktap = Ktap(116 + 8 + 1 + 3 + 21 + 1 + 2 + 8 + 2 + 2 + 1 + 2 + (0 if STOCK else 3))
load_driver()
nl = Genl()
dev = Device(0)
server = Server()
for part in (bad_connects, strange_connects, many_sockets, indices, connected, open_node,
             identifiers, nameless, client_flags, reconnect, dead_timeout, timeouts, trickle, takes_long,
             debugfs, tracepoints, held_open, resize, any_bytes, request_size, says_what_is_so,
             lost_over_tcp, exchange_of_stuck, stays_usable, exchange, others_are_stuck):
    part()
ktap.equal("who may not gets EPERM, but may ask for the STATUS", "EPERM EPERM EPERM ok",
           as_nobody())
ktap.equal("the server has nothing to complain about", [], server.stats()["violation"])
server.stop()
ktap.finish()
