# SPDX-License-Identifier: GPL-2.0
"""A disk that is written and read past the page cache, from memory that is aligned for it."""

import fcntl
import mmap
import os
import struct
import sys
import threading

FRAME = 2048
BLKGETSIZE64 = 0x80081272


class Disk:
    """An open disk; each thread has a buffer of its own."""

    def __init__(self, path, flags=os.O_RDWR | os.O_DIRECT):
        self.fd = os.open(path, flags)
        self.size = struct.unpack("Q", fcntl.ioctl(self.fd, BLKGETSIZE64, bytes(8)))[0]
        self.local = threading.local()

    def buffer(self, length):
        buffer = getattr(self.local, "buffer", None)
        if buffer is None or len(buffer) < length:
            buffer = self.local.buffer = mmap.mmap(-1, max(length, 1 << 20))
        return buffer

    def write(self, start, data):
        buffer = self.buffer(len(data))
        buffer[: len(data)] = data
        written = os.pwritev(self.fd, [memoryview(buffer)[: len(data)]], start)
        assert written == len(data), f"{written} of {len(data)} bytes written"

    def read(self, start, length):
        buffer = self.buffer(length)
        got = os.preadv(self.fd, [memoryview(buffer)[:length]], start)
        assert got == length, f"{got} of {length} bytes read"
        return buffer[:length]

    def read_all(self):
        parts = []
        for start in range(0, self.size, 1 << 20):
            parts.append(self.read(start, min(1 << 20, self.size - start)))
        return b"".join(parts)


def compare(where, start, got, wanted):
    """Ends the program if two pieces of a disk differ."""
    if got != wanted:
        at = next(i for i in range(len(got)) if got[i] != wanted[i])
        sys.exit(f"{where}: byte {start + at}: {got[at]:#x}, not {wanted[at]:#x}")


def run_all(functions):
    """Runs functions in threads; ends the program if one of them fails."""
    failures = []

    def guarded(function):
        try:
            function()
        except SystemExit as e:
            failures.append(str(e))
        except Exception as e:  # pylint: disable=broad-except
            failures.append(f"{type(e).__name__}: {e}")

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit("\n".join(failures))
