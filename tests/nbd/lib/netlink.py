# SPDX-License-Identifier: GPL-2.0
"""The generic netlink family: what it takes, refuses, reports; reconnects and resizes.

Whatever is refused leaves the device as it was: never connected, and ready to be.
"""

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
            dev.becomes_unused(1)
    fds.close()
    with ktap.case("and the device connects after all that"):
        cycle(server)


def strange_connects():
    """May be refused or not, but cleanly."""
    fds = Descriptors(server)
    tcp = socket.socket()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    cases = {
        "a TCP socket that is not connected": u64(SIZE, MIB) + sockets([tcp.fileno()]),
        "a listening socket": u64(SIZE, MIB) + sockets([listening.fileno()]),
        "size 0": u64(SIZE, 0) + sockets([fds.good]),
        "the same socket twice": u64(SIZE, MIB) + u64(SERVER_FLAGS, FLAG_MULTI) + sockets(
            [fds.second, fds.second]),
        "blocks of 0 bytes": u64(SIZE, MIB) + sockets([fds.second]) + u64(BLOCK_SIZE, 0),
        "the largest size": u64(SIZE, (1 << 63) - 1) + sockets([fds.second]),
        "a size of no whole blocks": u64(SIZE, MIB + 700) + sockets([fds.second])
                                     + u64(BLOCK_SIZE, 4096),
    }
    for title, attributes in cases.items():
        with ktap.case(f"CONNECT with {title} is taken or refused"):
            if outcome(nl.call, CONNECT, u32(INDEX, 0) + u64(TIMEOUT, 2) + attributes) == "ok":
                nl.disconnect(0)
            dev.becomes_unused()
            cycle(server)
    for sock in (tcp, listening):
        sock.close()
    fds.close()


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
    ktap.equal("a wrong identifier", "EINVAL", outcome(
        nl.reconfigure, 0, identifier="other backend", timeout=5))
    ktap.equal("no identifier", "EINVAL", outcome(nl.reconfigure, 0, timeout=5))
    ktap.equal("a longer identifier", "EINVAL", outcome(
        nl.reconfigure, 0, identifier="some backends", timeout=5))
    ktap.equal("the right identifier", "ok", outcome(
        nl.reconfigure, 0, identifier="some backend", timeout=5))
    with ktap.case("bad sockets for a live device change nothing"):
        for fd in (0, 900, 0x80000005):
            outcome(nl.reconfigure, 0, identifier="some backend", fds=[fd])
            outcome(nl.call, RECONFIGURE, u32(INDEX, 0) + attr(IDENTIFIER, "some backend")
                    + attr(SOCKETS, attr(7, b"")))
        dev.io(write=True)
        expect(dev.io() == b"\xa5" * 4096)
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
        for _ in range(10 if DEBUG else 40):
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
        expect(wait_for(lambda: outcome(attach, nl, 41, server.address) == "ok"))
        nl.disconnect(41)
        Device(41).becomes_unused()


def reconnect():
    listener = Genl()
    listener.join()
    attach(nl, 0, server.address, dead=20, identifier="x")
    load = Load(dev)
    wait_for(lambda: load.count > 20)
    with ktap.case("LINK_DEAD is told to all who listen"):
        server.tell("drop")
        event = listener.event(10)
        expect(event is not None and event[0] == LINK_DEAD, event)
        expect(event[1].get(INDEX) == struct.pack("=I", 0), event)
    with ktap.case("a new connection within the time, and no I/O has failed"):
        time.sleep(0.5)
        sock = negotiate(server.address)[0]
        nl.reconfigure(0, identifier="x", fds=[sock.fileno()])
        sock.close()
        before = load.count
        expect(wait_for(lambda: load.count > before + 20), "nothing moves")
        load.stop()
    with ktap.case("ten more times, two connections at once"):
        nl.disconnect(0)
        attach(nl, 0, server.address, connections=2, dead=20)
        load = Load(dev)
        for _ in range(10):
            before = load.count
            expect(wait_for(lambda: load.count > before + 20), "nothing moves")
            server.tell("drop")
            links = [negotiate(server.address)[0] for _ in range(2)]
            # Not before both are known to be dead: a live one is not replaced by 7.2's.
            dead = 0
            while dead < 2:
                event = listener.event(5)
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
        time.sleep(0.5)
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
    attach(nl, 0, server.address, dead=2)
    server.tell("drop")
    time.sleep(0.2)
    begin = time.monotonic()
    with ktap.case("without a new connection I/O fails after the time"):
        got = Background(outcome, dev.io).wait(15)
        expect(got == "EIO", got)
        expect(1.0 < time.monotonic() - begin < (30 if DEBUG else 8), time.monotonic() - begin)
    nl.disconnect(0)
    dev.becomes_unused()
    attach(nl, 0, server.address)
    server.tell("drop")
    with ktap.case("at once if no time is given"):
        got = Background(outcome, dev.io).wait(15)
        expect(got == "EIO", got)
    nl.disconnect(0)
    with ktap.case("and the device connects after that"):
        dev.becomes_unused()
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
    attach(nl, 0, server.address, connections=2, timeout=1, dead=10)
    server.tell("fault never,cmd=read")
    with ktap.case("with a second connection it does not fail"):
        got = Background(outcome, dev.io).wait(20)
        expect(got == "ok", got)
    server.tell("fault none")
    nl.disconnect(0)
    dev.becomes_unused()


def resize():
    attach(nl, 0, server.address, dead=20)
    load = Load(dev, threads=2)
    with ktap.case("grows and shrinks with I/O under way"):
        for size in (32, 48, 16, 64) * 3:
            nl.reconfigure(0, size=size * MIB)
            expect(wait_for(lambda: dev.size == size * MIB, 5), dev.size)
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
        attach(nl, 0, server.address, dead=30)
        load = Load(dev, threads=4)
        wait_for(lambda: load.count > 10)
        server.tell("drop")
        time.sleep(0.3)
        sock = negotiate(server.address)[0]
        Background(nl.reconfigure, 0, size=48 * MIB, fds=[sock.fileno()]).wait(15)
        sock.close()
        expect(wait_for(lambda: dev.size == 48 * MIB, 5), dev.size)
        load.stop()
        nl.disconnect(0)
        dev.becomes_unused()


ktap = Ktap(89)
load_driver()
nl = Genl()
dev = Device(0)
server = Server()
for part in (bad_connects, strange_connects, many_sockets, indices, connected, open_node,
             identifiers, client_flags, reconnect, dead_timeout, timeouts, resize):
    part()
ktap.equal("who may not gets EPERM, but may ask for the STATUS", "EPERM EPERM EPERM ok",
           as_nobody())
ktap.equal("the server has nothing to complain about", [], server.stats()["violation"])
server.stop()
ktap.finish()
