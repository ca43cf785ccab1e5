# SPDX-License-Identifier: GPL-2.0
"""Pictures for page.py, each as the text of an SVG element."""

import io
import itertools
import re

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402 (after the choice of what draws)
from matplotlib.ticker import FuncFormatter  # noqa: E402

OURS, THEIRS, WORSE, LINE = "#1b6ca8", "#9aa5b1", "#c8553d", "#333333"
LAYERS = [*plt.get_cmap("tab20").colors]
numbers = itertools.count(1)
plt.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "rblk", "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "sans-serif"], "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False,
})


def svg(figure):
    """The element, with ids that no other picture of the page has."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", bbox_inches="tight", metadata=nothing)
    plt.close(figure)
    text = text.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # What no browser needs: a millionth of a point, names of groups, no rotation.
    text = re.sub(r"(\d\.\d)\d{4,}", r"\1", text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    own = f"p{next(numbers)}-"
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{own}", text)


def bars(axes, labels, values, spreads, title, good):
    """Ratios from 1 on, with whiskers; `good` says of a ratio whether it meets the goal."""
    at = range(len(labels))
    colors = [OURS if good(value) else WORSE for value in values]
    whiskers = [[max(0, v - low) for v, (low, _) in zip(values, spreads)],
                [max(0, high - v) for v, (_, high) in zip(values, spreads)]]
    axes.barh(at, [v - 1 for v in values], left=1, color=colors, height=0.7, xerr=whiskers,
              error_kw={"ecolor": LINE, "elinewidth": 1, "capsize": 2})
    axes.axvline(1, color=LINE, linewidth=0.8)
    # Wide enough that a percent looks like one; a whisker may leave the picture.
    low, high = min([0.9, *values]), max([1.1, *values])
    if high > 10 * low:
        axes.set_xscale("log")
        axes.set_xlim(low / 2, high * 5)
    else:
        low = max(min([low, *(s[0] for s in spreads)]), low * 0.7)
        high = min(max([high, *(s[1] for s in spreads)]), high * 1.5)
        axes.set_xlim(low - (high - low) * 0.1, high + (high - low) * 0.2)
    for y, value, (_, end) in zip(at, values, spreads):
        end = min(end, high)
        axes.annotate(f"{value:.2f}" if value > 0.01 else f"{value:.1g}", (max(1, value, end), y),
                      (5, 0), textcoords="offset points", va="center", fontsize=8,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    axes.set_yticks(at, labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.set_title(title, fontsize=9, loc="left")
    axes.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)


def ratios(counted, timed):
    """Ratios of instructions and of throughput: lists of (label, ratio, low, high)."""
    panels = [(rows, *rest) for rows, *rest in (
        (counted, "instructions, ours / in-tree: shorter is better", lambda v: v <= 1.0),
        (timed, "throughput, ours / in-tree: longer is better", lambda v: v >= 1.0)) if rows]
    rows = max(len(panel[0]) for panel in panels)
    figure, axes = plt.subplots(1, len(panels), figsize=(4.8 * len(panels), 0.7 + rows * 0.24),
                                squeeze=False, layout="constrained")
    for one, (some, title, good) in zip(axes[0], panels):
        bars(one, [row[0] for row in some], [row[1] for row in some],
             [row[2:4] for row in some], title, good)
    return svg(figure)


def curves(panels, x_label, ticks):
    """Panels of (title, y label, {line: [(x, y, low, high)]}); ours are drawn in full."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.8 * len(panels), 3),
                                squeeze=False, layout="constrained")
    places = {tick: at for at, tick in enumerate(ticks)}
    for one, (title, y_label, lines) in zip(axes[0], panels):
        for (name, own), points in lines.items():
            at = [places[p[0]] for p in points]
            middle = [p[1] for p in points]
            color = OURS if own else WORSE
            style = "-" if "read" in name else "--"
            marker = "o" if "read" in name else "s"
            if "hole" in name:
                style, marker = ":", "^"
            one.plot(at, middle, style, marker=marker, markersize=3.5, color=color, label=name,
                     linewidth=0.8 if "-qd1," in name else 1.6)
            one.fill_between(at, [p[2] for p in points], [p[3] for p in points],
                             color=color, alpha=0.12, linewidth=0)
        one.set_xticks(range(len(ticks)), ticks)
        one.set_ylim(bottom=0)
        one.set_xlabel(x_label)
        one.set_ylabel(y_label)
        one.set_title(title, fontsize=9, loc="left")
        one.grid(color="#e0e0e0", linewidth=0.6)
        one.legend(fontsize=7, frameon=False)
    return svg(figure)


def layers(rows, names):
    """Stacked bars of instructions: rows of (label, in-tree, ours), each by layer."""
    figure, axes = plt.subplots(figsize=(9.6, 1.4 + len(rows) * 0.5), layout="constrained")
    labels = []
    for number, (label, *both) in enumerate(rows):
        for driver, (who, found) in enumerate(zip(("in-tree", "ours"), both)):
            left = 0
            y = number * 2.6 + driver
            for layer, name in enumerate(names):
                if not found.get(name) and (number or driver):
                    continue
                axes.barh(y, found.get(name, 0), left=left, height=0.9, color=LAYERS[layer],
                          label=name if number == driver == 0 else None)
                left += found.get(name, 0)
            axes.text(left, y, f" {left:,.0f}", va="center", fontsize=7)
            labels.append((y, f"{label}  {who}" if driver == 0 else who))
    axes.set_yticks([y for y, _ in labels], [text for _, text in labels])
    axes.invert_yaxis()
    axes.set_xlabel("instructions of the kernel per operation, without copying")
    axes.margins(x=0.08)
    figure.legend(*axes.get_legend_handles_labels(), fontsize=7, frameon=False, ncol=6,
                  loc="upper center", bbox_to_anchor=(0.5, 0))
    return svg(figure)


def spent(title, rows):
    """Stacked bars of seconds: rows of (label, {kind: seconds})."""
    kinds = dict(zip(("write", "read", "seek", "sync", "other", "idle"),
                     (OURS, "#7fb2d9", WORSE, "#8e6bb0", LINE, "#d9dde1")))
    figure, axes = plt.subplots(figsize=(9.6, 0.9 + len(rows) * 0.22), layout="constrained")
    for y, (_, parts) in enumerate(rows):
        left = 0
        for kind, color in kinds.items():
            axes.barh(y, parts.get(kind, 0), left=left, height=0.8, color=color,
                      label=kind if y == 0 else None)
            left += parts.get(kind, 0)
        axes.text(left, y, f" {left:.2f}", va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel("seconds of the drive")
    axes.legend(fontsize=7, frameon=False, ncol=6, loc="lower right")
    return svg(figure)


def functions(panels):
    """The dearest functions: panels of (title, [(name, in-tree, ours)])."""
    figure, axes = plt.subplots(1, len(panels), figsize=(5.6 * len(panels), 4.2),
                                squeeze=False, layout="constrained")
    for one, (title, rows) in zip(axes[0], panels):
        at = range(len(rows))
        one.barh([y - 0.2 for y in at], [row[1] for row in rows], height=0.38, color=THEIRS,
                 label="in-tree")
        one.barh([y + 0.2 for y in at], [row[2] for row in rows], height=0.38, color=OURS,
                 label="ours")
        one.set_yticks(at, [row[0] for row in rows], fontsize=7)
        one.invert_yaxis()
        one.set_title(title, fontsize=9, loc="left")
        one.set_xlabel("instructions per operation")
        one.legend(fontsize=7, frameon=False, loc="lower right")
    return svg(figure)
