#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""optical.py DIRECTORY: what the guest of the suite optical measured.

Reads optical.lines (see optical) in DIRECTORY; writes optical.json and optical.txt, and the tables
to stdout. Times without a clock are those of a real drive: the emulated one counts what each command
would take, and what else this machine does makes no difference. With a clock, the drive takes that
time, and is idle while it has nothing to do: that does depend on the machine.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys

WORK = "write", "read", "seek", "sync", "other"
# The limit is what is written in a row, each packet once.
TABLE = """
Packets written, of how many that differ (ratio), how often the one that was written most, how many
more than once; KiB read, flushes, and writes that no drive should get. Seconds of a real drive: ours,
straight to the drive, and the limit: the same packets in a row, as if an image were written.
"""
CLOCK = """
With a drive that takes its time, four times that of a real one; all times here are a real one's. Whole packets in a row: the drive's seconds at work and idle, and how
often it had nothing to do; ours / straight is of work and idle together. A lone direct write of 2 KiB:
its mean, and what the drive takes for it. Reads of 2 KiB beside a stream of writes.
"""


def numbers(words):
    """NAME=VALUE as a dictionary."""
    pairs = (word.split("=") for word in words)
    return {name: float(value) if "." in value else int(value) for name, value in pairs}


def rows_of(path):
    """The lines, and those of the guest that are about something that failed."""
    rows, failed = [], []
    for line in open(path):
        kind, *words = line.split()
        if kind in ("C", "T") and len(words) > 3:
            medium, load, way, *rest = words
            rows.append({"medium": medium, "load": load, "way": way, "clock": kind == "T",
                         **numbers(rest)})
        elif line.rstrip().endswith("failed"):
            failed.append(line.strip())
    return rows, failed


def work(row):
    """The seconds that the drive was at work."""
    return sum(row.get(f"time_{kind}", 0) for kind in WORK) / 1e6


def idle(row):
    """The seconds that it was idle, as a real drive, which is not slow."""
    return row.get("time_idle", 0) / row.get("slow", 1) / 1e6


def derived(rows):
    """Adds what follows from the numbers."""
    packet = {row["medium"]: row["time_write"] / row["writes"] / 1e6
              for row in rows if row["load"] == "stream" and row["way"] == "packet"}
    for row in rows:
        row["work"] = work(row)
        row["idle"] = idle(row)
        for key in [key for key in row if key.endswith("_ms")]:
            row[key] /= row.get("slow", 1)
        if row["clock"]:
            continue
        differ = row["wear_packets"]
        row["ratio"] = row["writes"] / differ if row["way"] == "packet" and differ else None
        if row["medium"] in packet:
            row["limit"] = differ * packet[row["medium"]]
    return rows


def find(rows, medium, load, way):
    some = (r for r in rows if (r["medium"], r["load"], r["way"]) == (medium, load, way))
    return next(some, None)


def counted(rows):
    yield (f"{'medium':8}{'load':15}{'packets':>8}{'differ':>8}{'ratio':>7}{'most':>6}{'again':>7}"
           f"{'read/K':>9}{'flushes':>9}{'bad':>5}{'ours, s':>10}{'straight':>10}{'limit':>8}"
           f"{'/limit':>8}{'faster':>8}")
    for row in rows:
        if row["clock"] or row["way"] != "packet":
            continue
        other = find(rows, row["medium"], row["load"], "straight")
        bad = sum(row[key] for key in ("writes_rejected", "writes_partial", "rmw"))
        limit = row.get("limit")
        yield (f"{row['medium']:8}{row['load']:15}{row['writes']:8}{row['wear_packets']:8}"
               f"{row['ratio'] or 0:7.2f}{row['wear_max']:6}{row['worn_again']:7}"
               f"{row['read_blocks'] * 2:9}{row['syncs']:9}{bad:5}{row['work']:10.2f}"
               + (f"{other['work']:10.2f}" if other else f"{'-':>10}")
               + (f"{limit:8.2f}{row['work'] / limit:8.2f}" if limit else f"{'-':>8}{'-':>8}")
               + (f"{other['work'] / row['work']:7.1f}x" if other and row["work"] else ""))


def clocked(rows):
    yield (f"{'medium':8}{'straight, s: work':>18}{'idle':>7}{'gaps':>6}{'ours: work':>12}{'idle':>7}"
           f"{'gaps':>6}{'ours/straight':>15}{'lone, ms':>10}{'drive':>8}{'/drive':>8}"
           f"{'reads':>7}{'median':>8}{'p99, ms':>9}")
    for medium in dict.fromkeys(row["medium"] for row in rows):
        straight, ours, lone, reader = (
            find(rows, medium, load, way) for load, way in
            (("stream", "straight"), ("stream", "packet"), ("lone", "packet"), ("reader", "packet")))
        if not (straight and ours and lone and reader):
            continue
        rate = (straight["work"] + straight["idle"]) / (ours["work"] + ours["idle"])
        own = lone["work"] * 1000 / lone["ios"]
        yield (f"{medium:8}{straight['work']:18.2f}{straight['idle']:7.2f}{straight['idle_gaps']:6}"
               f"{ours['work']:12.2f}{ours['idle']:7.2f}{ours['idle_gaps']:6}{rate:15.2f}"
               f"{lone['mean_ms']:10.1f}{own:8.1f}{lone['mean_ms'] / own:8.2f}"
               f"{reader['ios']:7}{reader['median_ms']:8.1f}{reader['p99_ms']:9.1f}")


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0]


def main():
    directory = pathlib.Path(sys.argv[1])
    rows, failed = rows_of(directory / "optical.lines")
    rows = derived(rows)
    result = {
        "suite": "optical", "failed": failed, "results": rows,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output_of("git", "describe", "--always", "--dirty"),
        "load": round(os.getloadavg()[2], 1), "processors": os.cpu_count(),
        "quick": bool(os.environ.get("RBLK_BENCH_QUICK")),
    }
    (directory / "optical.json").write_text(json.dumps(result, indent=1) + "\n")
    text = "\n".join([TABLE.strip(), "", *counted(rows), "", CLOCK.strip(), "", *clocked(rows),
                      *failed]) + "\n"
    (directory / "optical.txt").write_text(text)
    print(text, end="")
    if failed or not rows:
        sys.exit("not all of it could be measured")


main()
