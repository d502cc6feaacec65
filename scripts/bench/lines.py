#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Where in the source our instructions are, of a run of bench.py that kept its files in build/bench: by function, also those that
are inlined, and by line."""

import argparse
import os
import re
import subprocess
import sys
from bisect import bisect_left
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "selftest"))

from counts import read_counts  # noqa: E402
from symbols import MODULES, Symbols, demangled  # noqa: E402


class Code:
    """The instructions of a module, by their addresses in the guest."""

    def __init__(self, path, symbols):
        self._path = path
        module = os.path.basename(path).removesuffix(".ko")
        names = (line.split() for line in output("nm", "--defined-only", path).splitlines())
        self._base = next(address - int(words[0], 16) for words in names if words[1] in "tT"
                          and (address := symbols.address(words[2], module)))
        listing = output("objdump", "-d", "-j", ".text", "--no-show-raw-insn", path)
        self._starts = [int(match[1], 16) for match in re.finditer(r"^ *([0-9a-f]+):\t", listing, re.MULTILINE)]

    def instructions(self, address, count):
        """Offsets of the instructions of a block."""
        first = bisect_left(self._starts, address - self._base)
        return self._starts[first:first + count]

    def places(self, offsets):
        """For each offset the functions that are inlined there, innermost first, each with file and line."""
        text = output("addr2line", "-e", self._path, "-j", ".text", "-i", "-f", "-a", given="\n".join(map(hex, offsets)))
        found = {}
        for line in text.splitlines():
            if line.startswith("0x"):
                current = found[int(line, 16)] = []
                name = None
            elif name is None:
                name = line
            else:
                current.append((name, line.split(" (")[0]))
                name = None
        return found


def output(*command, given=None):
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phase", type=int, help="64 * side + job, both from 1; the phases stand in build/bench/bench.json")
    parser.add_argument("count", type=int, help="how many operations it had")
    parser.add_argument("--lines", type=int, default=40, help="so many of each")
    options = parser.parse_args()
    out = os.path.join(TOP, "build", "bench")
    with open(f"{out}/symbols", encoding="utf-8") as file:
        symbols = Symbols(file.read())
    pieces = symbols.driver("rvirtio")
    phase = read_counts(f"{out}/counts", symbols, lambda _: pieces)[options.phase]
    functions, lines = Counter(), Counter()
    for module in MODULES["rvirtio"]:
        code = Code(os.path.join(TOP, "build", "stock", f"{module}.ko"), symbols)
        weights = Counter()
        for address, (length, runs) in phase.blocks.items():
            if symbols.at(address)[1] == module:
                for offset in code.instructions(address, length):
                    weights[offset] += runs
        for offset, stack in code.places(weights).items():
            functions[stack[0][0]] += weights[offset]
            lines[" < ".join(shortly(place) for _, place in stack[:4])] += weights[offset]
    names = demangled(functions)
    for counter, names in ((functions, names), (lines, {line: line for line in lines})):
        print(f"{sum(counter.values()) / options.count:9.1f} in all")
        for what, weight in counter.most_common(options.lines):
            print(f"{weight / options.count:9.1f} {names[what]}")


def shortly(place):
    path, _, line = place.partition(":")
    return f"{'/'.join(path.split('/')[-2:])}:{line}"


if __name__ == "__main__":
    sys.exit(main())
