#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Says which lines of the functions under test were reached, from what llvm-cov exports; see run.sh.

    scripts/fuzz/coverage.py TOP COVERAGE.lcov COVERAGE.json

Lines count where a target calls their function. What no target calls is listed by name: a reader sees whether it decides about
what a device says, and a target is missing, or not, as with texts for the log.
"""

import collections
import json
import re
import subprocess
import sys


def functions_of(path):
    """By file and range of lines: how often it was called, and a name; whatever it was compiled for."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for function in json.load(file)["data"][0]["functions"]:
            regions = function["regions"]
            key = function["filenames"][0], min(region[0] for region in regions), max(region[2] for region in regions)
            count, name = found.get(key, (0, function["name"]))
            found[key] = count + function["count"], name
    return found


def lines_of(path):
    """By file: the lines with code, and whether they were reached."""
    found = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            kind, _, rest = line.rstrip().partition(":")
            if kind == "SF":
                file = rest
            elif kind == "DA":
                number, count = map(int, rest.split(",")[:2])
                found[file][number] = count > 0
    return found


def main():
    top, lcov, exported = sys.argv[1:]
    functions = functions_of(exported)
    rows, missed, strange = [], [], collections.defaultdict(set)
    for file, lines in sorted(lines_of(lcov).items()):
        name = file.removeprefix(f"{top}/")
        ranges = sorted((first, -last, count, symbol) for (of, first, last), (count, symbol) in functions.items() if of == file)
        counted = reached = 0
        for number, hit in sorted(lines.items()):
            # The innermost one: a closure's own line counts as its.
            inside = [entry for entry in ranges if entry[0] <= number <= -entry[1]]
            if not inside or not inside[-1][2]:
                strange[name].update(entry[3] for entry in inside[-1:])
                continue
            counted += 1
            reached += hit
            if not hit:
                missed.append(f"{name}:{number}")
        if counted:
            rows.append((name, counted, reached))

    print("| file | lines | reached | % |", "|---|---:|---:|---:|", sep="\n")
    for name, counted, reached in rows:
        print(f"| `{name}` | {counted} | {reached} | {100 * reached / counted:.1f} |")
    counted, reached = (sum(row[column] for row in rows) for column in (1, 2))
    print(f"| **all** | {counted} | {reached} | {100 * reached / max(counted, 1):.1f} |")
    print("\nNot reached:", *missed, sep="\n    ")
    print("\nCalled by no target:")
    for name, symbols in sorted((name, symbols) for name, symbols in strange.items() if symbols):
        readable = subprocess.run(["llvm-cxxfilt"], input="\n".join(sorted(symbols)), capture_output=True, text=True, check=True)
        print(f"    {name}:", *(re.sub(r"::<.*", "", line) for line in readable.stdout.splitlines()), sep="\n        ")


if __name__ == "__main__":
    main()
