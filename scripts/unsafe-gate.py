#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The rules for unsafe code.

1. The word `unsafe` occurs in rust/ only, in tests/bench/, which calls the
   kernel by its bare interface, and in tests/sim/{kernel,macros,rb}, which stand in
   for the kernel; comments, strings and the attribute that forbids it are no
   occurrences.
2. The root of every driver crate forbids it: drivers/*.rs, and X/X.rs below.
3. Before every `unsafe` block, `unsafe impl` and `unsafe extern` item there is
   a `// SAFETY:` comment; the documentation of an `unsafe fn` or `unsafe trait`
   has a `# Safety` section.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<h>\#*)".*?"(?P=h)|b?"(?:\\.|[^"\\])*"|b?'(?:\\.|[^'\\])'""",
    re.S,
)
complaints = []


def code_of(text):
    """The text with comments and literals blanked, line for line."""
    return TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def complain(path, line, what):
    complaints.append(f"{path.relative_to(TOP)}:{line + 1}: {what}")


def comment_above(lines, code, at):
    """Comments and attributes that stand before the statement of line `at`."""
    found = [lines[at]]
    at -= 1
    in_statement = True
    while at >= 0:
        line = lines[at].strip()
        if line.startswith(("//", "#[", "#![")) or line.startswith("*"):
            found.append(line)
            in_statement = False
        elif in_statement and code[at].strip() and not re.search(r"[;{}]\s*$", code[at]):
            # The statement began above: `let x =` and the like.
            found.append(lines[at])
        else:
            break
        at -= 1
    return "\n".join(found)


def in_trait_impl(code, at):
    """Whether line `at` is within `impl Trait for Type`: the trait documents it."""
    indent = len(code[at]) - len(code[at].lstrip())
    header = []
    for line in reversed(code[:at]):
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            header.insert(0, line)
            if re.match(r"\s*(unsafe\s+)?(impl|trait|mod|extern|pub)\b", line):
                break
    return bool(re.search(r"\bimpl\b.*\bfor\b", " ".join(header)))


def check_reasons(path, text):
    lines, code = text.splitlines(), code_of(text).splitlines()
    for at, line in enumerate(code):
        for match in re.finditer(r"\bunsafe\b(?!\()", line):
            rest = (line[match.end():] + " " + " ".join(code[at + 1:at + 2])).lstrip()
            above = comment_above(lines, code, at)
            if re.match(r'(extern\s+(""|"C"|\s*)\s*)?fn\s*\(|extern\s*fn\s*\(', rest):
                continue  # a type: the pointer's user gives the reason
            if re.match(r"(extern\b.*)?\bfn\b", rest) or rest.startswith("trait"):
                if "# Safety" not in above and not in_trait_impl(code, at):
                    complain(path, at, "no `# Safety` section")
            elif "SAFETY:" not in above:
                complain(path, at, "no `// SAFETY:` comment")


def main():
    roots = set((TOP / "drivers").glob("*.rs"))
    for path in sorted(TOP.glob("**/*.rs")):
        parts = path.relative_to(TOP).parts
        if parts[0] in ("build", "target") or "target" in parts:
            continue
        text = path.read_text()
        stands_in = parts[:2] == ("tests", "sim") and parts[2] in ("kernel", "macros", "rb")
        if parts[0] == "rust" or parts[:2] == ("tests", "bench") or stands_in:
            check_reasons(path, text)
            continue
        if parts[0] == "drivers" and path.stem == path.parent.name:
            roots.add(path)
        for at, line in enumerate(code_of(text).splitlines()):
            if re.search(r"\bunsafe\b", line):
                complain(path, at, "unsafe code outside rust/")
    for path in sorted(roots):
        if "#![forbid(unsafe_code)]" not in path.read_text():
            complain(path, 0, "a crate root without #![forbid(unsafe_code)]")
    print("\n".join(complaints))
    return 1 if complaints else 0


sys.exit(main())
