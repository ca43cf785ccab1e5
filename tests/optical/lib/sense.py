# SPDX-License-Identifier: GPL-2.0
"""sense.py NODE COMMAND: sends a command, in hex, with CDROM_SEND_PACKET, and prints "ok", or the
name of the errno and the sense that came: key, code and qualifier, in hex.
"""

import ctypes
import errno
import fcntl
import os
import struct
import sys

CDROM_SEND_PACKET = 0x5393
CGC_DATA_NONE = 3


def main():
    node, command = sys.argv[1], bytes.fromhex(sys.argv[2])
    sense = ctypes.create_string_buffer(b"\xee" * 64, 64)
    # struct cdrom_generic_command: command, buffer, length, status, sense, direction, quiet,
    # timeout, unused.
    request = bytearray(
        struct.pack(
            "=12s4xQIiQB3xiiiQ",
            command.ljust(12, b"\0"),
            0,
            0,
            0,
            ctypes.addressof(sense),
            CGC_DATA_NONE,
            1,
            6000,
            0,
            0,
        )
    )
    fd = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(fd, CDROM_SEND_PACKET, request)
        print("ok")
    except OSError as error:
        raw = sense.raw
        print(errno.errorcode[error.errno], f"{raw[2] & 15:x}/{raw[12]:02x}/{raw[13]:02x}")


main()
