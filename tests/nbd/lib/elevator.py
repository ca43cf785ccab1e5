# SPDX-License-Identifier: GPL-2.0
"""The pinned elevator, and the bound on the size of requests, as the server sees them."""

from nbd import *
from genl import Genl, attach, negotiate

PINNED = "pinned"
LIMIT = 4096


def selected():
    return re.search(r"\[(.*)\]", dev.read("queue/scheduler")).group(1)


def refusals():
    """Each write of another one fails, and is told once."""
    for name in ("mq-deadline", "kyber", "bfq", "bogus", "None", "x" * 200):
        got = outcome(dev.write, "queue/scheduler", name)
        ktap.check(f"{name[:20]} is refused", got not in ("ok", "EIO"), got)
        ktap.equal("and none is what it stays", "none", selected())
    ktap.equal("none is not refused", "ok", outcome(dev.write, "queue/scheduler", "none"))


def message():
    """One line that names the device and the task."""
    def told():
        begin = mark()
        outcome(dev.write, "queue/scheduler", "mq-deadline")
        return log_lines(PINNED, begin)

    # They are rate-limited, and there were others.
    lines = wait_for(told)
    ktap.equal("one line is logged", 1, len(lines))
    text = "".join(lines)
    ktap.check("it names the device", "nbd0" in text, text)
    ktap.check("and the task", f"{os.getpid()}" in text and "python3" in text, text)
    begin, since = mark(), time.monotonic()
    for _ in range(200):
        outcome(dev.write, "queue/scheduler", "mq-deadline")
    lines = log_lines(PINNED, begin)
    # Ten in five seconds.
    most = 10 * ((time.monotonic() - since) / 5 + 2)
    ktap.check("two hundred attempts do not flood the log", len(lines) <= min(most, 199),
               len(lines))


def games(while_there_is):
    """What root may write, as long as `while_there_is` runs: how often all of it."""
    values = {
        "queue/nomerges": (0, 1, 2),
        "queue/max_sectors_kb": (4, 8, 128, 1280, 4096),
        "queue/nr_requests": (2, 4, 16, 64, 128, 256, 1024),
        "queue/rq_affinity": (0, 1, 2),
        "queue/read_ahead_kb": (0, 128, 4096),
        "queue/wbt_lat_usec": (0, -1, 75000),
        "queue/scheduler": ("mq-deadline", "bfq", "none", "kyber"),
        "queue/io_timeout": (30000, 60000),
        "queue/discard_max_bytes": (0, 1 << 20, 1 << 30),
        "queue/iostats": (0, 1),
        "queue/write_cache": ("write back", "write through"),
        "queue/max_segments": (1, 128),
        "queue/max_hw_sectors_kb": (4, 4096),
        "queue/zoned": ("host-managed",),
        "queue/io_poll": (0, 1),
    }
    rounds = 0
    while while_there_is.poll() is None:
        for name, choices in values.items():
            if (dev.sys / name).exists():
                try:
                    dev.write(name, choices[rounds % len(choices)])
                except OSError:
                    pass
        rounds += 1
    return rounds


def large():
    """Large and small, in order and at random, direct and through the page cache."""
    fio = ["fio", f"--filename={dev.node}", "--size=16M", "--io_size=6M", "--minimal",
           "--end_fsync=1"]
    return subprocess.Popen(fio + [
        "--name=direct", "--direct=1", "--rw=randrw", "--bsrange=512-1M", "--bs_unaligned=0",
        "--blockalign=512", "--ioengine=libaio", "--iodepth=16",
        "--name=order", "--direct=1", "--rw=write", "--bs=4k", "--ioengine=libaio",
        "--iodepth=32", "--iodepth_batch=16", "--offset=16M",
        "--name=cache", "--rw=readwrite", "--bs=64k", "--offset=32M",
    ], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def under_load(title):
    server.tell("reset")
    fio = large()
    rounds = games(fio)
    output = fio.communicate()[0].decode()
    ktap.check(f"I/O goes on during {title}", fio.returncode == 0 and rounds > 0, output)
    print(f"# {rounds} rounds", flush=True)
    stats = server.stats()
    ktap.check(f"no request is larger than {LIMIT} bytes during {title}",
               stats["max_length"] <= LIMIT and stats["read"] > 100 and stats["write"] > 100,
               stats)
    ktap.equal("none is what it stays", "none", selected())
    return stats


ktap = Ktap(29)
load_driver()
server = Server("--delay", "200")
nl = Genl()
dev = Device(3)
ktap.equal("there is none before the first connection", "none", selected())
dev = Device(0)
attach(nl, 0, server.address, dead=20 * PATIENCE)
ktap.equal("and none after it", "none", selected())
ktap.equal("a request may have one page", "4", dev.read("queue/max_hw_sectors_kb"))
refusals()
message()
stats = under_load("games with sysfs")
ktap.check("requests are under way together", stats["max_in_flight"] > 8, stats["max_in_flight"])
with ktap.case("reconnect, resize, and connect anew leave it pinned"):
    server.tell("drop")
    dev.loses()
    sock = negotiate(server.address)[0]
    nl.reconfigure(0, fds=[sock.fileno()])
    sock.close()
    expect(selected() == "none" and outcome(dev.write, "queue/scheduler", "bfq") != "ok")
    nl.reconfigure(0, size=32 << 20)
    expect(selected() == "none" and outcome(dev.write, "queue/scheduler", "bfq") != "ok")
    nl.disconnect(0)
    dev.becomes_unused()
    expect(selected() == "none" and outcome(dev.write, "queue/scheduler", "bfq") != "ok")
    attach(nl, 0, server.address, connections=3)
    expect(selected() == "none" and outcome(dev.write, "queue/scheduler", "bfq") != "ok")
under_load("the same with three connections")
ktap.equal("the server has nothing to complain about", [], server.stats()["violation"])
nl.disconnect(0)
server.stop()
ktap.finish()
