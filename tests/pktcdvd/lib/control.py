#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""control.py COMMAND DEV-INDEX DEV PKT-DEV [IOCTL]: the ioctl of /dev/pktcdvd/control.

Device numbers are major:minor. Prints the errno, or ok, and then the structure as it came back:
command, index, device, packet device, number of devices. COMMAND "bad-pointer" passes an address
that is not mapped.
"""

import ctypes
import errno
import os
import struct
import sys

PACKET_CTRL_CMD = 0xC0185801
COMMANDS = {"setup": 0, "teardown": 1, "status": 2}
libc = ctypes.CDLL(None, use_errno=True)


def encode(text):
    major, minor = map(int, text.split(":"))
    return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12


def decode(number):
    return f"{number >> 8 & 0xFFF}:{number & 0xFF | number >> 12 & 0xFFF00}"


def main():
    command, index, dev, pkt_dev = sys.argv[1:5]
    request = int(sys.argv[5], 0) if len(sys.argv) > 5 else PACKET_CTRL_CMD
    number = COMMANDS.get(command)
    if number is None:
        number = 0 if command == "bad-pointer" else int(command)
    # What is behind the structure must stay.
    data = ctypes.create_string_buffer(
        struct.pack("=6I8s", number, int(index), encode(dev), encode(pkt_dev), 77, 0, b"sentinel")
    )
    fd = os.open("/dev/pktcdvd/control", os.O_RDONLY)
    pointer = ctypes.c_void_p(8) if command == "bad-pointer" else data
    status = libc.ioctl(fd, ctypes.c_ulong(request), pointer)
    result = errno.errorcode[ctypes.get_errno()] if status else "ok"
    number, index, dev, pkt_dev, devices, _, guard = struct.unpack("=6I8s", data.raw[:32])
    assert guard == b"sentinel"
    print(result, number, index, decode(dev), decode(pkt_dev), devices)


main()
