# SPDX-License-Identifier: GPL-2.0
"""Everything that a server may do wrong, while threads write, read back and compare.

After each fault the device gets new connections, as a reconnecting client would give it, and
the load must go on without an error: all of these faults end the link, and nothing that was
under way may be lost with it, or be completed by a reply that was not its own.
"""

import random

from nbd import *
from genl import Genl, attach, negotiate

# Faults that the link does not survive. (7.2 waits for the rest of a reply for ever.)
LINK_ENDS = [
    "wrong-magic,cmd=read,after=20",
    "wrong-magic,cmd=write,after=20",
    "wrong-magic,cmd=read,value=0",
    "wrong-magic,cmd=read,value=0x96744668",
    "structured,cmd=read,after=20",
    "structured,cmd=write,after=20",
    "structured,cmd=read,value=0xffffffff",
    "short,cmd=read,after=20,value=7",
    "short,cmd=read,after=20,value=16",
    "short,cmd=read,after=20,value=2000",
    "short,cmd=write,after=20,value=15",
    *(["stall,cmd=read,after=20,value=7", "stall,cmd=read,after=20,value=2000",
       "stall,cmd=write,after=20,value=15"] if not STOCK else []),
    "half-close,cmd=read,after=20",
    "half-close,cmd=write,after=20",
    "close,cmd=read,after=20",
    "close,cmd=write,after=20",
    "duplicate,cmd=read,after=20",
    "duplicate,cmd=write,after=20",
    "late-duplicate,cmd=read,after=20",
    "late-duplicate,cmd=write,after=20,value=40",
    "unsolicited,after=20",
    "unsolicited,after=20,value=0xffffffffffffffff",
    "unsolicited,after=20,value=0x0000000100000000",
    "trailing,cmd=read,after=20",
    "trailing,cmd=write,after=20,value=3",
    # ESHUTDOWN, which is no error of the request; 7.2 knows only one error.
    *(["error-with-payload,cmd=read,after=20,value=108", "error,cmd=read,after=20,value=108",
       "error,cmd=write,after=20,value=108"] if not STOCK else []),
] + [f"wrong-cookie,after=20,value={0xff << shift:#x}" for shift in range(0, 64, 8)] + [
    "wrong-cookie,after=20,value=0x1",
    "wrong-cookie,after=20,value=0xffff",
    "wrong-cookie,after=20,value=0x8000000000000000",
    "wrong-cookie,after=20",
]


class Keeper(threading.Thread):
    """Replaces each connection that dies, as long as it is wanted."""

    def __init__(self, server, index):
        super().__init__(daemon=True)
        self.listener, self.nl = Genl(), Genl()
        self.listener.join()
        self.server, self.index = server, index
        self.going, self.count = True, 0
        self.start()

    def run(self):
        while self.going:
            if self.listener.event(0.2) is None:
                continue
            sock = negotiate(self.server.address)[0]
            if outcome(self.nl.reconfigure, self.index, fds=[sock.fileno()]) == "ok":
                self.count += 1
            sock.close()

    def stop(self):
        self.going = False
        self.join()


def moves(load, rounds=40, seconds=15):
    before = load.count
    if not wait_for(lambda: load.count > before + rounds or load.failure(), seconds):
        raise TimeoutError(f"nothing moves: {server.stats()}")
    if load.failure():
        raise RuntimeError(f"a worker met {load.failure()!r}")


def struck():
    return server.stats()["faults"] > 0


def fresh_load():
    """In place of one that failed: what comes next is judged by itself."""
    global load
    if load.failure():
        load = Load(dev, threads=4)


def times_out(spec):
    """Only what ends with a timeout has one: others must be noticed without."""
    never = spec.startswith(("stall", "never", "other-connection"))
    nl.reconfigure(0, timeout=2 if never else 0)


def link_ends(spec):
    """A fault that ends the link: it is replaced, and all goes on."""
    fresh_load()
    times_out(spec)
    server.tell("reset")
    count = keeper.count
    server.tell("fault " + spec)
    expect(wait_for(struck, 10), "the fault did not strike")
    expect(wait_for(lambda: keeper.count > count, 10), "the link lives on")
    moves(load)


def survives(spec):
    """A fault that is strange, but allowed."""
    fresh_load()
    times_out(spec)
    server.tell("reset")
    server.tell("fault " + spec)
    expect(wait_for(struck, 10), "the fault did not strike")
    moves(load)


def faults_under_load():
    for spec in LINK_ENDS:
        with ktap.case(f"{spec}: the link ends, I/O goes on"):
            link_ends(spec)
    for spec in ("drip,after=20", "deaf,after=20,value=500"):
        with ktap.case(f"{spec}: I/O goes on"):
            survives(spec)
    with ktap.case("a request that is never answered is sent again after the timeout"):
        survives("never,after=20,cmd=read")
        moves(load, 200)


def other_connection():
    """A reply over the wrong one of two connections."""
    for command in ("read", "write"):
        with ktap.case(f"a reply to a {command} over another connection"):
            link_ends(f"other-connection,cmd={command},after=20")


def storm():
    """Requests are struck at random by everything."""
    specs = [s for s in LINK_ENDS if not s.startswith("error")]
    times_out("stall")
    with ktap.case("one fault after the other, as fast as they come"):
        for _ in range(30):
            server.tell("fault " + random.choice(specs).replace("after=20", "after=3"))
            time.sleep(0.05)
        server.tell("fault none")
        moves(load, 100, 30)


# Of a device that is not to be reconnected one request is struck: how that ends, and whether its
# connection does. What has got a good answer is good, even if the connection dies of what follows.
ALONE = (
    ("wrong-magic,cmd=read", "EIO", True),
    ("structured,cmd=read", "EIO", True),
    ("short,cmd=read,value=7", "EIO", True),
    ("short,cmd=read,value=2000", "EIO", True),
    ("short,cmd=write,value=15", "EIO", True),
    ("cut,cmd=write", "EIO", True),
    ("half-close,cmd=read", "ok", True),
    ("close,cmd=read", "EIO", True),
    ("close,cmd=write", "EIO", True),
    ("duplicate,cmd=read", "ok", True),
    ("duplicate,cmd=write", "ok", True),
    ("late-duplicate,cmd=read,value=0", "ok", True),
    ("unsolicited,cmd=read", "EIO", True),
    ("trailing,cmd=read", "ok", True),
    ("wrong-cookie,cmd=read,value=0xff", "EIO", True),
    ("early,cmd=write", "ok", False),
    *((("stall,cmd=read,value=2000", "EIO", True),) if not STOCK else ()),
    ("never,cmd=read", "EIO", True),
)


def without_reconnect():
    """An error if the answer was none, the data if it was, and soon."""
    device = Device(1)
    for number, (spec, wanted, ends) in enumerate(ALONE):
        kind = spec.replace(",cmd=", " of a ").split(",")[0]
        with ktap.case(f"{kind}, and no new connection: {wanted}"):
            waits = "never" in spec or "stall" in spec
            attach(nl, 1, server.address, timeout=PATIENCE if waits else 0)
            text = b"case%04d" % number
            device.io(write=True, fill=text)
            # Now partitions have been looked for: what is struck is what comes next.
            expect(device.io() == text * 512)
            write = "cmd=write" in spec
            server.tell("fault " + spec)
            worker = Background(request, device, write, text[::-1])
            got, data = worker.wait(20)
            expect(got == wanted, f"{got}, not {wanted}")
            expect(got != "ok" or data == (text[::-1] if write else text) * 512, data)
            expect(struck(), "the fault did not strike")
            server.tell("fault none")
            if ends:
                device.loses()
                expect(request(device, False, b"")[0] == "EIO")
            else:
                expect(device.io() == text[::-1] * 512)
            Background(nl.disconnect, 1).wait(20)
            device.becomes_unused()
        server.tell("reset")
    with ktap.case("after all that the device is as good as new"):
        attach(nl, 1, server.address)
        device.io(write=True, fill=b"new!")
        expect(export_bytes(server.address, length=4096) == b"new!" * 1024)
        nl.disconnect(1)
        device.becomes_unused()


def request(device, write, fill):
    """How a read or a write of a page ends, and its data."""
    try:
        return "ok", device.io(write=write, fill=fill)
    except OSError as error:
        return errno.errorcode[error.errno], None


def overtaking():
    """A write's reply comes before the server has read its payload."""
    attach(nl, 1, server.address)
    device = Device(1)
    with ktap.case("replies that overtake the payloads of their writes"):
        server.tell("fault early,cmd=write,times=0")
        for i in range(50):
            device.io(write=True, offset=4096 * i, fill=bytes([i, 1]))
        server.tell("fault none")
        for i in range(50):
            expect(device.io(offset=4096 * i) == bytes([i, 1]) * 2048, i)
    nl.disconnect(1)
    device.becomes_unused()


def dead_server():
    """A server that hears nothing any more, and a client that wants to go."""
    attach(nl, 1, server.address, timeout=3)
    device = Device(1)
    server.process.send_signal(signal.SIGSTOP)
    writer = Background(outcome, device.io, True, 0, 1 << 20)
    # Before that it would find no disk any more.
    if STOCK:
        time.sleep(0.3)
    elif not wait_for(lambda: sum(link["in-flight"] for link in device.links()) > 0):
        raise TimeoutError("nothing is in flight")
    with ktap.case("DISCONNECT does not wait for a server that is stopped"):
        try:
            Background(nl.disconnect, 1).wait(20)
            expect(writer.wait(20) in ("EIO", "ETIMEDOUT"), writer.result)
        finally:
            server.process.send_signal(signal.SIGCONT)
        device.becomes_unused()


def failure(self):
    found = [t.result for t in self.threads if isinstance(t.result, Exception)]
    return found[0] if found else None


Load.failure = failure
random.seed(int(os.environ.get("RBLK_SEED") or 1))
ktap = Ktap(len(LINK_ENDS) + 3 + 1 + 2 + 1 + len(ALONE) + 1 + 1 + 1 + 1)
load_driver()
server = Server()
nl = Genl()
dev = Device(0)
keeper = Keeper(server, 0)
attach(nl, 0, server.address, dead=30 * PATIENCE)
load = Load(dev, threads=4)
faults_under_load()
storm()
with ktap.case("all that was written was read back"):
    server.tell("fault none")
    load.stop()
nl.disconnect(0)
dev.becomes_unused()
attach(nl, 0, server.address, connections=2, dead=30 * PATIENCE)
load = Load(dev, threads=4)
other_connection()
load.stop()
keeper.stop()
nl.disconnect(0)
dev.becomes_unused()
without_reconnect()
overtaking()
dead_server()
ktap.equal("the client itself kept to the rules", [], server.stats()["violation"])
server.stop()
ktap.finish()
