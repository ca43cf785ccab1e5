#!/usr/bin/env -S python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""recipes.py names FILE...          the recipes of documents
recipes.py commands NAME FILE...  the commands of one, a line each
recipes.py shows PRINTED NAME FILE...  whether the file PRINTED has the lines that it prints by the
                                  document, one behind the other
recipes.py unmarked FILE...       literal blocks that are neither a recipe nor an example

A recipe is a literal block behind a comment ".. recipe: NAME", in Markdown "<!-- recipe: NAME -->".
If some of its lines have a "#" in front, these are the commands, and the others are what they print:
numbers may be others. If none has, all lines are commands. A block without commands has a comment
"example: REASON" instead. The comment stands in front of the block, or of the paragraph that ends
with its "::".
"""

import re
import sys

MARK = re.compile(r" *(?:\.\.|<!--) (recipe|example): (.*?)(?: *-->)?")


def opens_block(line, markdown, after_blank):
    """Whether a line is the last one before a literal block, or in Markdown its first one."""
    if markdown:
        return after_blank and line.startswith("    ")
    return line.rstrip().endswith("::") and not line.lstrip().startswith("..")


def blocks(path):
    """The literal blocks of a document: (kind, name, lines)."""
    markdown = path.endswith(".md")
    mark, text_since, after_blank = None, False, True
    indent, lines = None, []
    with open(path, encoding="utf-8") as text:
        for line in [*text.read().expandtabs(8).splitlines(), "end"]:
            depth = len(line) - len(line.lstrip())
            if indent is not None:
                if not line.strip() or depth > indent:
                    lines.append(line.strip())
                    continue
                yield *(mark or (None, None)), [one for one in lines if one]
                mark, text_since, indent, lines = None, False, None, []
            found = MARK.fullmatch(line)
            if found:
                mark, text_since = found.groups(), False
            elif opens_block(line, markdown, after_blank):
                indent, lines = (3, [line.strip()]) if markdown else (depth, [])
            elif line.strip():
                text_since = True
            elif text_since:
                mark = None
            after_blank = not line.strip()


def is_command(line, lines):
    """Whether a line of a recipe is a command."""
    return line.startswith("# ") or not any(one.startswith("# ") for one in lines)


def shown(line):
    """What a line that is printed is like."""
    words = [re.sub(r"[0-9]+(\\\.[0-9]+)?", "[0-9.]+", re.escape(word)) for word in line.split()]
    return r" +".join(words)


def main(question, *args):
    if question == "shows":
        printed, *args = args
        left = iter(open(printed, encoding="utf-8"))
    name, files = (None, args) if question in ("names", "unmarked") else (args[0], args[1:])
    for path, kind, its_name, lines in [(path, *block) for path in files for block in blocks(path)]:
        if question == "unmarked":
            if kind is None:
                print(f"{path}: {lines[0]}")
        elif question == "names":
            if kind == "recipe":
                print(its_name)
        elif (kind, its_name) == ("recipe", name):
            for line in lines:
                if question == "commands" and is_command(line, lines):
                    print(line.removeprefix("# "))
                elif question == "shows" and not is_command(line, lines):
                    if not any(re.fullmatch(" *" + shown(line) + r"\s*", one) for one in left):
                        sys.exit("not printed in its place: " + line)


if __name__ == "__main__":
    main(*sys.argv[1:])
