#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes the table of Documentation/hostile.md of what run.py --table wrote:

    table.py [--replace] OURS.tsv DEBUG.tsv C.tsv

A column whose file is named `-` is left out; several files, with commas between them, are one run in parts. Of a case that stands
in them more than once the worst counts; with --replace, what is in a later file. The table goes between the marks of that page."""

import os
import re
import sys

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "Documentation", "hostile.md")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
COLUMNS = ("rvirtio", "rvirtio, debug kernel", "C")
VERDICTS = ("PASS", "FAIL", "WEDGED", "CRASH", "SPLAT", "SILENT", "SKIP")
# From the best to the worst; what was run counts more than what was not.
WORSE = ("", "SKIP", "PASS", "FAIL", "SPLAT", "WEDGED", "CRASH", "SILENT")


def read(paths, replace=False):
    """The rows, by kind and name."""
    rows = {}
    for path in paths.split(","):
        with open(path, encoding="utf-8") as file:
            # In a file a case stands twice when more came out behind its verdict.
            rows_of_it = worst({}, (line.rstrip("\n").split("\t") for line in file))
        rows = rows | rows_of_it if replace else worst(rows, rows_of_it.values())
    return rows


def worst(rows, more):
    for row in more:
        key = row[2], row[1]
        # What was not begun is no verdict.
        if not row[6].startswith("not begun") and (key not in rows or WORSE.index(row[4]) > WORSE.index(rows[key][4])):
            rows[key] = row
    return rows


def cell(rows, key):
    if key not in rows:
        return ""
    verdict, reason = rows[key][4], rows[key][6]
    bold = verdict if verdict in ("PASS", "SKIP", "") else f"**{verdict}**"
    # One line of a console says enough; what differs from run to run does not belong here.
    return f"{bold}: {short(reason)}" if reason and verdict not in ("PASS", "") else bold


def summary(columns, given):
    """How many cases ended how, by column."""
    lines = ["| " + " | ".join(["", *VERDICTS, "run"]) + " |", "|---" * (2 + len(VERDICTS)) + "|"]
    for (name, _), rows in zip(given, columns):
        # What is in no row of the first column is no case any more.
        found = [row[4] for key, row in rows.items() if row[4] and key in columns[0]]
        counts = [str(found.count(verdict)) for verdict in VERDICTS]
        lines.append("| " + " | ".join([name, *counts, f"{len(found)} of {len(columns[0])}"]) + " |")
    return lines


def short(reason):
    text = re.sub(r":? (0x)?ffff[0-9a-f]{12}", "", reason.split("] ", 1)[-1]).replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= 90 else text[:87] + "..."


def main():
    words = sys.argv[1:]
    replace = words[:1] == ["--replace"]
    words = words[replace:]
    if len(words) != 3:
        sys.exit(__doc__)
    given = [(name, path) for name, path in zip(COLUMNS, words) if path != "-"]
    columns = [read(path, replace) for _, path in given]
    names = " | ".join(name for name, _ in given)
    lines = summary(columns, given) + ["", f"| line | kind | case | strikes | the device | {names} |", "|---" * (5 + len(given)) + "|"]
    for key, row in columns[0].items():
        cells = [cell(column, key) for column in columns]
        lines.append(f"| {row[0]} | {row[2]} | `{row[1]}` | {row[3].lower()} | {row[5]} | {' | '.join(cells)} |")
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after)


if __name__ == "__main__":
    main()
