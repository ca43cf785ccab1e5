# SPDX-License-Identifier: GPL-2.0
"""disk.py NODE ORDER...: carries out orders on a block device, and prints what came of each. Without
words, reads them from its input, each with the character 31 behind it and a NUL behind the last one,
and prints a line for each time.

With "alarm" in front, a signal comes after a second that has a handler and does nothing.
The first word says how to open it: ro, rw, excl (for reading), or rw-cached, which is not direct.
Then, each as one word: write:AT:BYTES[:SEED], read:AT:BYTES, check:AT:BYTES[:SEED], fsync,
size, sleep:SECONDS, touch:FILE, await:FILE, run:COMMAND, ioctl:NUMBER[:ARGUMENT], packet:HEX[:BYTES-IN].
Positions are in bytes.
What is written is the same for the same seed. An order prints "ok", or the name of its errno; an
open that fails prints that, and is all. size prints the bytes of the device, and of a packet.
"""

# As little as there has to be: emulated machines take long to start it.
import errno
import fcntl
import mmap
import os
import sys
import time

MODES = {
    "ro": os.O_RDONLY | os.O_DIRECT,
    "rw": os.O_RDWR | os.O_DIRECT,
    "excl": os.O_RDONLY | os.O_EXCL,
    "nonblock": os.O_RDONLY | os.O_NONBLOCK,
    "rw-cached": os.O_RDWR,
}


REST = bytes((i * i * 7 + i * 13 + (i >> 4) * 31) & 255 for i in range(512))


def pattern(at, size, seed):
    """Bytes that depend on where they are, by sectors of 512 bytes."""
    out = bytearray()
    for sector in range(at // 512, (at + size) // 512):
        name = f"{seed}:{sector}:".encode()
        out += name + REST[len(name) :]
    return bytes(out)


def packet(fd, command, size=0):
    """CDROM_SEND_PACKET"""
    import ctypes

    class Packet(ctypes.Structure):
        """struct cdrom_generic_command"""

        _fields_ = [
            ("cmd", ctypes.c_ubyte * 12),
            ("buffer", ctypes.c_void_p),
            ("buflen", ctypes.c_uint),
            ("stat", ctypes.c_int),
            ("sense", ctypes.c_void_p),
            ("direction", ctypes.c_ubyte),
            ("quiet", ctypes.c_int),
            ("timeout", ctypes.c_int),
            ("reserved", ctypes.c_void_p),
        ]

    buffer = ctypes.create_string_buffer(max(size, 1))
    request = Packet(quiet=1, timeout=6000, direction=2 if size else 3, buflen=size)
    request.cmd[: len(command)] = list(command)
    request.buffer = ctypes.addressof(buffer)
    fcntl.ioctl(fd, 0x5393, request)


def carry_out(fd, order):
    """Carries out one order; returns what is to be printed."""
    what, *args = order.split(":")
    if what in ("write", "read", "check"):
        at, size = int(args[0]), int(args[1])
        seed = args[2] if len(args) > 2 else "0"
        buffer = mmap.mmap(-1, size)
        if what == "write":
            buffer[:] = pattern(at, size, seed)
            done = os.pwritev(fd, [buffer], at)
        else:
            done = os.preadv(fd, [buffer], at)
        if done != size:
            return f"short:{done}"
        if what == "check" and buffer[:] != pattern(at, size, seed):
            return "differs"
    elif what == "fsync":
        os.fsync(fd)
    elif what == "size":
        bytes_of_all, bytes_at_once = bytearray(8), bytearray(4)
        fcntl.ioctl(fd, 0x80081272, bytes_of_all)  # BLKGETSIZE64
        fcntl.ioctl(fd, 0x1279, bytes_at_once)  # BLKIOOPT
        return "/".join(str(int.from_bytes(n, sys.byteorder)) for n in (bytes_of_all, bytes_at_once))
    elif what == "sleep":
        time.sleep(float(args[0]))
    elif what == "touch":
        open(args[0], "wb").close()
    elif what == "await":
        while not os.path.exists(args[0]):
            time.sleep(0.1)
    elif what == "run":
        status = os.system(f"({':'.join(args)}) >&2")
        return f"rc={os.waitstatus_to_exitcode(status)}"
    elif what == "ioctl":
        fcntl.ioctl(fd, int(args[0], 0), int(args[1], 0) if len(args) > 1 else bytearray(256))
    elif what == "packet":
        packet(fd, bytes.fromhex(args[0]), int(args[1]) if len(args) > 1 else 0)
    else:
        sys.exit(f"unknown order {order}")
    return "ok"


def named(error):
    """The name of the errno of an OSError."""
    return errno.errorcode[error.errno]


def carry_out_all(node, mode, *orders):
    """Carries out orders; returns what is to be printed."""
    if mode == "alarm":
        import signal

        mode, *orders = orders
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.alarm(1)
    try:
        fd = os.open(node, MODES[mode])
    except OSError as error:
        return named(error)
    results = []
    for order in orders:
        try:
            results.append(carry_out(fd, order))
        except OSError as error:
            results.append(named(error))
    try:
        os.close(fd)
    except OSError as error:
        results.append("close:" + named(error))
    return " ".join(results) if results else "ok"


def requests():
    """What comes in. Programs that are run do not read it."""
    source = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    text = b""
    while more := os.read(source, 65536):
        *whole, text = (text + more).split(b"\0")
        for one in whole:
            yield one.decode().split("\37")[:-1]


def main():
    """Carries out what the command line says, or the input."""
    for words in [sys.argv[1:]] if len(sys.argv) > 1 else requests():
        print(carry_out_all(*words), flush=True)


main()
