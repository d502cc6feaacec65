#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares what the linked modules call of the kernel's C with the reviewed list, calls.toml: all of it.

    scripts/lint/calls.py --kernel DIR MODULE.ko...            fails when something is new, or reviewed and not there
    scripts/lint/calls.py --kernel DIR --print MODULE.ko...    what there is, for the list

waits.py and panics.py know what waits, stops and reports by name. A function that neither knows is seen here, once, by a
person, who says what a number of the device's can do in it, and whether it waits. (`--kernel` is for the others' sake.)
"""

import argparse
import pathlib
import sys

from linked import Review, run


def symbols(modules, *options):
    return {line.split()[-1] for path in modules for line in run("nm", *options, path).splitlines() if line.strip()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--print", action="store_true", help="print what there is")
    parser.add_argument("modules", nargs="+")
    options = parser.parse_args()

    # What one module has of another is looked at there; Rust's is panics.py's.
    own = symbols(options.modules, "--defined-only")
    calls = {(name,) for name in symbols(options.modules, "-u") - own if not name.startswith("_R")}
    if options.print:
        print(*sorted(name for name, in calls), sep="\n")
        return 0
    review = Review(pathlib.Path(__file__).with_suffix(".toml"))
    review.compare("call", ("name",), calls)
    return int(review.bad)


if __name__ == "__main__":
    sys.exit(main())
