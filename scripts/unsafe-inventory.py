#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Counts `unsafe` in the crates and prints the table of Documentation/safety.md.

    scripts/unsafe-inventory.py            the table, per crate and per file
    scripts/unsafe-inventory.py --lines    the same, with the lines of code
    scripts/unsafe-inventory.py --check    fails when the table in Documentation/safety.md is another one

Comments, strings and tests do not count. What a macro of the kernel expands to is not seen.
"""

import argparse
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = TOP / "Documentation" / "safety.md"
BEGIN, END = "<!-- unsafe-inventory: begin -->", "<!-- unsafe-inventory: end -->"

# What is not code, the longest form first. A quote that is a lifetime is left alone.
NOT_CODE = re.compile(r"""
      //[^\n]*
    | /\*.*?\*/
    | (?:\b[bc])?r(?P<hashes>\#*)".*?"(?P=hashes)
    | (?:\b[bc])?"(?:[^"\\]|\\.)*"
    | (?:\bb)?'(?:[^'\\\n]|\\[^\n]{1,9}?)'
""", re.DOTALL | re.VERBOSE)

KINDS = (
    ("blocks", re.compile(r"\bunsafe\s*\{")),
    ("fn", re.compile(r"\bunsafe\s+fn\b")),
    ("extern", re.compile(r"\bunsafe\s+extern\b")),
    ("impl", re.compile(r"\bunsafe\s+impl\b")),
    ("other", re.compile(r"\bunsafe\b(?!\s*\{|\s+fn\b|\s+extern\b|\s+impl\b)")),
)


def crates():
    """The folders of the crates: each one holds a root file of its own name, or of that name with an `r` before it."""
    for pattern in ("rust/*", "drivers/*/*", "samples/*"):
        for folder in sorted(TOP.glob(pattern)):
            if any((folder / f"{name}.rs").is_file() for name in (folder.name, f"r{folder.name}")):
                yield folder


def code_of(path):
    # Line ends are kept, so that lines can be counted.
    return NOT_CODE.sub(lambda match: "\n" * match[0].count("\n") or '""', path.read_text(encoding="utf-8"))


def count(path):
    code = code_of(path)
    lines = sum(1 for line in code.splitlines() if line.strip() not in ("", '""'))
    return [lines] + [len(pattern.findall(code)) for _, pattern in KINDS]


def row(name, numbers):
    return f"| {name} | " + " | ".join(str(number) for number in numbers) + " |"


def table(with_lines=False):
    names = ["lines of code"] * with_lines + [name for name, _ in KINDS]
    out = [f"| crate, file | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    total = [0] * len(names)
    for folder in crates():
        files = [path for path in sorted(folder.rglob("*.rs")) if "tests" not in path.relative_to(folder).parts]
        counts = [(path, count(path)[not with_lines:]) for path in files]
        here = [sum(column) for column in zip(*(numbers for _, numbers in counts))]
        total = [a + b for a, b in zip(total, here)]
        out.append(row(f"**{folder.relative_to(TOP)}**", [f"**{number}**" for number in here]))
        out += [row(f"`{path.relative_to(folder)}`", numbers) for path, numbers in counts if any(numbers[with_lines:])]
    out.append(row("**all**", [f"**{number}**" for number in total]))
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", action="store_true", help="with lines of code")
    parser.add_argument("--check", action="store_true", help="compare with Documentation/safety.md")
    options = parser.parse_args()
    if not options.check:
        print(table(options.lines))
        return 0
    text = DOCUMENT.read_text(encoding="utf-8")
    if BEGIN not in text or text.split(BEGIN, 1)[1].split(END, 1)[0].strip() != table():
        print(f"{DOCUMENT.relative_to(TOP)}: the inventory is out of date; scripts/unsafe-inventory.py prints it",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
