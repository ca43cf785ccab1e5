#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""NBD's generic netlink family without any library, so that messages can be wrong.

As a program:
  genl.py connect INDEX ADDRESS [connections=N] [timeout=S] [dead=S] [block=N] [size=N]
                                [identifier=TEXT] [client_flags=N] [max_request=N]
  genl.py disconnect INDEX
  genl.py status [INDEX]
  genl.py keep INDEX ADDRESS    gives the device new connections whenever one died
"""

import os
import socket
import struct
import sys

CONNECT, DISCONNECT, RECONFIGURE, LINK_DEAD, STATUS = range(1, 6)
INDEX, SIZE, BLOCK_SIZE, TIMEOUT, SERVER_FLAGS, CLIENT_FLAGS, SOCKETS, DEAD_TIMEOUT = range(1, 9)
DEVICE_LIST, IDENTIFIER = 9, 10
# Only ours; in an item of SOCKETS there is one, too.
MAX_REQUEST = SOCK_PLACE = 64
DESTROY_ON_DISCONNECT, DISCONNECT_ON_CLOSE = 1, 2
NESTED = 0x8000
REQUEST, ACK = 1, 4
FLAG_FLUSH, FLAG_FUA, FLAG_TRIM, FLAG_ZEROES, FLAG_MULTI = 4, 8, 32, 64, 256
FLAG_READ_ONLY = 2


def attr(kind, payload):
    """An attribute: bytes as they are, text with a NUL."""
    if isinstance(payload, str):
        payload = payload.encode() + b"\0"
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + bytes(-length % 4)


def u32(kind, value):
    return attr(kind, struct.pack("=I", value & 0xFFFFFFFF))


def u64(kind, value):
    return attr(kind, struct.pack("=Q", value & (2**64 - 1)))


def sockets(fds):
    """Each is a descriptor, or one and the number of the connection that it is to be."""
    fields = lambda fd: u32(1, fd) if isinstance(fd, int) else u32(1, fd[0]) + u32(SOCK_PLACE, fd[1])
    return attr(SOCKETS | NESTED, b"".join(attr(1 | NESTED, fields(fd)) for fd in fds))


def parse(data):
    """The attributes as a list of (kind, payload)."""
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found.append((kind & 0x3FFF, data[4:length]))
        data = data[(length + 3) & ~3 :]
    return found


class Genl:
    """A socket of a generic netlink family."""

    def __init__(self, family="nbd"):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.sequence = 0
        self.family = 0x10
        (reply,) = self.call(3, attr(2, family))
        found = dict(parse(reply))
        self.family = struct.unpack("=H", found[1])[0]
        self.groups = {}
        for _, group in parse(found.get(7, b"")):
            fields = dict(parse(group))
            name = fields[1].rstrip(b"\0").decode()
            self.groups[name] = struct.unpack("=I", fields[2])[0]

    def call(self, command, attributes=b"", flags=REQUEST | ACK):
        """Sends, and returns the attributes of each reply; raises OSError."""
        self.sequence += 1
        body = struct.pack("=BBH", command, 1, 0) + attributes
        head = struct.pack("=IHHII", 16 + len(body), self.family, flags, self.sequence, 0)
        self.send(head + body)
        replies = []
        while True:
            for kind, sequence, payload in self.receive():
                if sequence != self.sequence:
                    continue
                if kind == 2:
                    error = -struct.unpack_from("=i", payload)[0]
                    if error:
                        raise OSError(error, os.strerror(error))
                    return replies
                replies.append(payload[4:])

    def send(self, message):
        """The kernel has done what it asks for when this returns."""
        self.sock.sendto(message, (0, 0))

    def receive(self):
        """One datagram's messages as (type, sequence, payload)."""
        data = self.sock.recv(1 << 20)
        while len(data) >= 16:
            length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
            yield kind, sequence, data[16:length]
            data = data[(length + 3) & ~3 :]

    def join(self, group="nbd_mc_group"):
        self.sock.setsockopt(270, 1, self.groups[group])

    def event(self, timeout):
        """The next multicast as (command, attributes), or None."""
        self.sock.settimeout(timeout)
        try:
            for _, _, payload in self.receive():
                return payload[0], dict(parse(payload[4:]))
        except socket.timeout:
            return None
        finally:
            self.sock.settimeout(None)

    def connect(self, index, size, fds, block=512, **more):
        attributes = u64(SIZE, size) + u64(BLOCK_SIZE, block) + options(fds=fds, **more)
        if index is not None:
            attributes = u32(INDEX, index) + attributes
        (reply,) = self.call(CONNECT, attributes)
        self.reply = dict(parse(reply))
        return struct.unpack("=I", self.reply[INDEX])[0]

    def disconnect(self, index, **more):
        self.call(DISCONNECT, u32(INDEX, index) + options(**more))

    def reconfigure(self, index, **more):
        self.call(RECONFIGURE, u32(INDEX, index) + options(**more))

    def status(self, index=None):
        """{index: connected}"""
        wanted = b"" if index is None else u32(INDEX, index)
        found = {}
        for reply in self.call(STATUS, wanted):
            for _, item in parse(dict(parse(reply)).get(DEVICE_LIST, b"")):
                fields = dict(parse(item))
                found[struct.unpack("=I", fields[1])[0]] = fields[2][0]
        return found


def options(fds=None, flags=None, timeout=None, dead=None, client_flags=None, identifier=None,
            size=None, block=None, max_request=None):
    """Attributes that CONNECT and RECONFIGURE may have."""
    found = b""
    for kind, value in ((SIZE, size), (BLOCK_SIZE, block), (TIMEOUT, timeout),
                        (DEAD_TIMEOUT, dead), (SERVER_FLAGS, flags),
                        (CLIENT_FLAGS, client_flags)):
        if value is not None:
            found += u64(kind, value)
    if identifier is not None:
        found += attr(IDENTIFIER, identifier)
    if max_request is not None:
        found += u32(MAX_REQUEST, max_request)
    if fds is not None:
        found += sockets(fds)
    return found


def receive_exactly(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise ConnectionError("the server went away")
        data += more
    return data


def negotiate(address, name=""):
    """Connects to unix:PATH or tcp:ADDRESS:PORT: (socket, size, transmission flags)."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(rest)
    else:
        host, _, port = rest.rpartition(":")
        sock = socket.create_connection((host.strip("[]"), int(port)))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert receive_exactly(sock, 18)[:16] == b"NBDMAGICIHAVEOPT"
    sock.sendall(struct.pack(">I", 3))
    sock.sendall(b"IHAVEOPT" + struct.pack(">II", 1, len(name)) + name.encode())
    size, flags = struct.unpack(">QH", receive_exactly(sock, 10))
    return sock, size, flags


def attach(genl, index, address, connections=1, size=None, **more):
    """Connects a device to a server; the index."""
    links = [negotiate(address) for _ in range(connections)]
    more.setdefault("flags", links[0][2])
    found = genl.connect(index, size or links[0][1], [s.fileno() for s, _, _ in links], **more)
    for sock, _, _ in links:
        sock.close()
    return found


def keep(index, address):
    """For ever: a new connection for each that died. Says "ready", then a line for each."""
    listener, genl = Genl(), Genl()
    listener.join()
    print("ready", flush=True)
    while True:
        found = listener.event(1.0)
        if not found or found[0] != LINK_DEAD:
            continue
        if struct.unpack("=I", found[1][INDEX])[0] != index:
            continue
        try:
            sock, _, _ = negotiate(address)
            genl.reconfigure(index, fds=[sock.fileno()])
            sock.close()
            print("reconnected", flush=True)
        except OSError as error:
            print("failed:", error, flush=True)


def main(arguments):
    command, rest = arguments[0], arguments[1:]
    if command == "connect":
        more = dict(word.split("=", 1) for word in rest[2:])
        more = {k: v if k == "identifier" else int(v) for k, v in more.items()}
        print(attach(Genl(), int(rest[0]), rest[1], **more))
    elif command == "disconnect":
        Genl().disconnect(int(rest[0]))
    elif command == "status":
        for index, connected in Genl().status(*map(int, rest)).items():
            print(index, connected)
    elif command == "keep":
        keep(int(rest[0]), rest[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
