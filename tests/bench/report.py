#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""report.py SUITE DIRECTORY SYSTEM-MAP: what the runs of scripts/bench.sh measured.

Reads SUITE.counts and SUITE.times (see guest) and SUITE.blocks (plugin/count.c)
in DIRECTORY; writes SUITE.json and SUITE.txt there, and the table to stdout.

Instructions are those of the kernel, of an operation, in the run that took the
fewest; a ratio is ours / in-tree. Throughput is compared run by run, each with the
run of the other driver beside it: the median of these ratios, and its quartiles.
"""

import bisect
import collections
import datetime
import json
import pathlib
import platform
import re
import statistics
import subprocess
import sys

COPY = re.compile(
    r"(__)?(memcpy|memmove|memset)(_orig)?|copy_page(_regs)?|clear_pages?(_\w+)?"
    r"|__clear_pages_unrolled|rep_(movs|stos)_alternative"
)
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
    return dict(zip(names, done.stdout.split("\n")))


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


def counts_of(directory, suite, system_map):
    """The best run of each driver, configuration and test."""
    base = kernel_symbols(system_map)
    counted = regions(directory / f"{suite}.blocks")
    best, module, symbols = {}, [], None
    for line in open(directory / f"{suite}.counts"):
        kind, *words = line.split()
        if kind == "S":
            if symbols:
                module, symbols = [], None
            if words[1] in "tTwW":
                module.append((int(words[0], 16), words[2], True))
            continue
        symbols = symbols or Symbols(base + module)
        driver, configuration, test, operations = words[:4]
        blocks, copied = next(counted)
        functions = by_function(blocks, symbols)
        ops = int(operations)
        total = sum(functions.values())
        copying = sum(n for (name, _), n in functions.items() if COPY.fullmatch(name))
        result = {
            "nocopy": (total - copying) / ops,
            "own": sum(n for (_, own), n in functions.items() if own) / ops,
            "total": total / ops,
            "copied": copied / ops,
            "functions": {key: n / ops for key, n in functions.items() if n >= ops},
        }
        key = configuration, test, driver
        if key not in best or result["nocopy"] < best[key]["nocopy"]:
            best[key] = result
    if next(counted, None):
        sys.exit("there are more regions than tests")
    return best


def times_of(directory, suite):
    """The nanoseconds of an operation in each run of a test, in order."""
    times = collections.defaultdict(list)
    for line in open(directory / f"{suite}.times"):
        _, driver, configuration, test, _, _, usual = line.split()
        times[configuration, test, driver].append(int(usual))
    return times


def throughput(theirs, ours):
    """Ratios of pairs, and operations per second."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    low, middle, high = statistics.quantiles(ratios, method="inclusive")
    return {
        "ratio": middle, "low": low, "high": high, "pairs": len(ratios),
        "in-tree": 1e9 / statistics.median(theirs), "ours": 1e9 / statistics.median(ours),
    }


def functions_of(theirs, ours, names):
    """Each function with its instructions in both, what ours spends more first."""
    rows = []
    for key in theirs.keys() | ours.keys():
        row = {"function": names[key[0]], "own": key[1],
               "in-tree": round(theirs.get(key, 0), 1), "ours": round(ours.get(key, 0), 1)}
        rows.append(row)
    return sorted(rows, key=lambda row: (row["in-tree"] - row["ours"], row["function"]))


def results_of(counts, times):
    """A row for each configuration and test."""
    names = {name for result in counts.values() for name, _ in result["functions"]}
    names = demangle(sorted(names))
    rows = []
    for configuration, test in dict.fromkeys(key[:2] for key in counts):
        theirs, ours = (counts[configuration, test, d] for d in ("in-tree", "ours"))
        functions = functions_of(theirs.pop("functions"), ours.pop("functions"), names)
        rows.append({
            "configuration": configuration, "test": test,
            "instructions": {"in-tree": theirs, "ours": ours,
                             "ratio": ours["nocopy"] / theirs["nocopy"]},
            "throughput": throughput(*(times[configuration, test, d]
                                       for d in ("in-tree", "ours"))),
            "functions": functions,
        })
    return rows


def output_of(*command):
    """The first line that a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0]


def circumstances():
    """Where and when."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output_of("git", "describe", "--always", "--dirty"),
        "machine": f"{cpu[1] if cpu else platform.machine()}, Linux {platform.release()}",
        "qemu": output_of("qemu-system-x86_64", "--version"),
    }


def table(suite, facts, rows):
    """The plain text."""
    yield f"{suite}: ours / in-tree, {facts['date']}, {facts['commit']}"
    yield f"{facts['machine']}; {facts['qemu']}"
    yield ""
    yield ("                        |        instructions of the kernel per operation        "
           "|    operations per second")
    yield ("                        |  without copying          own text      copied bytes/op"
           "|  in-tree     ours  ratio (quartiles)")
    for row in rows:
        theirs, ours = row["instructions"]["in-tree"], row["instructions"]["ours"]
        speed = row["throughput"]
        yield (f"{row['configuration']:>6} {row['test']:<17}"
               f"|{theirs['nocopy']:8.0f}{ours['nocopy']:8.0f} {row['instructions']['ratio']:5.3f}x"
               f"{theirs['own']:8.0f}{ours['own']:7.0f}{theirs['copied']:9.0f}{ours['copied']:9.0f}"
               f"|{speed['in-tree']:9.1f}{speed['ours']:9.1f} {speed['ratio']:5.2f}x"
               f" ({speed['low']:.2f}-{speed['high']:.2f})")
    yield ""
    cheap = sum(row["instructions"]["ratio"] <= GOAL_INSTRUCTIONS for row in rows)
    fast = sum(row["throughput"]["ratio"] >= GOAL_THROUGHPUT for row in rows)
    yield f"instructions <= {GOAL_INSTRUCTIONS:.2f}x: {cheap} of {len(rows)} tests"
    yield (f"throughput   >= {GOAL_THROUGHPUT:.2f}x: {fast} of {len(rows)} tests "
           f"(medians of {rows[0]['throughput']['pairs']} pairs)")


def function_tables(rows):
    """What differs, and all that is the drivers' own."""
    for row in rows:
        yield ""
        yield f"{row['configuration']} {row['test']}: instructions per operation by function"
        yield "  in-tree     ours    more  (*: text of the driver)"
        for f in row["functions"]:
            more = f["ours"] - f["in-tree"]
            if f["own"] or abs(more) >= 10:
                yield (f"{f['in-tree']:9.1f}{f['ours']:9.1f}{more:+8.1f}"
                       f" {'*' if f['own'] else ' '} {f['function']}")


def main():
    suite, directory, system_map = sys.argv[1:]
    directory = pathlib.Path(directory)
    facts = circumstances()
    rows = results_of(counts_of(directory, suite, system_map), times_of(directory, suite))
    everything = {"suite": suite, **facts, "results": rows}
    (directory / f"{suite}.json").write_text(json.dumps(everything, indent=1) + "\n")
    lines = list(table(suite, facts, rows))
    (directory / f"{suite}.txt").write_text("\n".join(lines + list(function_tables(rows))) + "\n")
    print("\n".join(lines))


main()
