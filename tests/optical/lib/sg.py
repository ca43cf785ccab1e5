# SPDX-License-Identifier: GPL-2.0
"""sg.py NODE COMMAND [RUN]: sends a command without data, in hex, with SG_IO, as any program may, until
the drive carries it out. Prints the sense that came before, key, code and qualifier in hex, and "ok".
Has the shell RUN something when the device is open, which by itself has the kernel look for events.
"""

import ctypes
import fcntl
import os
import struct
import sys

SG_IO = 0x2285
SG_DXFER_NONE = -1
TIMEOUT_MS = 60000
TRIES = 8


def send(fd, command):
    """Sends a command; returns the sense, or "ok"."""
    cdb = ctypes.create_string_buffer(command, len(command))
    sense = ctypes.create_string_buffer(64)
    # struct sg_io_hdr
    request = bytearray(
        struct.pack(
            "=iiBBHIQQQIIi4xQBBBBHHiII4x",
            ord("S"),
            SG_DXFER_NONE,
            len(command),
            len(sense),
            0,
            0,
            0,
            ctypes.addressof(cdb),
            ctypes.addressof(sense),
            TIMEOUT_MS,
            *[0] * 12,
        )
    )
    fcntl.ioctl(fd, SG_IO, request)
    raw = sense.raw
    return f"{raw[2] & 15:x}/{raw[12]:02x}/{raw[13]:02x}" if raw[0] else "ok"


def main():
    """Sends what the command line says."""
    node, command, *run = sys.argv[1:]
    fd = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    for what in run:
        os.system(what)
    answers = []
    while len(answers) < TRIES and answers[-1:] != ["ok"]:
        answers.append(send(fd, bytes.fromhex(command)))
    print(*answers)


main()
