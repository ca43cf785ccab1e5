#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""page.py DIRECTORY: makes report.html and report.json there, of the SUITE.json that report.py has
written. page.py --publish DIRECTORY OTHER: puts the numbers that are there into OTHER/report.json, where
those of suites that are not there stay as they are. page.py --brief REPORT.JSON REPORT.HTML: makes a page of
numbers alone.

The first page needs no other file: pictures are in it. The second is small: of pictures it has
bars in its tables, and what the functions take is not in it. What a suite has decides what is
shown of it. report.json has the numbers of both, to four digits.
"""

import json
import pathlib
import re
import statistics
import sys

import jinja2
from markupsafe import Markup

from common import COPY, DRIVERS
from layers import ORDER, by_layer

HERE = pathlib.Path(__file__).parent
# Which come first, and in this order.
SUITES = ["ram-brd", "ram-others", "ram-depth", "ram-size", "ram-cpus", "ram-cost"]
# The horizontal axes of suites that go along something: its name, where it is found, and what
# then names a line.
AXES = {
    "ram-depth": ("operations at a time", "test", r"(?P<line>.*)-qd(?P<x>\d+)"),
    "ram-size": ("size of the disk", "configuration", r"(?P<x>.*)"),
    "ram-cpus": ("processors, and threads", "configuration", r"(?P<x>\d+)-cpus"),
}


def label(row):
    return f"{row['configuration']}  {row['test']}"


def counted(rows):
    """Ratios of instructions, with the furthest apart that the runs allow."""
    for row in rows:
        both = row.get("instructions", {})
        if "ratio" in both:
            theirs, ours = (both[d]["runs"] for d in DRIVERS)
            yield (label(row), both["ratio"], min(ours) / max(theirs), max(ours) / min(theirs))


def timed(rows):
    """Ratios of throughput, with quartiles."""
    for row in rows:
        if speed := row.get("throughput"):
            yield label(row), speed["ratio"], speed["low"], speed["high"]


def line_of(row, where, pattern):
    """The name of the line and the place on it that a row is."""
    match = re.fullmatch(pattern, row[where])
    return match.groupdict().get("line") or row["test"], match["x"]


def curve_panels(suite, rows):
    """What plots.curves wants: instructions and operations per second along an axis."""
    x_label, where, pattern = AXES[suite]
    count, speed, ticks = {}, {}, []
    for row in rows:
        line, x = line_of(row, where, pattern)
        if x not in ticks:
            ticks.append(x)
        for driver in DRIVERS:
            key = f"{line}, {driver}", driver == "ours"
            if "instructions" in row:
                found = row["instructions"][driver]
                count.setdefault(key, []).append(
                    (x, found["nocopy"], min(found["runs"]), max(found["runs"])))
            if "throughput" in row:
                rates = [rate / 1e3 for rate in row["throughput"]["rates"][driver]]
                speed.setdefault(key, []).append((x, *rates))
    panels = [("instructions", "per operation", count),
              ("operations", "thousands per second", speed)]
    return [panel for panel in panels if panel[2]], x_label, ticks


def with_functions(rows):
    """Rows that have functions of both drivers."""
    return [row for row in rows if "ratio" in row.get("instructions", {})]


def examples(rows):
    """A few rows that stand for all: the first and the last two of the first configuration."""
    rows = [row for row in rows if row["configuration"] == rows[0]["configuration"]]
    return rows if len(rows) <= 4 else rows[:2] + rows[-2:]


def layers(plots, rows):
    """Where the instructions go. What takes little in both is left out of the lists."""
    stacks = [(label(row), *(by_layer(row["functions"], d, COPY) for d in DRIVERS))
              for row in rows]
    # Operations of many pages would make the others invisible.
    most = max(sum(ours.values()) for _, _, ours in stacks)
    small = [stack for stack in stacks if sum(stack[2].values()) * 5 < most]
    large = [stack for stack in stacks if stack not in small]
    return [plots.layers(some, ORDER) for some in (small, large) if some]


def dearest(row, number=16):
    """The functions that take the most in either."""
    some = [f for f in row["functions"] if not COPY.fullmatch(f["function"])]
    some.sort(key=lambda f: -max(f[d] for d in DRIVERS))
    return [(("* " if f["own"] else "") + shorten(f["function"]), f["in-tree"], f["ours"])
            for f in some[:number]]


def shorten(name, most=44):
    """The end of a long name: that is what tells functions of Rust apart."""
    return name if len(name) <= most else "…" + name[1 - most:]


def pictures(suite, rows):
    """(heading, picture) of all that the suite has."""
    import plots

    counts, times = list(counted(rows)), list(timed(rows))
    if suite in AXES:
        yield "", plots.curves(*curve_panels(suite, rows))
    if counts or times:
        yield "", plots.ratios(counts, times)
    some = with_functions(rows)
    if not some or suite in AXES or any("throughput" not in row for row in some):
        return
    some = examples(some)
    for picture in layers(plots, some):
        yield "Where the instructions go", picture
    for pair in (some[:2], some[2:]):
        if pair:
            yield "The dearest functions (*: of the driver)", plots.functions(
                [(label(row), dearest(row)) for row in pair])


def memory(rows):
    """Bytes for a stored page, above the page, and for other things."""
    for row in rows:
        if "memory" in row:
            page = 4096 if row["configuration"] == "memory" else 0
            values = [[taken - page for taken in row["memory"][d]] for d in DRIVERS]
            yield {"test": label(row), "sides": [
                {"mean": statistics.mean(v), "low": min(v), "high": max(v)} for v in values]}


def functions(rows):
    """For the tables: what differs, and all that is the drivers' own."""
    for row in with_functions(rows):
        some = [f for f in row["functions"]
                if f["own"] or abs(f["ours"] - f["in-tree"]) >= 10]
        if "throughput" in row:
            yield label(row), some


def spent(drives):
    """Where the drives' time went: a title, and bars of (label, seconds by kind), for each medium."""
    kinds = "write", "read", "seek", "sync", "other"
    rows = drives["results"] if drives else []
    for clock in False, True:
        for medium in dict.fromkeys(row["medium"] for row in rows):
            bars = []
            for row in rows:
                if row["medium"] == medium and row["clock"] == clock and row["work"] > 0:
                    parts = {kind: row[f"time_{kind}"] / 1e6 for kind in kinds}
                    parts["idle"] = row["idle"] if clock else 0
                    bars.append((f"{row['load']}, {row['way']}", parts))
                    if row.get("limit") and row["way"] == "packet":
                        bars.append(("limit", {"write": row["limit"]}))
            yield f"{medium}{', with a clock' if clock else ''}", bars


def short(value):
    """Numbers with the digits that mean something."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: short(item) for key, item in value.items() if key not in LEFT_OUT}
    return [short(item) for item in value] if isinstance(value, list) else value


# What the numbers that are kept do without: each single run, and what only says how it was measured.
LEFT_OUT = {"functions", "runs", "rates", "total"}


def brief(row, steps):
    """A row as it is kept. Only of steps it matters how many there were."""
    if "instructions" in row and not steps:
        for driver in DRIVERS:
            for key in "operations", "milliseconds":
                row["instructions"].get(driver, {}).pop(key, None)
    return row


def lines(results):
    """The data as JSON, a line for each row of results."""
    for nth, result in enumerate(results):
        # The results are last, whichever order a suite has.
        facts = {key: value for key, value in result.items() if key != "results"} | {"results": []}
        facts = json.dumps(facts, ensure_ascii=False)
        yield ("[" if nth == 0 else ",\n") + facts.removesuffix("]}")
        yield ",".join("\n" + json.dumps(brief(row, result["suite"].endswith("-cost"))) for row in result["results"]) + "\n]}"
    yield "]\n"


def page(results, figures):
    """The page; `figures` says what is drawn of a suite, and of the optical drives."""
    drives = next((r for r in results if r["suite"] == "optical"), None)
    suites = [{**result, "memory": list(memory(result["results"])), **figures(result)}
              for result in results if result is not drives]
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True)
    environment.filters["sumvalues"] = lambda parts: sum(parts.values())
    template = environment.get_template("page.html.j2")
    return template.render(suites=suites, drives=drives, drivers=DRIVERS,
                           drawn=figures(drives) if drives else {}) + "\n"


def drawn(result):
    """All that can be drawn of a suite."""
    import plots

    print(f"    drawing {result['suite']}", file=sys.stderr)
    if result["suite"] == "optical":
        return {"spent": [Markup(plots.spent(*panel)) for panel in spent(result)]}
    rows = result["results"]
    return {
        "functions": [] if result["suite"] in AXES else list(functions(rows)),
        "pictures": [(head, Markup(picture)) for head, picture in pictures(result["suite"], rows)],
    }


def barred(result):
    """What tables can show."""
    return {"bars": list(spent(result)) if result["suite"] == "optical" else True}


def in_order(results):
    """As they are shown."""
    return sorted(results, key=lambda r: (r["suite"] == "optical", SUITES.index(r["suite"])
                                          if r["suite"] in SUITES else len(SUITES)))


def publish(directory, other):
    """What was measured, in place of what was before."""
    kept = other / "report.json"
    results = {r["suite"]: r for r in json.loads(kept.read_text())} if kept.exists() else {}
    results |= {r["suite"]: short(r) for r in results_in(directory)}
    kept.write_text("".join(lines(short(in_order(results.values())))))


def results_in(directory):
    """What has been measured, in the order in which it is shown."""
    paths = sorted(set(directory.glob("*.json")) - {directory / "report.json"})
    results = in_order(json.loads(path.read_text()) for path in paths)
    for result in results:
        if result["suite"] == "optical":
            result["text"] = (directory / "optical.txt").read_text()
    return results


def main():
    if sys.argv[1] == "--publish":
        publish(*map(pathlib.Path, sys.argv[2:]))
        return
    if sys.argv[1] == "--brief":
        results = json.loads(pathlib.Path(sys.argv[2]).read_text())
        pathlib.Path(sys.argv[3]).write_text(page(results, barred))
        return
    directory = pathlib.Path(sys.argv[1])
    results = results_in(directory)
    if not results:
        sys.exit(f"{directory}: there are no results")
    (directory / "report.html").write_text(page(results, drawn))
    (directory / "report.json").write_text("".join(lines(short(results))))


main()
