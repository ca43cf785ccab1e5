# SPDX-License-Identifier: GPL-2.0
"""Everything that a server may do wrong, while threads write, read back and compare.

After each fault the device gets new connections, as a reconnecting client would give it, and
the load must go on without an error: all of these faults end the link, and nothing that was
under way may be lost with it, or be completed by a reply that was not its own.
"""

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


def link_ends(spec):
    """A fault that ends the link: it is replaced, and all goes on."""
    fresh_load()
    server.tell("reset")
    count = keeper.count
    server.tell("fault " + spec)
    expect(wait_for(struck, 10), "the fault did not strike")
    expect(wait_for(lambda: keeper.count > count, 10), "the link lives on")
    moves(load)


def survives(spec):
    """A fault that is strange, but allowed."""
    fresh_load()
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
        moves(load, 400)


def other_connection():
    """A reply over the wrong one of two connections."""
    for command in ("read", "write"):
        with ktap.case(f"a reply to a {command} over another connection"):
            link_ends(f"other-connection,cmd={command},after=20")


def storm():
    """Requests are struck at random by everything."""
    specs = [s for s in LINK_ENDS if not s.startswith("error")]
    with ktap.case("one fault after the other, as fast as they come"):
        for i in range(30 if DEBUG else 60):
            server.tell("fault " + specs[i * 7 % len(specs)].replace("after=20", "after=3"))
            time.sleep(0.05)
        server.tell("fault none")
        moves(load, 100, 30)


def without_reconnect():
    """Each fault on a device that is not to be reconnected: an error, and soon."""
    seen = set()
    for spec in LINK_ENDS + ["early", "never"]:
        kind = spec.split(",")[0]
        if kind in seen or kind.startswith("error"):
            continue
        seen.add(kind)
        with ktap.case(f"{kind}, and no new connection: an end, and the device can be used again"):
            attach(nl, 1, server.address, timeout=1)
            device = Device(1)
            value = "" if "value" not in spec else ",value=" + spec.split("value=")[1].split(",")[0]
            write = kind in ("early", "duplicate")
            server.tell(f"fault {kind},cmd={'write' if write else 'read'},times=0{value}")
            worker = Background(outcome, device.io, write=write)
            got = worker.wait(20)
            expect(got in ("EIO", "ETIMEDOUT", "ok"), got)
            server.tell("fault none")
            Background(nl.disconnect, 1).wait(20)
            device.becomes_unused()


def overtaking():
    """A write's reply comes before the server has read its payload."""
    attach(nl, 1, server.address, timeout=2)
    device = Device(1)
    with ktap.case("replies that overtake the payloads of their writes"):
        server.tell("fault early,cmd=write,times=0")
        for i in range(50):
            device.io(write=True, offset=4096 * i, fill=bytes([i, 1]))
        server.tell("fault none")
        # They were not executed; but the stream is whole.
        device.io(write=True, fill=b"7")
        expect(device.io() == b"7" * 4096)
    nl.disconnect(1)
    device.becomes_unused()


def dead_server():
    """A server that hears nothing any more, and a client that wants to go."""
    attach(nl, 1, server.address, timeout=3)
    device = Device(1)
    server.process.send_signal(signal.SIGSTOP)
    writer = Background(outcome, device.io, True, 0, 1 << 20)
    time.sleep(0.3)
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
kinds = {s.split(",")[0] for s in LINK_ENDS} - {"error", "error-with-payload"} | {"early", "never"}
ktap = Ktap(len(LINK_ENDS) + 3 + 1 + 2 + 1 + len(kinds) + 1 + 1 + 1)
load_driver()
server = Server()
nl = Genl()
dev = Device(0)
keeper = Keeper(server, 0)
attach(nl, 0, server.address, timeout=2, dead=30)
load = Load(dev, threads=4)
faults_under_load()
storm()
with ktap.case("all that was written was read back"):
    server.tell("fault none")
    load.stop()
nl.disconnect(0)
dev.becomes_unused()
attach(nl, 0, server.address, connections=2, timeout=2, dead=30)
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
