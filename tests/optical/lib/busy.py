# SPDX-License-Identifier: GPL-2.0
"""busy.py read|direct|buffered PATH AT BEGUN STOP: reads or writes a block device or a file, from byte
AT on, as long as there is no file STOP. Makes a file BEGUN after the first time. "buffered" has what it
wrote put on the medium each time. At last it looks whether all is there, and prints "ok".
"""

import mmap
import os
import sys

BLOCK = 2048
# Each in a packet of its own, so that none is served from the buffer of the one before.
STEP = 65536
STEPS = 64

FLAGS = {
    "read": os.O_RDONLY | os.O_DIRECT,
    "direct": os.O_RDWR | os.O_CREAT | os.O_DIRECT,
    "buffered": os.O_RDWR | os.O_CREAT,
}


def pattern(number):
    """What is written the NUMBERth time."""
    return b"%16d" % number * (BLOCK // 16)


def main():
    """Does what the command line says."""
    kind, path, at, begun, stop = sys.argv[1:]
    fd = os.open(path, FLAGS[kind], 0o600)
    buffer = mmap.mmap(-1, BLOCK)
    last = {}
    times = 0
    while not os.path.exists(stop):
        place = int(at) + times % STEPS * STEP
        if kind == "read":
            done = os.preadv(fd, [buffer], place)
        else:
            buffer[:] = pattern(times)
            done = os.pwritev(fd, [buffer], place)
            last[place] = times
        if kind == "buffered":
            os.fsync(fd)
        if done != BLOCK:
            sys.exit(f"{kind}: {done} bytes of {BLOCK}")
        times += 1
        if times == 1:
            open(begun, "wb").close()
    if kind == "buffered":
        # So that it is read from the medium.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    for place, number in last.items():
        os.preadv(fd, [buffer], place)
        if buffer[:] != pattern(number):
            sys.exit(f"{kind}: what was written at {place} is not there")
    print("ok")


main()
