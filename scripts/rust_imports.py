# SPDX-License-Identifier: GPL-2.0
"""What the files of a crate import from each other, for floors.py.

An import is what `use` or a path within code names, `$crate` of macros included. It is traced
through re-exports to the file that defines the name. A parent that declares or re-exports a child
does not import it, unless it uses the name itself. A file that calls methods which another file
gives to its type imports that file.
"""

import pathlib
import re

DEFINES = ("struct", "enum", "union", "trait", "type", "fn", "const", "static")
TOKEN = re.compile(
    r"""(?P<skip>//[^\n]*|/\*.*?\*/|b?'(?:\\.[^']*|[^'\\])'|'\w+)
    |[bc]?r(?P<h>\#*)".*?"(?P=h)|[bc]?"(?:\\.|[^"\\])*"|(?:r\#)?[A-Za-z_]\w*|::|->|\S""",
    re.S | re.X,
)
WORD = re.compile(r"[A-Za-z_]")
OTHER_CRATE = object()


class Module:
    """A module: a file, or braces within one."""

    def __init__(self, file, parent, directory):
        self.file, self.parent, self.directory = file, parent, directory
        self.children, self.defines, self.imports, self.globs = {}, set(), {}, []
        self.ancestors = [self] + (parent.ancestors if parent else [])

    def all(self):
        return [self] + [m for child in self.children.values() for m in child.all()]


class Crate:
    """A crate; `imports` has each as a file, a line in it, and the file it imports."""

    def __init__(self, root):
        self.root, self.macros, self.imports = None, {}, set()
        self.words = {}  # What each file says, but in `use`.
        self.uses, self.paths, self.methods = [], [], []
        self.root = self.read(root, None, root.parent)
        self.link()

    def read(self, file, parent, directory):
        module, text = Module(file, parent, directory), file.read_text()
        tokens, line, last = [], 1, 0
        for match in TOKEN.finditer(text):
            line, last = line + text.count("\n", last, match.start()), match.start()
            if not match["skip"]:
                tokens.append((match[0].removeprefix("r#"), line))
        self.words.setdefault(file, set())
        self.scan(tokens + 5 * [(";", line)], module)
        return module

    def scan(self, tokens, module):
        """Collects what a file declares and names."""
        opened, depth, at, path = [], 0, 0, None  # opened: modules in braces, with their depth
        while at < len(tokens) - 5:
            (word, line), (after, _), (third, _) = tokens[at:at + 3]
            before = tokens[at - 1][0] if at else ";"
            if word in ("{", "}"):
                depth += 1 if word == "{" else -1
                if opened and opened[-1][0] == depth:
                    module = opened.pop()[1]
            elif word == "#" and [t for t, _ in tokens[at + 1:at + 4]] == ["[", "path", "="]:
                path = tokens[at + 4][0].strip('"')
            elif word == "mod" and third in (";", "{"):
                self.declare(module, after, third, path)
                path, at = None, at + 1
                if third == "{":
                    opened.append((depth, module))
                    module, depth, at = module.children[after], depth + 1, at + 1
            elif word == "use" and after != "<":
                at = self.use(tokens, at + 1, module, [], before in ("pub", ")"))
            elif word == "macro_rules":
                self.macros[third] = module.file
                at += 2
            elif word in DEFINES and WORD.match(after):
                if depth == len(opened):
                    module.defines.add(after)
                self.words[module.file].add(after)
                at += 1
            elif word == "impl" and before in ("}", "]", ";", "{", "unsafe"):
                self.implementation(tokens, at + 1, module)
            elif WORD.match(word) and before not in (".", "::", "in"):
                self.words[module.file].add(word)
                names = [word]
                while tokens[at + 1][0] == "::" and WORD.match(tokens[at + 2][0]):
                    at += 2
                    names.append(tokens[at][0])
                if len(names) > 1 or tokens[at + 1][0] == "!":
                    self.paths.append((module, line, names))
            at += 1

    def declare(self, module, name, sign, path):
        directory = module.directory / (path if path and sign == "{" else name)
        places = [directory.with_suffix(".rs"), directory / "mod.rs"]
        places = [module.file.parent / path] if path else places
        file = next((p.resolve() for p in places if p.is_file()), None)
        if sign == "{":
            module.children[name] = Module(module.file, module, directory)
        elif file:
            inside = file.parent if path or file.name == "mod.rs" else directory
            module.children[name] = self.read(file, module, inside)
        else:
            module.defines.add(name)  # The build makes it.

    def use(self, tokens, at, module, prefix, public):
        """Takes a tree of imports apart; returns where it ends."""
        names, alias, leaf = list(prefix), None, False
        while tokens[at][0] not in (",", "}", ";"):
            word = tokens[at][0]
            if word == "{":
                at, leaf = at + 1, False
                while tokens[at][0] != "}":
                    at = self.use(tokens, at, module, names, public)
                    at += tokens[at][0] == ","
            elif word == "as":
                alias, at = tokens[at + 1][0], at + 1
            elif word not in ("::", "$"):
                names, leaf, line = [*names, word], True, tokens[at][1]
            at += 1
        if leaf:
            names = names[:-1] if names[-1] == "self" else names
            if names[-1] == "*":
                module.globs.append(names[:-1])
            else:
                module.imports[alias or names[-1]] = names
            self.uses.append((module, line, names, alias or names[-1], public))
        return at

    def implementation(self, tokens, at, module):
        """Notes the methods that a type is given: `impl Type {`."""
        header, depth, methods = "", 0, set()
        while tokens[at][0] not in ("{", ";"):
            header, at = f"{header} {tokens[at][0]}", at + 1
        header = re.sub(r"\bwhere\b.*", "", header.replace("->", ""))
        while header != (header := re.sub(r"<[^<>]*>", "", header)):
            pass
        names = re.findall(r"\w+", header)
        while at < len(tokens) and (depth := depth + {"{": 1, "}": -1}.get(tokens[at][0], 0)):
            if tokens[at][0] == "fn" and depth == 1:
                methods.add(tokens[at + 1][0])
            at += 1
        if names and "for" not in names:
            self.methods.append((module, names, methods))

    def lookup(self, module, name, seen):
        """What a name in a module is: a module, the file that defines it, OTHER_CRATE, or None."""
        if (module, name) in seen:
            return None
        seen = seen | {(module, name)}
        if name in module.children:
            return module.children[name]
        if name in module.defines:
            return module.file
        if name in module.imports:
            return self.resolve(module, module.imports[name], seen) or OTHER_CRATE
        for names in module.globs:
            origin = self.resolve(module, names, seen)
            if isinstance(origin, Module) and (found := self.lookup(origin, name, seen)):
                return found
        return self.macros.get(name) if module is self.root else None

    def resolve(self, module, names, seen=frozenset()):
        found = module
        for nth, name in enumerate(names):
            if not isinstance(found, Module):
                break
            if name in ("crate", "self", "super"):
                found = {"crate": self.root, "self": found, "super": found.parent}[name]
            else:  # What is not there a macro has made; or it is another crate.
                found = self.lookup(found, name, seen) or (found.file if nth else None)
        return found

    def link(self):
        """Finds the files that names are from."""
        for module, line, names, name, public in self.uses:
            words = self.words[module.file]
            if name == "*" and isinstance(found := self.resolve(module, names[:-1]), Module):
                for name in {*found.defines, *found.imports} & words:
                    self.add(module, line, self.lookup(found, name, frozenset()))
                continue
            found = self.resolve(module, names)
            below = {m.file for child in module.children.values() for m in child.all()}
            if not (public and found in below) or name in words:
                self.add(module, line, found)
        for module, line, names in self.paths:
            found = self.resolve(module, names) if names[1:] else self.macros.get(names[0])
            self.add(module, line, found)
        for module, names, methods in self.methods:
            home = self.resolve(module, names)
            if isinstance(home, pathlib.Path) and home != module.file:
                of_self = rf"\b(?:self\s*\.\s*|(?:Self|{names[-1]})::)"
                called = re.compile(rf"{of_self}(?:{'|'.join(methods) or '$'})\s*\(")
                text = home.read_text()
                for match in called.finditer(text):
                    self.imports.add((home, text.count("\n", 0, match.start()) + 1, module.file))

    def add(self, module, line, found):
        if isinstance(found, pathlib.Path) and found != module.file:
            self.imports.add((module.file, line, found))
