#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the hostile-device suite and prints KTAP. README.md says how a case is added, and how a device is."""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "selftest"))

# pylint: disable=wrong-import-position
from case import Case
from folders import IMAGES, WORK, cache_folder, remove
from guestconf import config
from host import Host
from initramfs import Builder, InitramfsError, Kernel, our_modules
from ktap import FAIL, PASS, SKIP, Outcome, Report
from model import Model, Players, build
from qemu import TRANSPORT_OFF, Machine, command_line
from qmp import QmpError
from verdict import reports

# Where the device sits.
ADDRESS = r"0000:00:08\.0"
# For one case, in seconds: requests that are never answered take the longest.
CASE_LIMIT = 90
BOOT_LIMIT = 90
# For a machine, however many cases it has.
RUN_LIMIT = 3600
# A debug kernel takes this many times as long.
DEBUG_FACTOR = 4
# What has to end at all has to do so in this many seconds; requests have four times as long.
PATIENCE = 10
# Megabytes of the machine, where they are not the usual ones: a balloon takes all of it.
MEMORY = {"balloon": 320}
# What the cases provoke, and every driver says.
ALLOW = [re.compile(text) for text in (
    r"I/O error, dev vd[a-z]+, sector|Buffer I/O error on dev(ice)? vd[a-z]+", r"lost (sync|async) page write",
    r"NETDEV WATCHDOG: .*transmit queue [0-9]+ timed out|TX timeout on queue")]
VERDICTS = ("PASS", "FAIL", "WEDGED", "CRASH", "SPLAT", "SILENT", "SKIP")


@dataclass
class Line:
    """A case of the catalogue in one ring format, as the program lists it."""

    line: str
    name: str
    kind: str
    strikes: str
    format: str
    outcome: str
    says: str
    does: str
    verdict: str = ""
    reason: str = ""
    seconds: float = 0.0

    @property
    def full_name(self):
        return f"{self.name}.{self.format}" if self.format else self.name


def script(kind, folder):
    """The guest's script: what is the kind's own, and what drives it."""
    path = f"{folder}/guest.sh"
    with open(path, "w", encoding="utf-8") as out:
        for part in (kind, "suite"):
            with open(os.path.join(HERE, "guest", f"{part}.sh"), encoding="utf-8") as source:
                out.write(source.read())
    return Case(f"hostile-{kind}", path, models=[Model("d0", kind, slot=8)], needs={"net"} if kind == "net" else set(),
                memory=MEMORY.get(kind, 768))


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
    parser.add_argument("--fuzz", metavar="SECONDS", type=int, help="instead of cases: lives made of numbers, for so long")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="the number of the first life")
    parser.add_argument("--lives", metavar="N", type=int, default=1 << 62, help="how many lives at most: --seed N --lives 1 replays one")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="machines at once (default: 2)")
    parser.add_argument("--patience", metavar="SECONDS", type=int, help="what has to end has to do so in that time, four times as long for requests")
    parser.add_argument("--slow", metavar="N", type=int, default=1, help="the machine has other things to do: everything may take N times as long")
    parser.set_defaults(times=1, whole=False)
    return parser.parse_args()


def catalogue(program, kinds, patterns):
    listed = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout
    lines = [Line(*line.split("\t")) for line in listed.splitlines()]
    lines = [line for line in lines if not kinds or line.kind in kinds]
    if not patterns:
        return lines
    return [line for line in lines
            if any(fnmatch.fnmatch(line.full_name, pattern) or fnmatch.fnmatch(line.line, pattern) for pattern in patterns)]


def telling(found):
    """The first line of a report that says what it is."""
    return next((line for _, line in found if "cut here" not in line), found[0][1])


class Script(Host):
    """What the guest may ask while the suite runs: besides the usual, for the next case."""

    suite = None

    def do_next(self, _):
        """next: makes the device another one; NAME STRIKES FORMAT OUTCOME, or `end`."""
        return self.suite.next_case(self._players)


class Suite:
    """One kind of device, in as many machines as it takes."""

    def __init__(self, options, kernel, builder, program, lines, logs, part=0):
        self._part = part
        self._options = options
        self._kernel = kernel
        self._builder = builder
        self._program = program
        self._logs = logs
        self._todo = list(lines)
        self._now = None
        self._machine = None
        self._number = 0
        self._end = time.monotonic() + options.limit if options.limit else float("inf")

    @property
    def _factor(self):
        return self._options.slow * (DEBUG_FACTOR if self._options.kernel == "debug" else 1)

    @property
    def _patience(self):
        return self._options.patience or PATIENCE * self._factor

    def next_case(self, players):
        """Makes the device the next one; what the guest is told of it."""
        if not self._more() or (self._now and (self._options.each or self._now.strikes == "PowerOff")):
            return "end"
        self._now = self._take()
        self._now.begun = time.monotonic()
        self._machine.allow(CASE_LIMIT * self._factor)
        return self._begin(players, self._now)

    def _more(self):
        return self._todo and time.monotonic() < self._end

    def _take(self):
        return self._todo.pop(0)

    def _begin(self, players, line):
        players.ask("d0", f"be {line.name} ring={line.format}")
        return f"{line.name} {line.strikes} {line.format} {line.outcome}"

    def run(self, kind):
        while self._more():
            left = len(self._todo)
            self._boot(kind)
            if len(self._todo) == left:
                # It did not come as far as a case: the next one bears it, so that this ends.
                line = self._todo.pop(0)
                line.verdict, line.reason = "FAIL", f"the machine does not come so far: {self._machine.trouble if self._machine else ''}"
        for line in self._todo:
            line.verdict, line.reason = "FAIL", "not begun: the time is over"

    def _boot(self, kind):
        self._number += 1
        self._now = None
        log = os.path.join(self._logs, f"{kind}-{self._part}-{self._number}.log")
        with tempfile.TemporaryDirectory(prefix="vm-", dir=WORK) as folder:
            case, initrd = script(kind, folder), f"{folder}/initrd"
            settings = config(case, self._options, 1, RUN_LIMIT) + f"RV_PATIENCE={self._patience}\n"
            self._builder.join(case, settings, initrd)
            extra = [TRANSPORT_OFF] if self._options.driver == "rvirtio" else []
            with Players(case.models, self._program, folder) as players:
                host = type("Script", (Script,), {"suite": self})
                self._machine = Watched(command_line(case, self._kernel, folder, initrd, extra), folder, case, players, host)
                self._machine.suite = self
                self._machine.poweroff_limit = self._patience
                self._machine.run(BOOT_LIMIT * self._factor)
                self._judge_end()
            with open(log, "w", encoding="utf-8") as out:
                out.write(self.console() + "\n==== control port ====\n" + "\n".join(self._machine.lines) + "\n")

    def console(self):
        with open(f"{self._machine.folder}/console", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\r", "")

    def _since(self, name):
        console = self.console()
        _, marker, after = console.rpartition(f"suite: begin {name}\n")
        return after if marker else console

    def said(self, line):
        """The guest has a verdict on the case that runs. True when the machine has to end: what is reported once is spent."""
        now = self._now
        if now is None or now.verdict:
            return False
        word, _, _ = line.partition(" ")
        if word == "WHY":
            now.reason = line[4:]
        if word not in ("OK", "FAIL", "SKIP"):
            return False
        now.seconds = time.monotonic() - now.begun
        self._wait_for_marker(now.full_name)
        found = reports(self._since(now.full_name), ALLOW)
        if found:
            now.verdict, now.reason = "SPLAT", telling(found)
        elif word == "OK" and not self._has_line(now):
            now.verdict, now.reason = "FAIL", f"no line in the log says: {now.says}"
        elif word == "OK":
            now.verdict, now.reason = "PASS", ""
        else:
            verdict, colon, reason = now.reason.partition(": ")
            now.verdict, now.reason = (verdict, reason) if colon and verdict in VERDICTS else ("FAIL", now.reason)
        self._tell(now)
        return now.verdict not in ("PASS", "FAIL")

    def _has_line(self, now):
        """Whether the log says what was wrong, and of whom."""
        if not now.says or self._options.driver == "c":
            return True
        wanted = re.compile(rf"(virtio\d+|{ADDRESS}): .*({now.says})")
        return any(wanted.search(line) for line in self._since(now.full_name).splitlines())

    def _tell(self, now):
        if now.format or now.verdict != "PASS":
            print(f"  {now.verdict:8}{now.full_name} ({now.seconds:.1f} s) {now.reason}", file=sys.stderr, flush=True)

    def _wait_for_marker(self, name):
        """The console is written later than the control port."""
        for _ in range(50):
            if f"suite: end {name}" in self._since(name):
                return
            time.sleep(0.05)

    def _judge_end(self):
        """What becomes of the case that ran when the machine ended."""
        now, trouble = self._now, self._machine.trouble
        if now is None:
            return
        if trouble is None:
            if not now.verdict:
                now.verdict, now.reason = "FAIL", "the guest's part of the suite ended in the middle of it"
                self._tell(now)
            return
        if now.verdict in ("", "PASS"):
            found = reports(self._since(now.full_name), ALLOW)
            wedged = trouble.startswith("wedged")
            now.verdict = "WEDGED" if wedged else "CRASH"
            now.reason = telling(found) if found and not wedged else trouble
            now.seconds = time.monotonic() - now.begun
            self._tell(now)


class Fuzz(Suite):
    """Lives made of numbers, one after the other, until the time is over."""

    def __init__(self, options, kernel, builder, program, logs):
        super().__init__(options, kernel, builder, program, [], logs)
        self._seed = options.seed
        self._end = float("inf")
        self.found = []
        self.lives = 0

    def _more(self):
        return time.monotonic() < self._end and self.lives < self._options.lives

    def _take(self):
        if not self.lives:
            # Not counting the boot.
            self._end = time.monotonic() + self._options.fuzz
        line = Line("L2", str(self._seed), "block", "", "", "", "", "")
        self._seed += 1
        self.lives += 1
        return line

    def _begin(self, players, line):
        line.does = players.ask("d0", f"seed {line.name}")
        return f"life {line.name}"

    def _tell(self, now):
        super()._tell(now)
        if now.verdict != "PASS":
            print(f"          {now.does}", file=sys.stderr, flush=True)
            self.found.append(now)

    def run(self, kind):
        while self._more():
            before = self.lives
            self._boot(kind)
            if self.lives == before and self._more():
                line = Line("L2", "-", kind, "", "", "", "", "")
                line.verdict, line.reason = "FAIL", f"the machine does not come so far: {self._machine.trouble}"
                self.found.append(line)
                break


class Watched(Machine):
    """A machine that ends when the suite has seen enough."""

    suite = None

    @property
    def folder(self):
        return self._folder

    def _line(self, line):
        super()._line(line)
        if self.suite and self.suite.said(line):
            self.trouble = "ended by the suite"


def report(lines, options, logs):
    out = Report(sys.stdout, len(lines))
    for line in lines:
        outcome = Outcome(line.full_name, f"{line.line}: {line.does}")
        state = {"PASS": PASS, "SKIP": SKIP}.get(line.verdict, FAIL)
        outcome.add(f"{line.full_name}: {line.verdict}", state, f"{line.verdict}: {line.reason}" if line.reason else "")
        outcome.seconds, outcome.log = line.seconds, logs
        out.outcome(outcome)
    counts = {verdict: sum(line.verdict == verdict for line in lines) for verdict in VERDICTS}
    print("# " + ", ".join(f"{verdict} {count}" for verdict, count in counts.items() if count))
    if options.table:
        with open(options.table, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(f"{line.line}\t{line.full_name}\t{line.kind}\t{line.strikes}\t{line.verdict}\t{line.does}\t{line.reason}\n")
    return out.finish(options.summary)


def fuzz(lives, options, logs):
    begun = time.monotonic()
    lives.run("block")
    took = time.monotonic() - begun
    print(f"# {options.kernel} kernel: lives {options.seed} to {options.seed + lives.lives - 1}, {took:.0f} s, {lives.lives / took:.1f} a second")
    if lives.found:
        report(lives.found, options, logs)
    else:
        print(f"ok 1 {lives.lives} lives of hostile devices")
    if options.summary:
        with open(options.summary, "w", encoding="utf-8") as file:
            json.dump({"passed": int(not lives.found), "failed": len(lives.found), "skipped": 0}, file)
    return 0 if lives.lives and not lives.found else 1


def main():
    options = arguments()
    program = build()
    lines = catalogue(program, options.kind, options.only)
    if options.list:
        for line in lines:
            print(f"{line.line:5}{line.full_name:36}{line.strikes:9}{line.outcome:9}{line.does}")
        return 0
    if not lines:
        sys.exit(f"error: no case matches {' '.join(options.only)}; --list shows them")
    signal.signal(signal.SIGTERM, lambda *_: (remove(WORK, IMAGES), os._exit(143)))
    logs = options.logs or os.path.join(cache_folder(), "logs", "hostile", f"{options.kernel}-{options.driver}")
    os.makedirs(logs, exist_ok=True)
    start = time.monotonic()
    kernel = Kernel(cache_folder(), options.kernel)
    builder = Builder(cache_folder(), kernel, our_modules(TOP, options.kernel) if options.driver == "rvirtio" else [])
    if options.fuzz:
        return fuzz(Fuzz(options, kernel, builder, program, logs), options, logs)
    suites = []
    for kind in dict.fromkeys(line.kind for line in lines):
        those = [line for line in lines if line.kind == kind]
        # What takes long stands together in the list, so each machine gets some of it.
        suites += [(Suite(options, kernel, builder, program, those[part::options.jobs], logs, part), kind) for part in range(options.jobs)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda pair: pair[0].run(pair[1]), suites))
    good = report(lines, options, logs)
    print(f"# {options.kernel} kernel, driver {options.driver}: {time.monotonic() - start:.0f} s in all")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (InitramfsError, QmpError, OSError) as error:
        sys.exit(f"error: {error}")
    finally:
        remove(WORK, IMAGES)
