#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""lower.py DIRECTORY: what the guest of the suite lower measured.

Reads lower.lines (see lower) in DIRECTORY; writes lower.json and lower.txt, and the table to stdout.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys

NAMES = {"card": "flash card", "raid": "RAID 5"}
HEAD = """
A file system straight on a device, and on a packet device on it with packets of 128 KiB. Units of 128 KiB
that were written, of how many that differ (of the card: erase blocks that it has begun); MiB written
and read; seconds that the load took, and that the device was at work: of the RAID, the busiest of its
disks. Faster is by the seconds of the load.
"""


def rows_of(path):
    """The lines, and those of the guest that are about something that failed."""
    rows, failed = [], []
    for line in open(path):
        kind, *words = line.split() or [""]
        if kind == "L" and len(words) > 3:
            lower, load, way, *rest = words
            pairs = (word.split("=") for word in rest)
            rows.append({"lower": lower, "load": load, "way": way,
                         **{name: int(value) for name, value in pairs}})
        elif line.rstrip().endswith("failed"):
            failed.append(line.strip())
    return rows, failed


def table(rows):
    yield (f"{'device':12}{'load':10}{'way':10}{'units':>7}{'differ':>8}{'ratio':>7}{'written':>9}"
           f"{'read':>7}{'takes, s':>10}{'at work':>9}{'faster':>8}")
    straight = {(r["lower"], r["load"]): r for r in rows if r["way"] == "straight"}
    for row in sorted(rows, key=lambda r: (r["lower"], r["load"], r["way"] == "packet")):
        other = straight.get((row["lower"], row["load"]))
        # The kernel's RAID does not tell which stripes it has written; a packet is one of them.
        units = row["erased"] or None
        yield (f"{NAMES[row['lower']]:12}{row['load']:10}{row['way']:10}"
               + (f"{units:7}{row['differ']:8}{units / row['differ']:7.2f}" if units and row["differ"]
                  else f"{'-':>7}{'-':>8}{'-':>7}")
               + f"{row['written'] / 2**20:9.1f}{row['read'] / 2**20:7.1f}"
               f"{row['elapsed_us'] / 1e6:10.2f}{row['busy_us'] / 1e6:9.2f}"
               + (f"{other['elapsed_us'] / row['elapsed_us']:7.1f}x"
                  if other and row["way"] == "packet" and row["elapsed_us"] else ""))


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0]


def main():
    directory = pathlib.Path(sys.argv[1])
    rows, failed = rows_of(directory / "lower.lines")
    text = "\n".join([HEAD.strip(), "", *table(rows), *failed]) + "\n"
    result = {
        "suite": "lower", "failed": failed, "results": rows, "text": text,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output_of("git", "describe", "--always", "--dirty"),
        "load": round(os.getloadavg()[2], 1), "processors": os.cpu_count(),
        "quick": bool(os.environ.get("RBLK_BENCH_QUICK")),
    }
    (directory / "lower.json").write_text(json.dumps(result, indent=1) + "\n")
    (directory / "lower.txt").write_text(text)
    print(text, end="")
    if failed or not rows:
        sys.exit("not all of it could be measured")


main()
