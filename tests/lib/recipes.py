#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""recipes.py names FILE...          the recipes of documents
recipes.py commands NAME FILE...  the commands of one, a line each
recipes.py shown NAME FILE...     what it prints by the document, as regular expressions
recipes.py unmarked FILE...       commands that belong to no recipe

A recipe is a literal block behind a comment ".. recipe: NAME". Lines with a "#" in front are commands,
the others what they print: numbers may be others. A block whose comment is ".. example: REASON" is
none, for that reason.
"""

import re
import sys


def blocks(path):
    """The literal blocks of a document: (kind, name, lines)."""
    mark, indent, lines = None, None, []
    with open(path, encoding="utf-8") as text:
        for line in [*text.read().expandtabs(8).splitlines(), "end"]:
            depth = len(line) - len(line.lstrip())
            if indent is not None:
                if not line.strip() or depth > indent:
                    lines.append(line.strip())
                    continue
                yield *(mark or (None, None)), [one for one in lines if one]
                mark, indent, lines = None, None, []
            found = re.fullmatch(r" *\.\. (recipe|example): (.*)", line)
            if found:
                mark = found.groups()
            elif line.rstrip().endswith("::") and not line.lstrip().startswith(".."):
                indent = depth
            elif line.strip():
                mark = None


def main(question, *args):
    name, files = (None, args) if question in ("names", "unmarked") else (args[0], args[1:])
    recipes = [(path, *block) for path in files for block in blocks(path)]
    if question == "unmarked":
        for path, kind, _, lines in recipes:
            for line in lines if kind is None else ():
                if line.startswith("# "):
                    print(f"{path}: {line}")
        return
    for _, kind, its_name, lines in recipes:
        if kind != "recipe":
            continue
        if question == "names":
            print(its_name)
        elif its_name == name:
            for line in lines:
                if question == "commands" and line.startswith("# "):
                    print(line[2:])
                elif question == "shown" and not line.startswith("# "):
                    words = [re.sub(r"[0-9]+(\\\.[0-9]+)?", "[0-9.]+", re.escape(word)) for word in line.split()]
                    print(r" +".join(words))


if __name__ == "__main__":
    main(*sys.argv[1:])
