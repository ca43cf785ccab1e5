#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""uevents.py NAME COMMAND...: runs the command, and prints for each change of the disk NAME that
the kernel reports during it and shortly after, and at least for one: its size in sectors and whether
there is pid, both as they are when the report comes in."""

import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

QUIET = 1.0
# How long it waits for the first.
PATIENCE = 20 * int(os.environ.get("RBLK_PATIENCE", 1))


def listen(sock, name, done):
    disk = pathlib.Path("/sys/block") / name
    begun, found = time.monotonic(), False
    while True:
        try:
            words = sock.recv(65536).split(b"\0")
        except socket.timeout:
            if done.is_set() and (found or time.monotonic() > begun + PATIENCE):
                return
            continue
        # The state comes first: the text can be looked at later.
        pid = (disk / "pid").exists()
        size = int((disk / "size").read_text())
        if b"ACTION=change" in words and b"DEVNAME=" + name.encode() in words:
            print(size, "pid" if pid else "-", flush=True)
            found = True


def main(name, command):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
    sock.bind((os.getpid(), 1))
    sock.settimeout(QUIET)
    done = threading.Event()
    thread = threading.Thread(target=listen, args=(sock, name, done))
    thread.start()
    status = subprocess.run(command, stdout=sys.stderr).returncode
    done.set()
    thread.join()
    sys.exit(status)


main(sys.argv[1], sys.argv[2:])
