#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""mmc.py DEVICE COMMAND...: a command to an optical drive, past the block layer.

  send CDB [OUT]     sends it; both in hexadecimal
  get CDB BYTES      prints what it brings, in hexadecimal
  write BLOCK FILE   writes a file with one WRITE(10), forced to the disc with "fua" behind
  page5 PACKET TYPE  mode page 5: packets of that size, data block type TYPE
  sync

Prints the sense, KEY/ASC/ASCQ, and fails with status 3 if the drive refuses.
"""

import ctypes
import fcntl
import os
import sys

SG_IO = 0x2285
NONE, OUT, IN = -1, -2, -3


class SgIo(ctypes.Structure):
    _fields_ = [
        ("interface_id", ctypes.c_int),
        ("dxfer_direction", ctypes.c_int),
        ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p),
        ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    ]


def run(fd, cdb, out=b"", expected=0):
    direction = OUT if out else IN if expected else NONE
    data = ctypes.create_string_buffer(bytes(out) or bytes(expected), max(len(out), expected, 1))
    command = ctypes.create_string_buffer(bytes(cdb), len(cdb))
    sense = ctypes.create_string_buffer(64)
    io = SgIo(
        interface_id=ord("S"), dxfer_direction=direction, cmd_len=len(cdb), mx_sb_len=64,
        dxfer_len=len(out) or expected, dxferp=ctypes.addressof(data),
        cmdp=ctypes.addressof(command), sbp=ctypes.addressof(sense), timeout=60000)
    fcntl.ioctl(fd, SG_IO, io)
    if io.status or io.host_status:
        s = sense.raw
        print(f"{s[2] & 15:x}/{s[12]:02x}/{s[13]:02x}" if io.sb_len_wr else
              f"status {io.status:x} host {io.host_status:x}")
        sys.exit(3)
    return data.raw[:expected - io.resid] if expected else b""


def page5(packet, kind):
    page = bytearray(52)
    page[:5] = 5, 50, 0, 0x25, kind
    page[10:14] = packet.to_bytes(4, "big")
    return bytes(8) + page


def main(device, command, *args):
    fd = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    if command == "send":
        run(fd, bytes.fromhex(args[0]), bytes.fromhex("".join(args[1:])))
    elif command == "get":
        print(run(fd, bytes.fromhex(args[0]), expected=int(args[1])).hex())
    elif command == "page5":
        run(fd, bytes.fromhex("5510000000000000" "3c00"), page5(int(args[0]), int(args[1])))
    elif command == "sync":
        run(fd, bytes.fromhex("35000000000000000000"))
    elif command == "write":
        with open(args[1], "rb") as file:
            data = file.read()
        fua = 8 if args[2:] == ("fua",) else 0
        blocks = (len(data) // 2048).to_bytes(2, "big")
        run(fd, bytes([0x2A, fua]) + int(args[0]).to_bytes(4, "big") + b"\0" + blocks + b"\0", data)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
