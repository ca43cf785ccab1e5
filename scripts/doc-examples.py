#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""doc-examples.py FILE...: print one crate with the examples in the documentation of these files.

Each is a function that returns a `Result`, as in the kernel's own tests of documentation. Lines that
begin with `# ` are not shown in the documentation. Fails if there is none, or if one is not
for the compiler.
"""

import re
import sys

FENCE = re.compile(r"\s*//[/!] ```(.*)$")
PROLOGUE = """//! The examples.

#![allow(dead_code, unused)]

use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"examples\\0";
"""


def examples(path):
    """The line, the language and the text of each example in a file."""
    begin = None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            fence = FENCE.match(line)
            if fence and begin is None:
                begin, language, text = number, fence[1], []
            elif fence:
                yield begin, language, text
                begin = None
            elif begin is not None:
                text.append(re.sub(r"^\s*//[/!] ?(#( |$))?", "", line.rstrip("\n")))


def main():
    bad = found = 0
    print(PROLOGUE)
    for path in sys.argv[1:]:
        for number, language, text in examples(path):
            found += 1
            if language:
                print(f"{path}:{number}: an example that is {language}", file=sys.stderr)
                bad = 1
                continue
            print(f"// {path}:{number}\nfn example_{found}() -> Result {{")
            print("\n".join(text))
            print("    Ok(())\n}\n")
    sys.exit(bad or not found)


main()
