#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes the table of Documentation/hostile.md of what run.py --table wrote: table.py OURS.tsv DEBUG.tsv C.tsv

A column whose file is named `-` is left out. The table goes between the marks of that page."""

import os
import re
import sys

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "Documentation", "hostile.md")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
COLUMNS = ("rvirtio", "rvirtio, debug kernel", "C")


def read(path):
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return {row[1]: row for row in rows}


def cell(rows, name):
    if name not in rows:
        return ""
    verdict, reason = rows[name][4], rows[name][6]
    bold = verdict if verdict in ("PASS", "SKIP", "") else f"**{verdict}**"
    # One line of a console says enough; what differs from run to run does not belong here.
    return f"{bold}: {short(reason)}" if reason and verdict not in ("PASS", "") else bold


def short(reason):
    text = re.sub(r":? (0x)?ffff[0-9a-f]{12}", "", reason.split("] ", 1)[-1]).replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= 90 else text[:87] + "..."


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    given = [(name, path) for name, path in zip(COLUMNS, sys.argv[1:]) if path != "-"]
    columns = [read(path) for _, path in given]
    lines = [f"| line | case | strikes | the device | {' | '.join(name for name, _ in given)} |", "|---" * (4 + len(given)) + "|"]
    for name, row in columns[0].items():
        cells = [cell(column, name) for column in columns]
        lines.append(f"| {row[0]} | `{name}` | {row[3].lower()} | {row[5]} | {' | '.join(cells)} |")
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after)


main()
