# SPDX-License-Identifier: GPL-2.0
"""sg.py NODE COMMAND: sends a command without data, in hex, with SG_IO, as any program may. Prints
"ok", or the sense that came: key, code and qualifier, in hex.
"""

import ctypes
import fcntl
import os
import struct
import sys

SG_IO = 0x2285
SG_DXFER_NONE = -1
TIMEOUT_MS = 60000


def main():
    """Sends what the command line says."""
    node, command = sys.argv[1], bytes.fromhex(sys.argv[2])
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
            0,
            0,
            0,
            *[0] * 9,
        )
    )
    fd = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.ioctl(fd, SG_IO, request)
    raw = sense.raw
    print(f"{raw[2] & 15:x}/{raw[12]:02x}/{raw[13]:02x}" if raw[0] else "ok")


main()
