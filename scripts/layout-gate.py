#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every field of a C structure that the safe layer reads or writes is in rust/tests/layout.rs, which
compares what the bindings say of it with what the C compiler says.

Looks for `(*pointer).field`, for `bindings::structure { field: ... }`, and for `name.field` of a name
that is a `bindings::structure`. Of the first it knows no structure, and takes a field that a structure
of the layer's own has for that one.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
FACT = re.compile(r"^\s+(\w+)\.(\w+),$", re.M)
RENAMED = re.compile(r"^\s+(\w+)\.\w+: (\w+),$", re.M)
# Within another one, too.
FIELD = re.compile(r"(?=\(\*+(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\.([a-z_]\w*)\b(?!\s*[(:]))")
NAMED = re.compile(r"\b(\w+): (?:&(?:mut )?)?bindings::(\w+)")
OWN = re.compile(r"^\s*(?:pub(?:\([a-z: ]+\))? )?(\w+)(?:: [^=\n]*| <- .*),$", re.M)
LITERAL = re.compile(r"bindings::(\w+)\s*\{")
NAME = re.compile(r"(?:^|,)\s*(\w+)\s*(?::(?!:)|,|$)")


def top_level(text, start):
    """What stands in the braces that are open at `start`, without inner brackets."""
    depth, found = 1, ""
    for char in text[start:]:
        depth += (char in "{([") - (char in "})]")
        if depth == 0:
            break
        if depth == 1:
            found += char
    return found


def main():
    layout = (TOP / "rust/tests/layout.rs").read_text()
    facts = {*FACT.findall(layout), *RENAMED.findall(layout)}
    fields = {field for _, field in facts}
    texts = {
        path: re.sub(r"//[^\n]*", "", path.read_text())
        for path in sorted((TOP / "rust").glob("**/*.rs"))
        # What differs between kernels is in none of these lists.
        if not {"tests", "host", "compat.rs"} & set(path.relative_to(TOP).parts)
    }
    structs = re.compile(r"\bstruct \w+[^;{]*\{(.*?)\n\}", re.S)
    own = {
        name for text in texts.values() for body in structs.findall(text) for name in OWN.findall(body)
    }
    missing = set()
    for path, text in texts.items():
        for match in FIELD.finditer(text):
            if match[1] not in fields | own:
                missing.add((path, text.count("\n", 0, match.start()) + 1, match[1]))
        for variable, structure in set(NAMED.findall(text)):
            for match in re.finditer(rf"(?<![\w.]){variable}\.([a-z_]\w*)\b(?!\s*\()", text):
                if (structure, match[1]) not in facts:
                    line = text.count("\n", 0, match.start()) + 1
                    missing.add((path, line, f"{structure}.{match[1]}"))
        for match in LITERAL.finditer(text):
            for name in NAME.findall(top_level(text, match.end())):
                if (match[1], name) not in facts:
                    line = text.count("\n", 0, match.start()) + 1
                    missing.add((path, line, f"{match[1]}.{name}"))
    for path, line, what in sorted(missing):
        print(f"{path.relative_to(TOP)}:{line}: {what} is not in rust/tests/layout.rs")
    sys.exit(bool(missing) or not facts)


main()
