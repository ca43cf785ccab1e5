#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""floors.py [--list] [TOP]: how the files of each crate below TOP import each other.

1. There is no circle among the files of a crate.
2. A crate root declares its floors in one paragraph of its documentation, which names each of its
   modules once, the lowest first; the root of a driver has to:

       //! Floors, lowest first: [`logic`], [`lower`], [`engine`], [`disk`], [`control`].

   A file imports from its own floor and from lower ones. The root is above all.
3. Every file is on a floor: a crate root reaches it by `mod`, and has declared its module.
4. The folder of a driver opens onto at most seven things. What has the same name but for its end is
   one: `disk.rs` and `disk/`, `events.c` and `events.h`.

What an import is, rust_imports.py says; `--list` prints them.
"""

import pathlib
import re
import sys

from rust_imports import Crate

MOST_THINGS = 7
FLOORS = re.compile(r"Floors, lowest first: ((?:\[?`\w+`\]?, )*\[?`\w+`\]?)\.")


def floors_of(root):
    """The floors that a root declares; none if it does not, None if that cannot be read."""
    lines = [line[4:] for line in root.read_text().splitlines() if line.startswith("//!")]
    found = [" ".join(p.split()) for p in "\n".join(lines).split("\n\n") if p.startswith("Floors")]
    match = FLOORS.fullmatch(found[0]) if len(found) == 1 else None
    return re.findall(r"\w+", match[1]) if match else None if found else []


def circles(imports):
    """The sets of files that import each other."""
    after, reached = {}, {}
    for file, _, other in imports:
        after.setdefault(file, set()).add(other)
    for file in after:
        todo, reached[file] = [file], set()
        while todo:
            new = after.get(todo.pop(), set()) - reached[file]
            reached[file] |= new
            todo += new
    both = ({g for g in reached[f] if f in reached.get(g, ())} for f in reached)
    return {frozenset(circle) for circle in both if circle}


def check(crate, driver):
    """What is wrong with a crate: a file, 0 and a text, or an import."""
    for circle in circles(crate.imports):
        yield min(circle), 0, f"{len(circle)} files import each other in a circle:"
        for file, line, other in sorted(crate.imports):
            if file in circle and other in circle:
                yield file, line, other
    root, modules = crate.root.file, crate.root.children
    floors = floors_of(root)
    if floors is None or driver and not floors:
        yield root, 0, "declares no floors, or not in the form that floors.py describes"
    if not floors:
        return
    for name in sorted({*floors, *modules}):
        if name not in modules:
            yield root, 0, f"the floor {name} is no module"
        elif floors.count(name) != 1:
            yield root, 0, f"the module {name} is on {floors.count(name)} floors"
    height = {root: len(floors)}
    for nth, name in enumerate(floors):
        height |= {module.file: nth for module in (modules[name].all() if name in modules else ())}
    for file, line, other in sorted(crate.imports):
        if file in height and other in height and height[other] > height[file]:
            yield file, line, other


def roots_of(top, files):
    """The files that are roots of crates: by their names, by their places, and by a Cargo.toml."""
    places = ("drivers", "compile_fail", "tests", "bin")
    yield from (f for f in files if f.name in ("lib.rs", "main.rs", "build.rs", "rb_kunit.rs"))
    yield from (f for f in files if f.stem == f.parent.name)
    yield from (f for f in files if f.parent.name in places and f.parent != top / "rust/tests")
    for manifest in top.glob("**/Cargo.toml"):
        for path in re.findall(r'^path = "(.*\.rs)"', manifest.read_text(), re.M):
            yield (manifest.parent / path).resolve()


def main():
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    top = pathlib.Path(arguments[0] if arguments else f"{__file__}/../..").resolve()
    files = {
        p for p in top.glob("**/*.rs")
        if not {"build", "target"} & {*p.relative_to(top).parts} and "_generated" not in p.stem
    }
    reached, said = set(), []
    for root in sorted({*roots_of(top, files)}):
        crate = Crate(root)
        reached |= crate.words.keys()
        driver = root.parent.parent == top / "drivers/block"
        things = {p.name.split(".")[0] for p in root.parent.iterdir()}
        if driver and len(things) > MOST_THINGS:
            text = f"opens onto {len(things)} things: {' '.join(sorted(things))}"
            said.append((root.parent, 0, text))
        said += sorted(crate.imports) if "--list" in sys.argv else check(crate, driver)
    said += [(file, 0, "no crate root reaches it by `mod`") for file in sorted(files - reached)]
    # A file may be in several crates.
    for file, line, what in dict.fromkeys(said):
        place = file.relative_to(top)
        if line:
            text = file.read_text().splitlines()[line - 1].strip()
            place, what = f"{place}:{line}", f"imports {what.relative_to(top)}: {text}"
        print(f"{place}: {what}")
    return 1 if said else 0


sys.exit(main())
