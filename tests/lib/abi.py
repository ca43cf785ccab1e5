#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""abi.py undescribed|absent|incomplete FOLDER [PATH...]

Holds the files that are below each PATH against the ABI texts in FOLDER, and prints:
undescribed: files that no text describes; absent: descriptions of files that are not there;
incomplete: entries that lack a field, or describe several files at once.
"""

import os
import re
import sys

# What every device has from the driver core.
CORE = {"uevent", "power", "subsystem", "dev", "device"}
FIELDS = ("Date", "Contact", "Description")


def entries(folder):
    """The entries of all texts: each a list of (field, text)."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as text:
            for block in re.split(r"\n\n+(?=What:)", text.read().strip()):
                yield re.findall(r"^(\w+):\t+(.*)", block, re.M)


def what(entry):
    return [text for field, text in entry if field == "What"]


def pattern(text):
    return re.compile(text.replace(".", r"\.").replace("<disk>", "[^/]+"))


def files(top):
    """The files and links below a folder; not through links, and without the driver core's."""
    if not os.path.isdir(top):
        yield top
        return
    for name in sorted(os.listdir(top)):
        path = os.path.join(top, name)
        if name in CORE and not path.startswith("/sys/kernel/debug/"):
            continue
        # Devices of a class are links to where they are.
        of_class = os.path.dirname(os.path.dirname(path)) == "/sys/class"
        if os.path.isdir(path) and (of_class or not os.path.islink(path)):
            yield from files(path)
        else:
            yield path


def main(question, folder, *paths):
    documented = list(entries(folder))
    if question == "incomplete":
        for entry in documented:
            fields = [field for field, _ in entry]
            missing = [field for field in FIELDS if field not in fields]
            if missing or len(what(entry)) != 1:
                print(*what(entry), "lacks", *missing)
        return
    present = [path for top in paths for path in files(top)]
    current = [
        text
        for entry in documented
        if not any(field == "Description" and text.startswith("Removed") for field, text in entry)
        for text in what(entry)
    ]
    if question == "undescribed":
        for path in present:
            if not any(pattern(text).fullmatch(path) for text in current):
                print(path)
    elif question == "absent":
        for text in current:
            if not any(pattern(text).fullmatch(path) for path in present):
                print(text)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
