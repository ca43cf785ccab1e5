#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""rust-print.py DIR: print without %pA in the kernel's Rust source, DIR/rust.

For %pA the kernel's vsnprintf() hands our fmt::Arguments to the kernel's own
`core`. A module with a `core` of its own, of another rustc, must not let that
happen: the layout of fmt::Arguments differs. So the text is formatted on our
side, and passed on for %s.

Fails, naming the place, if the source is not as expected.
"""

import pathlib
import re
import sys

# What stands in for `rust_fmt_argument`, which the kernel calls for %pA.
TEXT = """\
/// A formatted text that ends with a NUL; cut after 511 bytes.
pub(crate) struct Text([u8; 512]);

impl Text {
    pub(crate) fn new(args: fmt::Arguments<'_>) -> Self {
        use fmt::Write;
        let mut text = Text([0; 512]);
        // SAFETY: The buffer outlives the formatter. Its last byte is left alone.
        let mut to = unsafe { RawFormatter::from_buffer(text.0.as_mut_ptr(), text.0.len() - 1) };
        let _ = to.write_fmt(args);
        text
    }

    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.0.as_ptr().cast()
    }
}
"""

# A seq_file takes a text in pieces, of any length.
SEQ_WRITE = """\
        struct To(*mut bindings::seq_file);
        impl fmt::Write for To {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                // SAFETY: The file is valid while it is shown, and `text` for its length.
                unsafe { bindings::seq_write(self.0, text.as_ptr().cast(), text.len()) };
                Ok(())
            }
        }
        let _ = fmt::Write::write_fmt(&mut To(self.inner.get()), args);
"""

POINTER = re.compile(r"core::ptr::from_ref\(&(\w+)\)\.cast::<(?:crate::ffi::)?c_void>\(\)")


def die(path, why):
    sys.exit(f"rust-print: {path}: {why}: this script does not know that source")


def code(text):
    """The text without comment lines."""
    return "".join(l for l in text.splitlines(True) if not l.lstrip().startswith("//"))


def replace_once(path, text, pattern, new, what):
    found = list(re.finditer(pattern, text, re.M))
    if len(found) != 1:
        die(path, f"{len(found)} times {what}, not once")
    return text[: found[0].start()] + new + text[found[0].end() :]


def strings(path, text):
    """%s for %pA in strings; byte strings keep their length."""
    lines = text.splitlines(True)
    for i, line in enumerate(lines):
        if "%pA" not in line or line.lstrip().startswith("//"):
            continue
        bytestring = re.fullmatch(r'( *)b"([^"]*)%pA((?:\\0)+)"\n', line)
        cstring = re.fullmatch(r' *c"[^"]*%pA"\.as_char_ptr\(\),\n', line)
        if bytestring:
            lines[i] = '{}b"{}%s{}\\0"\n'.format(*bytestring.groups())
        elif cstring:
            lines[i] = line.replace("%pA", "%s")
        else:
            die(path, f"line {i + 1} has %pA in an unknown place")
    return "".join(lines)


def arguments(path, text, count):
    """Text for fmt::Arguments; in functions that are not inlined, for the stack's sake."""
    found = list(POINTER.finditer(text))
    if len(found) != count:
        die(path, f"{count} times %pA, but {len(found)} pointers to arguments")
    for match in reversed(found):
        new = f"crate::print::Text::new({match[1]}).as_ptr()"
        text = text[: match.start()] + new + text[match.end() :]
        head = list(re.finditer(r"^ *(?:pub(?:\(\w+\))? )?(?:unsafe )?fn ", text[: match.start()], re.M))
        if not head:
            die(path, "a pointer to arguments outside of a function")
        at = head[-1].start()
        before = text[:at]
        if not before.endswith("#[inline(never)]\n"):
            before = re.sub(r" *#\[inline\]\n\Z", "", before)
            text = before + "#[inline(never)]\n" + text[at:]
    return text


def main(top):
    done = []
    for path in sorted(top.glob("rust/**/*.rs")):
        text = path.read_text()
        count = code(text).count("%pA")
        if path == top / "rust/kernel/print.rs":
            text = replace_once(
                path,
                text,
                r"^// Called from `vsprintf`[^}]*?unsafe extern \"C\" fn rust_fmt_argument\((?:.*\n)*?\}\n",
                TEXT,
                "rust_fmt_argument()",
            )
        if path == top / "rust/kernel/seq_file.rs":
            text = replace_once(
                path,
                text,
                r"^        // SAFETY: Passing a void pointer to `Arguments`[^;]*seq_printf\([^;]*;\n        \}\n",
                SEQ_WRITE,
                "seq_printf()",
            )
            text = text.replace(" str::CStrExt as _,", "")
            count -= 1
        if count:
            text = arguments(path, strings(path, text), count)
        if "%pA" in code(text) or "rust_fmt_argument" in code(text):
            die(path, "it still prints with %pA")
        if text != path.read_text():
            path.write_text(text)
            done.append(path.name)
    wanted = {"print.rs", "seq_file.rs", "device.rs"}
    if not wanted <= set(done):
        die(top, f"nothing to do in {', '.join(sorted(wanted - set(done)))}")


if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1], "rust/kernel").is_dir():
    sys.exit(__doc__)
main(pathlib.Path(sys.argv[1]))
