#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""shape.py LOG PACKET-BYTES OFFSET WRITES [FLUSHES [DISCARDS]]: whether every write in a log was
one whole aligned packet.

At least so many writes, flushes and discards must be there. The last flush must come after the
last write. Prints the counts.
"""

import sys

from write_log import FUA, entries


def main():
    path, packet, offset = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    least = [int(n) for n in sys.argv[4:]]
    writes = flushes = discards = 0
    flushed = True
    for entry in entries(path):
        if entry.is_discard():
            discards += 1
        elif entry.is_write():
            writes += 1
            flushed = False
            aligned = entry.start >= offset and (entry.start - offset) % packet == 0
            assert aligned and entry.length == packet, f"no whole packet: {entry}"
            assert not entry.flags & FUA, f"FUA: {entry}"
        elif entry.is_flush():
            flushes += 1
            flushed = True
    print(f"{writes} writes, {flushes} flushes, {discards} discards")
    for got, wanted in zip((writes, flushes, discards), least):
        assert got >= wanted, f"{got}, not {wanted} or more"
    assert flushed, "the last writes were not flushed"


main()
