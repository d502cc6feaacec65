#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the VM selftests and prints KTAP. Documentation/testing.md says how to run one and how to add one."""

import argparse
import concurrent.futures
import fnmatch
import itertools
import os
import signal
import sys
import tempfile
import time

from backend import Backends
from case import CaseError, load_all, load_matrix
from folders import IMAGES, WORK, cache_folder, need_tool_root, remove
from guestconf import config
from initramfs import Builder, InitramfsError, Kernel, our_modules
from ktap import FAIL, PASS, SKIP, Outcome, Report
from matrix import sample
from model import Players, build
from nic import why_no_taps
from qemu import TRANSPORT_OFF, Machine, command_line
from qmp import QmpError
from verdict import excerpt, reports, spoilt, tail

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
# A boot that the kernel itself spoils before init runs is done again, this often at most.
BOOT_TRIES = 3
# What a device shows that was reset, and that a transport may have acknowledged since: that there is no driver (virtio 1.4, 2.1).
NO_DRIVER = (0, 1)
# With less time than this, in seconds, a case is not begun.
LEAST = 60
HEALTHY = "the kernel reports nothing and powers off"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", choices=("stock", "debug"), default="stock")
    parser.add_argument("--driver", choices=("rvirtio", "c"), default="rvirtio")
    parser.add_argument("--only", metavar="PATTERN", action="append", help="cases whose name matches; may be repeated")
    parser.add_argument("--summary", metavar="FILE", help="where to write the counts as JSON")
    parser.add_argument("--logs", metavar="DIR", help="where console logs go")
    parser.add_argument("--list", action="store_true", help="list the cases and end")
    parser.add_argument("--limit", metavar="SECONDS", type=int, help="cases that have not begun by then fail")
    parser.add_argument("--budget", metavar="SECONDS", type=int, help="cases that have not begun by then are skipped")
    parser.add_argument("--whole", action="store_true", help="on the debug kernel too, every case in every format, and all repetitions")
    parser.add_argument("--times", metavar="N", type=int, default=1, help="cases that repeat something do it N times as often")
    parser.add_argument("--minutes", metavar="N", type=int, default=0, help="cases that go on for a time (drills) do so for N minutes at least")
    parser.add_argument("--drills", action="store_true", help="the drills only, each as often as it takes to reach the number that it is there for")
    parser.add_argument("--matrix", action="store_true",
                        help="at each point of the matrix, as NAME-1 and so on, the cases that can be run there, and no others")
    parser.add_argument("--strength", metavar="N", type=int, choices=(1, 2, 3), default=2,
                        help="so many settings of the matrix stand together somewhere, whichever they are (default: 2)")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of the choice of points")
    parser.add_argument("--patience", metavar="N", type=int, default=1, help="every case may take N times as long")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="machines at once (default: 2)")
    options = parser.parse_args()
    if options.minutes < 0:
        parser.error("--minutes has to be 0 at least")
    if min(options.times, options.patience) < 1:
        parser.error("--times and --patience have to be 1 at least")
    if options.kernel == "debug" and options.driver == "c":
        parser.error("the debug kernel has no C virtio drivers")
    return options


def select(options):
    """The cases that are to be run."""
    folder, points = os.path.join(HERE, "cases"), sample(options.seed, options.strength)
    if options.matrix:
        cases = load_matrix(folder, points, options.kernel, options.whole)
    else:
        cases = load_all(folder, points)
    if options.only:
        cases = [case for case in cases if any(fnmatch.fnmatch(case.name, pattern) for pattern in options.only)]
    elif options.drills:
        cases = [case for case in cases if not (case.ring or case.is_legacy)]
    elif not options.matrix:
        cases = [case for case in cases if options.whole or case.is_usual(options.kernel)]
    return [case for case in cases if case.drill or not options.drills]


class Runner:
    def __init__(self, options, kernel, builder, logs, no_taps, player):
        self._options = options
        self._kernel = kernel
        self._builder = builder
        self._logs = logs
        self._no_taps = no_taps
        self._player = player
        self._begun = time.monotonic()
        self._end = self._begun + options.limit if options.limit else float("inf")

    def run(self, case):
        outcome = Outcome(case.name, case.title)
        reason = case.skip_reason(self._options.kernel, self._options.driver) or (case.taps and self._no_taps)
        if reason:
            outcome.add(case.name, SKIP, reason)
            return outcome
        budget = self._options.budget
        if budget and time.monotonic() > self._begun + budget:
            outcome.add(case.name, SKIP, f"not begun: the time for a sample, {budget} s, is over")
            return outcome
        left = self._end - time.monotonic()
        if left < LEAST:
            outcome.add(case.name, FAIL, f"not begun: the time for all cases, {self._options.limit} s, is over")
            return outcome
        outcome.log = os.path.join(self._logs, f"{case.name}.log")
        start = time.monotonic()
        folder = tempfile.mkdtemp(prefix="vm-", dir=WORK)
        images = tempfile.mkdtemp(prefix="vm-", dir=IMAGES)
        try:
            open(outcome.log, "w", encoding="utf-8").close()
            for left in reversed(range(BOOT_TRIES)):
                outcome.checks.clear()
                for disk in case.disks:
                    disk.make_image(images)
                why = self._boots(case, folder, images, outcome)
                if not why or not left or time.monotonic() > self._end:
                    break
                # Not silently: KASAN and lockdep report once, so the rest of such a boot proves nothing.
                print(f"# {case.name}: done again, the kernel reported before init ran: {why}", flush=True)
        except (QmpError, InitramfsError, OSError, ValueError) as error:
            outcome.add("the machine starts", FAIL, str(error))
        finally:
            remove(folder, images)
        outcome.seconds = time.monotonic() - start
        return outcome

    def _boots(self, case, folder, images, outcome):
        """All boots of a case. Why it has to be done again, if it has to."""
        away = False
        for boot in itertools.count(1):
            # Who does it more often goes away more often.
            if boot > case.boots * (case.times(self._options) if away else 1):
                break
            machine, why = self._boot(case, boot, folder, images, outcome)
            if why:
                return why
            # Once it has gone away, it goes on as long as it goes away.
            if machine.trouble or away and not machine.away:
                break
            away = machine.away
        return None

    def _boot(self, case, boot, folder, images, outcome):
        """Boots once. The machine as it ended, and why the boot has to be done again."""
        limit = int(min(case.limit(self._options), max(LEAST, self._end - time.monotonic())))
        initrd = f"{images}/initrd"
        self._builder.join(case, config(case, self._options, boot, limit), initrd)
        extra = [TRANSPORT_OFF] if self._options.driver == "rvirtio" and case.transport == "own" else []
        with Players(case.models, self._player, folder) as players, Backends(case.disks, folder):
            machine = Machine(command_line(case, self._kernel, folder, initrd, extra), folder, case, players)
            machine.run(limit)
            left = players.as_left() if machine.done and not machine.trouble else []
        with open(f"{folder}/console", encoding="utf-8", errors="replace") as file:
            console = file.read().replace("\r", "")
        with open(outcome.log, "a", encoding="utf-8") as log:
            log.write(f"==== boot {boot}: console ====\n{console}\n==== boot {boot}: control port ====\n")
            log.write("\n".join(machine.lines) + f"\n==== boot {boot}: QEMU ====\n{machine.said()}\n")
        suffix = f" (boot {boot})" if case.boots > 1 else ""
        collect(outcome, machine.lines)
        judge(outcome, machine.trouble, console, case.allow, suffix)
        if self._options.driver == "rvirtio":
            judge_end(outcome, case, left, console, suffix)
        return machine, spoilt(console, case.allow)


def collect(outcome, lines):
    """Turns what the guest said into checks."""
    details, reason = [], ""
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "DIAG":
            details.append(rest)
        elif word == "WHY":
            reason = rest
        elif word in ("OK", "FAIL", "SKIP"):
            state = {"OK": PASS, "FAIL": FAIL, "SKIP": SKIP}[word]
            outcome.add(rest, state, reason, details)
            details, reason = [], ""


def judge(outcome, trouble, console, allow, suffix):
    """Adds the check that every boot has: nothing reported by the kernel, no wedge, an orderly end."""
    found = reports(console, allow)
    details = []
    if trouble:
        details += [f"| {line}" for line in tail(console)]
    if found:
        details += [f"{len(found)} lines of the console count as reports; the first one:"]
        details += [f"| {line}" for line in excerpt(console, found)]
    if trouble or found:
        outcome.add(HEALTHY + suffix, FAIL, trouble or f"console: {found[0][1]}", details)
    else:
        outcome.add(HEALTHY + suffix, PASS)


def judge_end(outcome, case, left, console, suffix):
    """Adds the check that the models were reset before the machine went down, and what the console has to say of that."""
    for name, status, cut_off, complaints in left:
        state = PASS if status in NO_DRIVER and not complaints else FAIL
        why = f"it complains: {complaints}" if complaints else f"its status is {status}"
        outcome.add(f"{name} was reset at the end{suffix}", state, why if state is FAIL else "", [f"{cut_off} requests were cut off by its last reset"])
    for pattern in case.last_lines:
        found = pattern.search(console)
        outcome.add(f"the console says: {pattern.pattern}{suffix}", PASS if found else FAIL, "" if found else "no such line")


def main():
    options = arguments()
    try:
        cases = select(options)
    except CaseError as error:
        sys.exit(f"error: {error}")
    if options.list:
        for case in cases:
            print(f"{case.name:28} {case.title}")
        return 0
    if not cases:
        sys.exit(f"error: no case matches {' '.join(options.only or [])}; --list shows them")
    need_tool_root()

    # Ended by a signal: machines die with their parent, and this removes what they left.
    signal.signal(signal.SIGTERM, lambda *_: (remove(WORK, IMAGES), os._exit(143)))
    logs = options.logs or os.path.join(cache_folder(), "logs", "selftest", f"{options.kernel}-{options.driver}")
    os.makedirs(logs, exist_ok=True)
    report = Report(sys.stdout, len(cases))
    start = time.monotonic()
    try:
        kernel = Kernel(cache_folder(), options.kernel)
        ours = our_modules(TOP, options.kernel) if options.driver == "rvirtio" else []
        builder = Builder(cache_folder(), kernel, ours)
        no_taps = why_no_taps() if any(case.taps for case in cases) else None
        os.environ["PATH"] = f"{builder.host_programs(WORK)}:{os.environ['PATH']}"
        player = build() if any(case.models for case in cases) else None
        runner = Runner(options, kernel, builder, logs, no_taps, player)
    except (InitramfsError, QmpError) as error:
        for case in cases:
            outcome = Outcome(case.name, case.title)
            outcome.add("kernel and modules are there", FAIL, str(error))
            report.outcome(outcome)
        report.finish(options.summary)
        return 1

    def run(case):
        outcome = runner.run(case)
        print(f"  {outcome.state:8}{case.name} ({outcome.seconds:.1f} s)", file=sys.stderr, flush=True)
        return outcome

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for outcome in pool.map(run, cases):
            report.outcome(outcome)
    print(f"# {options.kernel} kernel, driver {options.driver}: {time.monotonic() - start:.0f} s in all")
    return 0 if report.finish(options.summary) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        remove(WORK, IMAGES)
