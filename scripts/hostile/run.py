#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the hostile-device suite and prints KTAP. README.md says how a case is added, and how a device is."""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("selftest", "lint")]

# pylint: disable=wrong-import-position
import features
from folders import IMAGES, WORK, cache_folder, need_tool_root, remove
from initramfs import Builder, InitramfsError, Kernel, our_modules
from ktap import FAIL, PASS, SKIP, Outcome, Report
from lives import Lives
from model import build
from qmp import QmpError
from suite import VERDICTS, Line, Suite

# Lines of the catalogue that are about what a kernel need not have.
NEEDS = {"B12": "BLK_DEV_ZONED"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", choices=("stock", "debug"), default="stock")
    parser.add_argument("--driver", choices=("rvirtio", "c"), default="rvirtio")
    parser.add_argument("--only", metavar="PATTERN", action="append", help="cases NAME.FORMAT that match, or lines of the catalogue")
    parser.add_argument("--kind", metavar="KIND", action="append", help="devices of that kind only: block, net, balloon")
    parser.add_argument("--each", action="store_true", help="a machine of its own for each case")
    parser.add_argument("--table", metavar="FILE", help="where to write the results as lines NAME VERDICT REASON")
    parser.add_argument("--summary", metavar="FILE", help="where to write the counts as JSON")
    parser.add_argument("--logs", metavar="DIR", help="where console logs go")
    parser.add_argument("--list", action="store_true", help="list the cases and end")
    parser.add_argument("--limit", metavar="SECONDS", type=int, help="cases that have not begun by then fail")
    parser.add_argument("--fuzz", metavar="SECONDS", type=int, help="instead of cases: lives made of numbers, for so long, shared by the kinds")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="the number of the first life; or, but 1, another order of cases, and another device that is bound when a machine powers off")
    parser.add_argument("--lives", metavar="N", type=int, default=1 << 62, help="how many lives of a kind at most: --kind KIND --seed N --lives 1 replays one")
    parser.add_argument("--devices", metavar="N", type=int, help="devices that live at the same time in a machine")
    parser.add_argument("--poweroff", action="store_true", help="instead of each case under I/O: the same device, in a machine that powers off meanwhile")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="machines at once (default: 2)")
    parser.add_argument("--patience", metavar="SECONDS", type=int, help="what has to end has to do so in that time, four times as long for requests")
    parser.add_argument("--slow", metavar="N", type=int, default=1, help="the machine has other things to do: everything may take N times as long")
    parser.set_defaults(times=1, minutes=0, whole=False, drills=False)
    return parser.parse_args()


def catalogue(program, kinds, patterns):
    listed = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout
    lines = [Line(*line.split("\t")) for line in listed.splitlines()]
    lines = [line for line in lines if not kinds or line.kind in kinds]
    if not patterns:
        return lines
    return [line for line in lines
            if any(fnmatch.fnmatch(line.full_name, pattern) or fnmatch.fnmatch(line.line, pattern) for pattern in patterns)]


def last_of(lines, seed):
    """A machine powers off in the end, so it does with a device bound that lies: one of those under I/O, another with each seed."""
    under_io = [line for line in lines if line.strikes == "Io"]
    return [under_io[-seed % len(under_io)].at_power_off()] if under_io else []


def report(lines, strays, options, logs):
    """`strays`: what the kernel has reported when no case was there to bear it, a line for each machine."""
    out = Report(sys.stdout, len(lines) + len(strays))
    for line in lines + strays:
        outcome = Outcome(line.full_name, f"{line.line}: {line.does}")
        state = {"PASS": PASS, "SKIP": SKIP}.get(line.verdict, FAIL)
        outcome.add(f"{line.full_name}: {line.verdict}", state, f"{line.verdict}: {line.reason}" if line.reason else "")
        outcome.seconds, outcome.log = line.seconds, logs
        out.outcome(outcome)
    counts = {verdict: sum(line.verdict == verdict for line in lines) for verdict in VERDICTS}
    print("# " + ", ".join(f"{verdict} {count}" for verdict, count in counts.items() if count))
    if options.table:
        with open(options.table, "w", encoding="utf-8") as file:
            file.writelines(line.row() for line in lines if not line.stays)
    return out.finish(options.summary)


def unmet(suites):
    """Of a whole run: a feature of ours that was agreed on with no device that lies is one that the suite does not cover."""
    agreed = {}
    for suite, kind in suites:
        agreed[kind] = agreed.get(kind, 0) | suite.agreed
    return [Line("-", "features", "", "", "", "", "", "each is agreed on with a device that lies", "FAIL", what)
            for what in features.lied_about(agreed)]


def fuzz(options, make, kinds):
    """Lives of each kind; the time is shared."""
    all_lives = []
    options.fuzz = max(options.fuzz // len(kinds), 1)
    for kind in kinds:
        lives = make(kind)
        lives.run()
        all_lives.append(lives)
        print(f"# {options.kernel} kernel, {kind}: {lives.summary()}", flush=True)
    found = [line for lives in all_lives for line in lives.found]
    out = Report(sys.stdout, len(kinds))
    for lives in all_lives:
        outcome = Outcome(f"lives-{lives.kind}", f"lives of hostile devices: {lives.kind}")
        for line in lives.found:
            outcome.add(f"lives {line.name}: {line.verdict}", FAIL, f"{line.reason}: {line.does}")
        if not lives.found:
            outcome.add(f"{lives.lives} lives", FAIL if lives.lacks() else PASS, lives.lacks())
        out.outcome(outcome)
    out.finish(None)
    bad = len(found) + sum(bool(lives.lacks()) for lives in all_lives if not lives.found)
    if options.summary:
        with open(options.summary, "w", encoding="utf-8") as file:
            json.dump({"passed": sum(not lives.found and not lives.lacks() for lives in all_lives), "failed": bad, "skipped": 0}, file)
    return 0 if not bad else 1


def main():
    options = arguments()
    need_tool_root()
    program = build()
    lines = catalogue(program, options.kind, options.only)
    kinds = list(dict.fromkeys(line.kind for line in lines))
    if options.list:
        for line in lines:
            print(f"{line.line:5}{line.full_name:36}{line.strikes:9}{line.outcome:9}{line.does}")
        return 0
    if not lines:
        sys.exit(f"error: no case matches {' '.join((options.only or []) + (options.kind or []))}; --list shows them")
    signal.signal(signal.SIGTERM, lambda *_: (remove(WORK, IMAGES), os._exit(143)))
    logs = options.logs or os.path.join(cache_folder(), "logs", "hostile", f"{options.kernel}-{options.driver}")
    os.makedirs(logs, exist_ok=True)
    start = time.monotonic()
    kernel = Kernel(cache_folder(), options.kernel)
    builder = Builder(cache_folder(), kernel, our_modules(TOP, options.kernel) if options.driver == "rvirtio" else [])
    if options.fuzz:
        return fuzz(options, lambda kind: Lives(options, kernel, builder, program, logs, kind), kinds)
    if options.table:
        with open(options.table, "w", encoding="utf-8"):
            pass
    for line in lines:
        option = NEEDS.get(line.line)
        if option and not kernel.has(option):
            line.verdict, line.reason = "SKIP", f"the {kernel.name} kernel has no CONFIG_{option}"
    if options.poweroff:
        lines = [line.at_power_off() for line in lines if line.strikes == "Io"]
    suites = []
    for kind in kinds:
        those = [line for line in lines if line.kind == kind and not line.verdict]
        if options.seed != 1:
            # What a case leaves behind meets another one.
            random.Random(options.seed).shuffle(those)
        for part in range(options.jobs):
            # What takes long stands together in the list, so each machine gets some of it.
            mine = those[part::options.jobs]
            last = last_of(mine, options.seed)
            suites.append((Suite(options, kernel, builder, program, mine + last, logs, part), kind))
            lines += last
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda pair: pair[0].run(pair[1]), suites))
    strays = [line for suite, _ in suites for line in suite.strays]
    if not options.only and not options.poweroff and options.driver == "rvirtio" and all(line.verdict != "SKIP" for line in lines):
        strays += unmet(suites)
    good = report(lines, strays, options, logs)
    print(f"# {options.kernel} kernel, driver {options.driver}: {time.monotonic() - start:.0f} s in all")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (InitramfsError, QmpError, OSError) as error:
        sys.exit(f"error: {error}")
    finally:
        remove(WORK, IMAGES)
