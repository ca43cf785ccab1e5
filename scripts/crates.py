#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""crates.py PACKAGE...: prints which crates are linked into the programs of
packages, and the terms that each is distributed under."""

import json
import re
import subprocess
import sys
from pathlib import Path

TERMS = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)


def cargo(*arguments):
    return subprocess.run(
        ["cargo", *arguments, "--locked"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def terms(directory, expression):
    """The texts; where one may choose and MIT is among them, that of MIT."""
    files = sorted(f for f in directory.iterdir() if f.is_file() and TERMS.match(f.name))
    if "MIT" in expression and "AND" not in expression:
        files = [f for f in files if "MIT" in f.name.upper()] or files
    return [f.read_text(errors="replace").strip() for f in files]


def main():
    packages = [word for package in sys.argv[1:] for word in ("-p", package)]
    linked = cargo("tree", *packages, "-e", "normal", "--prefix", "none", "--format", "{p}")
    names = {tuple(line.split()[:2]) for line in linked.splitlines()}
    crates = json.loads(cargo("metadata", "--format-version", "1"))["packages"]
    texts = {}
    for crate in sorted(crates, key=lambda c: (c["name"], c["version"])):
        if (crate["name"], "v" + crate["version"]) not in names or not crate["source"]:
            continue
        expression = crate["license"] or "terms of its own"
        found = terms(Path(crate["manifest_path"]).parent, expression)
        if not found:
            sys.exit(f"{crate['name']} has no text of its terms")
        title = f"{crate['name']} {crate['version']} ({expression})"
        texts.setdefault("\n\n".join(found), []).append(title)
    if not texts:
        sys.exit(f"nothing is linked into {sys.argv[1:]}")
    for text, titles in texts.items():
        print("\n".join(titles), text, "=" * 72, sep="\n\n")


main()
