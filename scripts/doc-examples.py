#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""doc-examples.py FILE...: print a module of KUnit tests, the examples in the documentation of these
files.

Each is a function that returns a `Result`, as in the kernel's own tests of documentation. Lines that
begin with `# ` are not shown in the documentation. Two kinds are compiled only: what is marked
`no_run`, since it needs what not every machine has, and what is about values that somebody else has,
the parameters of a function `example`. What a module needs of the configuration (`#[cfg]` in lib.rs)
its examples need, too. Fails if there is none, or if one is not for the compiler.
"""

import pathlib
import re
import sys

FENCE = re.compile(r"\s*//[/!] ```(.*)$")
CONDITION = re.compile(r"^(#\[cfg\(.*\)\])\n(?:pub )?mod (\w+);", re.M)
PROLOGUE = """#[kunit_tests(rb_examples)]
mod examples {
    use kernel::prelude::*;
"""


def examples(path):
    """The line, the language and the text of each example in a file."""
    begin = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if fence and begin is None:
            begin, language, text = number, fence[1], []
        elif fence:
            yield begin, language, text
            begin = None
        elif begin is not None:
            text.append(re.sub(r"^\s*//[/!] ?(#( |$))?", "", line))


def conditions(path):
    """By the modules that have one."""
    return {name: condition for condition, name in CONDITION.findall(path.read_text(encoding="utf-8"))}


def main():
    bad = found = 0
    top = pathlib.Path(__file__).resolve().parent.parent / "rust"
    needed = conditions(top / "lib.rs")
    print(PROLOGUE)
    for path in sorted(pathlib.Path(name).resolve() for name in sys.argv[1:]):
        words = path.relative_to(top).with_suffix("").parts
        condition = needed.get(words[0], "")
        for number, (line, language, text) in enumerate(examples(path), 1):
            found += 1
            if language not in ("", "no_run"):
                print(f"{path}:{line}: an example that is {language}", file=sys.stderr)
                bad = 1
                continue
            print(f"    // {'/'.join(words)}.rs:{line}")
            if condition:
                print(f"    {condition}")
            if not language and not any(line.startswith("fn example") for line in text):
                print("    #[test]")
            print(f"    fn {'_'.join(words)}_{number}() -> Result {{")
            print("\n".join(text))
            print("        Ok(())\n    }\n")
    print("}")
    sys.exit(bad or not found)


main()
