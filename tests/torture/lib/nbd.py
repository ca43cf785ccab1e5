# SPDX-License-Identifier: GPL-2.0
"""Network block devices on a server of this guest that is killed, stopped and replaced while what is
on them is checked."""

import os
import signal
import socket
import subprocess
import sys
import time

from actor import LONG, PATIENCE, Failure, put, until
from stack import SCHEDULERS, Stack

sys.path.append(os.path.join(os.path.dirname(__file__), "../../nbd/lib"))
import genl  # pylint: disable=wrong-import-position,import-error

MIB = 1 << 20


class NbdStack(Stack):
    """A network block device. Its server keeps the data in a file, which outlives it."""

    index = 3

    def build(self):
        rng = self.rng
        self.file = f"{self.setting.directory}/{self.name}.image"
        self.socket = f"{self.setting.directory}/{self.name}.socket"
        self.size = rng.choice([8, 12]) * MIB
        self.links = rng.choice([1, 1, 2, 3])
        with open(self.file, "wb") as file:
            file.truncate(self.size)
        self.node = f"/dev/nbd{self.index}"
        self.netlink = genl.Genl()
        self.server = None
        self.gone = False
        self.options.discard_zeroes = False
        self.serve()
        self.connect()
        self.settle(0, self.size, 2048)

    def serve(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        words = ["nbdkit", "-f", "-U", self.socket, "file", self.file]
        self.server = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(LONG, self.listens, "nbdkit")

    def listens(self):
        """The socket is there before anybody listens."""
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(self.socket)
        except OSError:
            return False
        return True

    def kill(self):
        self.server.kill()
        self.server.wait()

    def connect(self):
        # Long enough for a new server to come.
        genl.attach(
            self.netlink, self.index, f"unix:{self.socket}", connections=self.links,
            timeout=PATIENCE, dead=PATIENCE, block=self.rng.choice([512, 1024, 2048]),
        )
        until(20, self.has_size, f"{self.node} to have a size")
        self.done["nbd connect"] += 1

    def has_size(self):
        with open(f"/sys/block/nbd{self.index}/size", encoding="ascii") as file:
            return int(file.read()) > 0

    def disconnect(self):
        self.netlink.disconnect(self.index)
        until(LONG, lambda: not os.path.exists(f"/sys/block/nbd{self.index}/pid"), "nbd to end")
        until(LONG, lambda: not self.has_size(), "nbd to have no size")
        self.done["nbd disconnect"] += 1

    # While it is in use.

    def meddle(self):
        if self.gone:
            self.rng.choice(self.common())()
            return
        self.rng.choice(
            [self.replace_server, self.stop_server, self.must_not_connect, self.status] + self.common()
        )()

    def switch_scheduler(self):
        """There is none, for ever: the block core says so with ENOMEM."""
        scheduler = self.rng.choice(SCHEDULERS)

        def change():
            put(self.queue("scheduler"), scheduler)

        if scheduler == "none":
            self.attempt("scheduler", change, "EBUSY")
        else:
            self.refused("scheduler", change, "ENOMEM", "EINVAL", "EBUSY")

    def replace_server(self):
        """All connections are lost with the server; another one comes, and gets new ones."""
        self.kill()
        self.pause(0.3)
        self.serve()
        for _ in range(self.links):
            self.relink()
        self.done["nbd server killed and replaced"] += 1

    def relink(self):
        end = time.monotonic() + PATIENCE
        while True:
            sock, _, _ = genl.negotiate(f"unix:{self.socket}")
            try:
                self.netlink.reconfigure(self.index, fds=[sock.fileno()])
                return
            except OSError as error:
                # Until the driver has seen that the old one is lost.
                if time.monotonic() > end:
                    raise Failure(f"nbd reconfigure: {error}") from error
                time.sleep(0.05)
            finally:
                sock.close()

    def stop_server(self):
        self.server.send_signal(signal.SIGSTOP)
        self.pause(1)
        self.server.send_signal(signal.SIGCONT)
        self.done["nbd server stopped for a while"] += 1

    def must_not_connect(self):
        sock, size, flags = genl.negotiate(f"unix:{self.socket}")
        try:
            self.refused(
                "nbd connect again",
                lambda: self.netlink.connect(self.index, size, [sock.fileno()], flags=flags),
                "EBUSY",
            )
        finally:
            sock.close()

    def status(self):
        if not self.netlink.status(self.index)[self.index]:
            raise Failure(f"{self.node} says that it is not connected")
        self.done["nbd status"] += 1

    def breaks(self):
        # What fails is memory, of writers; and the server is gone for good.
        self.gone = self.rng.random() < 0.5
        if self.gone:
            self.netlink.disconnect(self.index)
            self.done["nbd disconnect while in use"] += 1
        return self.gone

    def heals_in_use(self):
        return False

    def heal(self):
        until(LONG, lambda: not os.path.exists(f"/sys/block/nbd{self.index}/pid"), "nbd to end")
        until(LONG, lambda: not self.has_size(), "nbd to have no size")
        self.gone = False
        self.connect()

    # When it is closed.

    def between(self):
        how = self.rng.random()
        if how < 0.4:
            self.disconnect()
            self.connect()
        elif how < 0.6:
            self.disconnect()
            self.territory.check_all(self.file, self.done, "on the server")
            self.connect()

    def destroy(self):
        self.disconnect()
        self.kill()
        os.unlink(self.file)
