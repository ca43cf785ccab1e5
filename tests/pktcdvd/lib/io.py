#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""io.py FILE [write|read|fsync NODE START BYTES [sync]]: direct IO of a device, which it opens for
each: a write of what FILE has there, a read, or an fsync; if "sync" is said, an fsync after it. Prints
"ok", or the name of the error. Without a command, reads commands from its input, one a line, until
that ends.
"""

import errno
import os
import sys

from disk import Disk


def carry_out(data, what, node, start, length, sync=None):
    start, length = int(start), int(length)
    disk = None
    try:
        disk = Disk(node)
        if what == "write":
            disk.write(start, data[start : start + length])
        elif what == "read":
            disk.read(start, length)
        if what == "fsync" or sync:
            os.fsync(disk.fd)
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]
    finally:
        if disk:
            os.close(disk.fd)


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    if len(sys.argv) > 2:
        print(carry_out(data, *sys.argv[2:]))
    for line in sys.stdin if len(sys.argv) == 2 else ():
        print(carry_out(data, *line.split()), flush=True)


main()
