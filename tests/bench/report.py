#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""report.py SUITE DIRECTORY KERNEL: what the runs of scripts/bench.sh measured.

Reads SUITE.counts and SUITE.times (see guest) and SUITE.blocks (plugin/count.c)
in DIRECTORY, and System.map of KERNEL, a build tree; writes SUITE.json and SUITE.txt
to DIRECTORY, and the table to stdout. Of a suite there may be only one of counts
and times, and of what one driver cannot do, the other's numbers alone.

Instructions are those of the kernel, of an operation, in the run that took the
fewest; a ratio is ours / in-tree. Throughput is compared run by run, each with the
run of the other driver beside it: the median of these ratios, and its quartiles.
"""

import bisect
import collections
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

from common import COPY, DRIVERS

GOAL_INSTRUCTIONS, GOAL_THROUGHPUT = 1.00, 1.00


class Symbols:
    """Finds functions by addresses."""

    def __init__(self, table):
        self.table = sorted(table)
        self.addresses = [address for address, _, _ in self.table]

    def at(self, address):
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.table[at][1:] if at >= 0 else ("?", False)


def demangle(names):
    """Readable names of Rust functions."""
    done = subprocess.run(["c++filt", "-s", "rust"], input="\n".join(names), text=True,
                          capture_output=True, check=True)
    # Without what only tells builds of a crate apart.
    readable = re.sub(r"\[[0-9a-f]{16}\]", "", done.stdout)
    return dict(zip(names, readable.split("\n")))


def kernel_symbols(path):
    """(address, name, whether of a module) of each function of the kernel."""
    lines = (line.split() for line in open(path))
    return [(int(a, 16), name, False) for a, kind, name in lines if kind in "tTwW"]


def regions(path):
    """For each region counted, the executions by block, and the bytes copied."""
    blocks = []
    for line in open(path):
        kind, *numbers = line.split()
        if kind == "B":
            blocks.append(tuple(map(int, numbers)))
        else:
            yield blocks, int(numbers[0])
            blocks = []


def by_function(blocks, symbols):
    """The instructions of each function."""
    functions = collections.Counter()
    for address, instructions in blocks:
        functions[symbols.at(address)] += instructions
    return functions


def lines_of(path):
    """The kind and the words of each line."""
    if not path.exists():
        return
    for line in open(path):
        kind, *words = line.split()
        yield kind, words


def counts_of(directory, suite, system_map):
    """The best run of each driver, configuration and test."""
    best, module, symbols = {}, [], None
    runs = collections.defaultdict(list)
    if not (directory / f"{suite}.counts").exists():
        return best
    base = kernel_symbols(system_map)
    counted = regions(directory / f"{suite}.blocks")
    for kind, words in lines_of(directory / f"{suite}.counts"):
        if kind == "N":
            module, symbols = [], None
        elif kind == "S":
            symbols = None
            if words[1] in "tTwW":
                module.append((int(words[0], 16), words[2], True))
        elif kind == "T":
            symbols = symbols or Symbols(base + module)
            driver, configuration, test = words[:3]
            result = count_of(next(counted), *map(int, words[3:5]), symbols)
            key = configuration, test, driver
            runs[key].append(result["nocopy"])
            if key not in best or result["nocopy"] < best[key]["nocopy"]:
                best[key] = result
    if next(counted, None):
        sys.exit("there are more regions than tests")
    for key, result in best.items():
        result["runs"] = runs[key]
    return best


def count_of(region, ops, nanoseconds, symbols):
    """What one run took, by operation; the time is the virtual one of that processor."""
    blocks, copied = region
    functions = by_function(blocks, symbols)
    total = sum(functions.values())
    copying = sum(n for (name, _), n in functions.items() if COPY.fullmatch(name))
    return {
        "nocopy": (total - copying) / ops,
        "own": sum(n for (_, own), n in functions.items() if own) / ops,
        "total": total / ops,
        "copied": copied / ops,
        "operations": ops,
        "milliseconds": nanoseconds / 1e6,
        "functions": {key: n / ops for key, n in functions.items()
                      if n >= ops and n * 10000 >= total},
    }


def times_of(directory, suite):
    """The nanoseconds of an operation in each run of a test, in order."""
    times = collections.defaultdict(list)
    for kind, words in lines_of(directory / f"{suite}.times"):
        if kind == "T":
            driver, configuration, test, _, _, usual = words
            times[configuration, test, driver].append(int(usual))
    return times


def memory_of(directory, suite):
    """The bytes that a stored page, or a disk, takes, each time."""
    memory = collections.defaultdict(list)
    for kind, words in lines_of(directory / f"{suite}.counts"):
        if kind == "V":
            driver, configuration, test, taken, pages = words
            memory[configuration, test, driver].append(int(taken) / int(pages))
    return memory


def names_of(directory, suite):
    """What the drivers of each configuration are called."""
    names = collections.defaultdict(dict)
    for end in "counts", "times":
        for kind, words in lines_of(directory / f"{suite}.{end}"):
            if kind == "N":
                names[words[1]][words[0]] = " ".join(words[2:])
    return names


def rates(times):
    """Operations per second: the median, and the quartiles."""
    slow, middle, fast = (1e9 / t for t in reversed(statistics.quantiles(times, method="inclusive")))
    return middle, slow, fast


def throughput(theirs, ours):
    """Ratios of pairs, and operations per second."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    low, middle, high = statistics.quantiles(ratios, method="inclusive")
    return {
        "ratio": middle, "low": low, "high": high, "pairs": len(ratios),
        "in-tree": 1e9 / statistics.median(theirs), "ours": 1e9 / statistics.median(ours),
        "rates": {"in-tree": rates(theirs), "ours": rates(ours)},
    }


def functions_of(theirs, ours, names):
    """Each function with its instructions in both, what ours spends more first."""
    rows = []
    for key in theirs.keys() | ours.keys():
        row = {"function": names[key[0]], "own": key[1],
               "in-tree": round(theirs.get(key, 0), 1), "ours": round(ours.get(key, 0), 1)}
        rows.append(row)
    return sorted(rows, key=lambda row: (row["in-tree"] - row["ours"], row["function"]))


def instructions(counts, place, names):
    """Of both drivers, or of ours alone."""
    found = {d: dict(counts[*place, d]) for d in DRIVERS if (*place, d) in counts}
    functions = functions_of(*(found.get(d, {}).pop("functions", {}) for d in DRIVERS), names)
    if len(found) == 2:
        found["ratio"] = found["ours"]["nocopy"] / found["in-tree"]["nocopy"]
    return {"instructions": found, "functions": functions}


def results_of(counts, times, memory):
    """A row for each configuration and test."""
    names = {name for result in counts.values() for name, _ in result["functions"]}
    names = demangle(sorted(names))
    rows = []
    for place in dict.fromkeys(key[:2] for key in [*counts, *times, *memory]):
        row = {"configuration": place[0], "test": place[1]}
        if any((*place, d) in counts for d in DRIVERS):
            row |= instructions(counts, place, names)
        if all((*place, d) in times for d in DRIVERS):
            row["throughput"] = throughput(*(times[*place, d] for d in DRIVERS))
        if all((*place, d) in memory for d in DRIVERS):
            row["memory"] = {d: memory[*place, d] for d in DRIVERS}
        rows.append(row)
    return rows


def output_of(*command):
    """The first line that a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0]


def heading(suite):
    """The title of a suite, and what its file says of it."""
    text = (pathlib.Path(__file__).parent / "suites" / f"{suite}.sh").read_text()
    title = re.search(r"^# rblk-title: (.*)$", text, re.MULTILINE)
    about = re.search(r"^# The suite [^\n]*(\n# [^\n]*)*", text, re.MULTILINE)
    return {"title": title[1] if title else suite,
            "about": about[0].removeprefix("# ").replace("\n# ", " ") if about else ""}


def circumstances(kernel):
    """Where and when."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output_of("git", "describe", "--always", "--dirty"),
        "machine": f"{cpu[1] if cpu else platform.machine()}, Linux {platform.release()}",
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[2], 1),
        "qemu": output_of("qemu-system-x86_64", "--version"),
        "kernel": (kernel / "include/config/kernel.release").read_text().strip(),
        "kvm": os.access("/dev/kvm", os.W_OK),
        "quick": bool(os.environ.get("RBLK_BENCH_QUICK")),
    }


def count_columns(row):
    """The instructions, as text."""
    found = row.get("instructions", {})
    theirs, ours = (found.get(d) for d in DRIVERS)
    if not ours:
        return f"{'':73}"
    ratio = f"{found['ratio']:6.3f}x" if theirs else f"{'-':>7}"
    pairs = ["%*.0f%*.0f" % (wide, theirs[key], wide + 1, ours[key]) if theirs
             else f"{'-':>{wide}}{ours[key]:{wide + 1}.0f}"
             for key, wide in (("nocopy", 11), ("own", 10), ("copied", 10))]
    return f"{pairs[0]} {ratio} {pairs[1]}{pairs[2]}"


def speed_columns(row):
    """The throughput, as text."""
    speed = row.get("throughput")
    if not speed:
        return ""
    return (f"{speed['in-tree']:9.1f}{speed['ours']:9.1f} {speed['ratio']:5.2f}x"
            f" ({speed['low']:.2f}-{speed['high']:.2f})")


def table(suite, facts, rows):
    """The plain text."""
    yield f"{suite}: ours / in-tree, {facts['date']}, {facts['commit']}"
    yield f"{facts['machine']}; {facts['qemu']}"
    yield ""
    yield (f"{'':31}|{'instructions of the kernel per operation':^73}|    operations per second")
    yield (f"{'':31}|{'without copying':>31}{'own text':>21}{'copied bytes/op':>21}"
           "|  in-tree     ours  ratio (quartiles)")
    for row in rows:
        name = f"{row['configuration']:>8} {row['test']:<22}"
        if "memory" in row:
            theirs, ours = (statistics.mean(row["memory"][d]) for d in DRIVERS)
            yield f"{name}| bytes of memory: in-tree {theirs:.1f}, ours {ours:.1f}"
        else:
            yield f"{name}|{count_columns(row)}|{speed_columns(row)}"
    yield ""
    counted = [row["instructions"]["ratio"] for row in rows
               if "ratio" in row.get("instructions", {})]
    speeds = [row["throughput"] for row in rows if "throughput" in row]
    if counted:
        cheap = sum(ratio <= GOAL_INSTRUCTIONS for ratio in counted)
        yield f"instructions <= {GOAL_INSTRUCTIONS:.2f}x: {cheap} of {len(counted)} tests"
    if speeds:
        fast = sum(speed["ratio"] >= GOAL_THROUGHPUT for speed in speeds)
        yield (f"throughput   >= {GOAL_THROUGHPUT:.2f}x: {fast} of {len(speeds)} tests "
               f"(medians of {speeds[0]['pairs']} pairs)")


def function_tables(rows):
    """What differs, and all that is the drivers' own."""
    for row in rows:
        if "functions" not in row:
            continue
        yield ""
        yield f"{row['configuration']} {row['test']}: instructions per operation by function"
        yield "  in-tree     ours    more  (*: text of the driver)"
        for f in row["functions"]:
            more = f["ours"] - f["in-tree"]
            if f["own"] or abs(more) >= 10:
                yield (f"{f['in-tree']:9.1f}{f['ours']:9.1f}{more:+8.1f}"
                       f" {'*' if f['own'] else ' '} {f['function']}")


def main():
    suite, directory, kernel = sys.argv[1:]
    directory, kernel = pathlib.Path(directory), pathlib.Path(kernel)
    facts = circumstances(kernel)
    rows = results_of(counts_of(directory, suite, kernel / "System.map"),
                      times_of(directory, suite), memory_of(directory, suite))
    everything = {"suite": suite, **heading(suite), **facts, "names": names_of(directory, suite), "results": rows}
    (directory / f"{suite}.json").write_text(json.dumps(everything, indent=1) + "\n")
    lines = list(table(suite, facts, rows))
    (directory / f"{suite}.txt").write_text("\n".join(lines + list(function_tables(rows))) + "\n")
    print("\n".join(lines))


main()
