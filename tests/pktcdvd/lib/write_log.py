# SPDX-License-Identifier: GPL-2.0
"""Reads what the kernel's dm-log-writes has recorded: the writes that a device saw, in the order
in which they reached its medium.

A superblock, then for each entry one block with its header, and the data behind it.
"""

import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SECTOR = 512


class Entry:
    """One write, flush, discard or mark."""

    def __init__(self, start, length, flags, data, mark):
        self.start, self.length, self.flags = start, length, flags
        self.data, self.mark = data, mark

    def is_write(self):
        return self.length > 0 and not self.flags & (DISCARD | MARK)

    def is_flush(self):
        return bool(self.flags & FLUSH)

    def is_discard(self):
        return bool(self.flags & DISCARD)

    def __str__(self):
        return f"{self.length} bytes at {self.start}, flags {self.flags:#x} {self.mark}"


def entries(path):
    """All entries of the log on the disk `path`; the recorder must be gone."""
    with open(path, "rb") as log:
        magic, version, count, block = struct.unpack("<QQQI", log.read(28))
        assert magic == MAGIC and version == 1, "this is not a log"
        at = block
        for _ in range(count):
            log.seek(at)
            header = log.read(block)
            sector, sectors, flags, mark_length = struct.unpack("<4Q", header[:32])
            at += block
            length = sectors * block
            data = None
            if length and not flags & DISCARD:
                data = log.read(length)
                at += length
            mark = header[32 : 32 + mark_length].decode() if flags & MARK else ""
            yield Entry(sector * block, length, flags, data, mark)
