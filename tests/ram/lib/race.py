#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""race.py NAME TURNS: four processes add and remove one disk at the same time.

Each attempt works, or says that somebody else was faster: EEXIST, or ENODEV and EBUSY. Of the disks
that were added, each is removed once.
"""

import collections
import errno
import multiprocessing
import os
import sys

CLASS = "/sys/class/rblk-ram"
MAY = {"add": (errno.EEXIST,), "remove": (errno.ENODEV, errno.EBUSY)}


def attempt(what, text):
    """How it went: ok, or the name of an errno."""
    fd = os.open(f"{CLASS}/{what}", os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        if error.errno not in MAY[what]:
            raise
        return errno.errorcode[error.errno]
    finally:
        os.close(fd)
    return "ok"


def contend(name, turns):
    """What became of the attempts of one process."""
    results = collections.Counter()
    for _ in range(turns):
        results["add", attempt("add", f"size=1M name={name}")] += 1
        results["remove", attempt("remove", name)] += 1
    return results


def main():
    name, turns = sys.argv[1], int(sys.argv[2])
    with multiprocessing.Pool(4) as pool:
        each = pool.starmap(contend, [(name, turns)] * 4, chunksize=1)
    results = sum(each, collections.Counter())
    results["remove", attempt("remove", name)] += 1
    print(dict(results))
    assert results["add", "ok"] == results["remove", "ok"] > 0
    with open(f"{CLASS}/device_map", encoding="ascii") as file:
        assert not file.read()
    assert not os.path.exists(f"/sys/block/{name}")


main()
