# SPDX-License-Identifier: GPL-2.0
"""The suite: cases of a kind of device, one after the other in a machine, and a new machine where a case has ended one."""

import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass, replace

from case import Case
from folders import WORK
from guestconf import config
from host import Host
from model import Model, Players
from qemu import TRANSPORT_OFF, Machine, command_line
from verdict import reports

HERE = os.path.dirname(os.path.abspath(__file__))
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
# What devices of a kind provoke, and every driver says.
ALLOW = {
    "block": [re.compile(r"I/O error, dev vd[a-z]+, sector|Buffer I/O error on dev(ice)? vd[a-z]+|lost (sync|async) page write")],
    "net": [re.compile(r"NETDEV WATCHDOG: .*transmit queue [0-9]+ timed out|TX timeout on queue")],
}
# Cases in which all works, and where the guest asks for what the device does not have.
BEYOND = {"capacity-huge"}
# Lines of a driver, and those that it has for any device.
OURS = re.compile(rf"\] (?:\w+ )?(?:virtio\d+|{ADDRESS}): ")
USUAL = re.compile(r"\] \d+ \d+-byte logical blocks|default/read/poll queues|legacy interface|registers are reached|: enabling device")
# So many lines of a driver in a case are no flood: a line for each event that the user has to know of.
MOST_LINES = 40
VERDICTS = ("PASS", "FAIL", "WEDGED", "CRASH", "SPLAT", "SILENT", "SKIP")
# Why a machine ended that the suite has ended, and what its kernel says last that ends by itself.
ENDED = "ended by the suite"
OFF = "reboot: Power down"
# What the guest calls its look for what is still held before the machine powers off.
LEAKS = "nothing is left behind"
# What the guest writes on the console before the device becomes an honest one.
HONEST = "suite: honest\n"
# What of a kernel's reports ends it.
FATAL = re.compile(r"Kernel panic|Oops")


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
    # What the guest says has become of the device.
    became: str = ""
    # How long unbinding took, in seconds; of several devices the lying one's is the longest, if it matters.
    unbinding: float = 0.0
    # Lines of the driver.
    lines: int = 0
    # It is a case of another moment, after which the machine powers off with the device bound.
    stays: bool = False

    @property
    def told_format(self):
        return self.format + ("+poweroff" if self.stays else "")

    @property
    def full_name(self):
        return f"{self.name}.{self.told_format}" if self.format else self.name

    def at_power_off(self):
        """The same device, struck with requests under way, in a machine that powers off meanwhile."""
        return replace(self, strikes="PowerOff", outcome="Safe", says="", stays=True)

    def row(self):
        """For table.py, and at the end how long unbinding took, and how many lines the driver had."""
        return "\t".join((self.line, self.full_name, self.kind, self.strikes, self.verdict, self.does, self.reason,
                          f"{self.unbinding:.2f}", str(self.lines))) + "\n"


def script(kind, folder, driven_by="suite", devices=1):
    """The guest's script: what is the kind's own, and what drives it; and what machine it needs."""
    path = f"{folder}/guest.sh"
    with open(path, "w", encoding="utf-8") as out:
        for part in (kind, driven_by):
            with open(os.path.join(HERE, "guest", f"{part}.sh"), encoding="utf-8") as source:
                out.write(source.read())
    models = [Model(f"d{number}", kind, slot=8 + number) for number in range(devices)]
    return Case(f"hostile-{kind}", path, models=models, needs={"net"} if kind == "net" else set(), memory=MEMORY.get(kind, 768))


def allowed(line, driver="rvirtio"):
    """What the kernel may say in a case: nothing where all has to work, unless the driver leaves with something under way."""
    if line is None:
        return []
    if driver == "rvirtio" and line.outcome == "Works" and line.strikes in ("Probe", "Io") and line.name not in BEYOND:
        return []
    return ALLOW.get(line.kind, [])


def telling(found):
    """The first line of a report that says what it is."""
    return next((line for _, line in found if "cut here" not in line), found[0][1])


def weight(found):
    """The verdict on a report."""
    return "CRASH" if any(FATAL.search(line) for _, line in found) else "SPLAT"


class Script(Host):
    """What the guest may ask while the suite runs: besides the usual, for the next case."""

    suite = None

    def do_next(self, _):
        """next: makes the device another one; NAME STRIKES FORMAT OUTCOME LINE, or `end`."""
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
        # Who had a verdict before it, in the same machine.
        self._last = None
        # What the guest says before a verdict that is none.
        self._why = ""
        # What the console has said of a case whose end is the machine's.
        self._said = ""
        # How far the console was judged: what is on it belongs to one case, or to none.
        self._read = 0
        # What the device has said in the end, and the features that were agreed on while it lied.
        self._words = []
        self.agreed = 0
        # Reports that belong to no case.
        self.strays = []
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
        self._last, self._now = self._now, self._take()
        self._now.begun = time.monotonic()
        self._machine.allow(CASE_LIMIT * self._factor)
        return self._begin(players, self._now)

    def _more(self):
        return self._todo and time.monotonic() < self._end

    def _take(self):
        return self._todo.pop(0)

    def _begin(self, players, line):
        players.ask("d0", f"be {line.name} ring={line.format}")
        return f"{line.name} {line.strikes} {line.told_format} {line.outcome} {line.line}"

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

    @property
    def _run_limit(self):
        return RUN_LIMIT

    def _script(self, kind, folder):
        return script(kind, folder)

    def _boot(self, kind):
        self._number += 1
        self._now, self._last, self._read = None, None, 0
        log = os.path.join(self._logs, f"{kind}-{self._part}-{self._number}.log")
        with tempfile.TemporaryDirectory(prefix="vm-", dir=WORK) as folder:
            case, initrd = self._script(kind, folder), f"{folder}/initrd"
            settings = config(case, self._options, 1, self._run_limit) + f"RV_PATIENCE={self._patience}\n"
            self._builder.join(case, settings, initrd)
            extra = [TRANSPORT_OFF] if self._options.driver == "rvirtio" else []
            with Players(case.models, self._program, folder) as players:
                host = type("Script", (Script,), {"suite": self})
                self._machine = Watched(command_line(case, self._kernel, folder, initrd, extra), folder, case, players, host)
                self._machine.suite, self._machine.kind = self, kind
                self._machine.poweroff_limit = self._patience
                self._machine.run(BOOT_LIMIT * self._factor)
                self._judge_end()
            with open(log, "w", encoding="utf-8") as out:
                out.write(self.console() + "\n==== control port ====\n" + "\n".join(self._machine.lines) + "\n")

    def console(self):
        with open(f"{self._machine.folder}/console", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\r", "")

    def _unread(self):
        """What the console has said since this was asked last, in whole lines."""
        console = self.console()
        end = console.rfind("\n") + 1
        new, self._read = console[self._read:end], end
        return new

    def _parts(self, now):
        """The same in two parts: what came before this case began, and what is of it."""
        unread = self._unread()
        before, _, of_it = unread.rpartition(f"suite: begin {now.full_name}\n") if now else (unread, "", "")
        return before, of_it

    def said(self, line):
        """The guest has a verdict on the case that runs. True when the machine has to end: what is reported once is spent."""
        now = self._now
        word, _, rest = line.partition(" ")
        if word == "WHY":
            self._why = rest
        if word == "FAIL" and rest == LEAKS:
            self._stray("FAIL", self._why, "leaves nothing behind")
        if now is None or now.verdict:
            return False
        if line.startswith("DIAG became: "):
            now.became = line.rpartition(" ")[2]
        if line.startswith("DIAG unbound in "):
            now.unbinding = max(now.unbinding, int(line.split()[3]) / 100)
        if word not in ("OK", "FAIL", "SKIP") or rest != now.full_name:
            return False
        now.seconds = time.monotonic() - now.begun
        self._wait_for_marker(now.full_name)
        before, of_it = self._parts(now)
        spent = self._blame(before)
        found = reports(of_it, allowed(now, self._options.driver))
        if found:
            now.verdict, now.reason = weight(found), telling(found)
        elif word == "OK" and now.strikes == "PowerOff":
            # The rest of it is said by the machine's end.
            now.verdict, now.reason, self._said = "PASS", "", of_it
            return spent
        elif word == "OK":
            now.reason = self._missing(now, of_it)
            now.verdict = "FAIL" if now.reason else "PASS"
        else:
            verdict, colon, reason = self._why.partition(": ")
            now.verdict, now.reason = (verdict, reason) if colon and verdict in VERDICTS else ("FAIL", self._why)
        self._tell(now)
        return spent or now.verdict not in ("PASS", "FAIL")

    def _blame(self, text):
        """What the kernel said behind the verdict of a case, or before there was one. True when that is a report."""
        found = reports(text, allowed(self._last, self._options.driver))
        if not found:
            return False
        if self._last is None:
            self._stray(weight(found), telling(found), "starts")
            return True
        self._last.verdict, self._last.reason = weight(found), f"when it was over: {telling(found)}"
        self._tell(self._last)
        return True

    def _stray(self, verdict, reason, does):
        """Something is wrong with a machine that is no case's."""
        name = f"machine-{self._part}-{self._number}"
        self.strays.append(Line("-", name, self._machine.kind, "", "", "", "", does, verdict, reason))
        self._tell(self.strays[-1])

    def _left(self, now):
        """What is wrong with how a device was left that was bound when the machine powered off."""
        if self._options.driver == "c":
            return ""
        if len(self._words) < 4:
            return "the device says nothing of how it was left"
        told, resets, there, _, *complaints = self._words
        if told == "0" and not now.stays:
            return "the lie was never told, so this proves nothing"
        # Of one that seems to be gone DMA is turned off.
        if resets == "0" and there == "there":
            return "the device was not reset"
        return f"the device complains: {complaints[0]}" if complaints else ""

    def _missing(self, now, text):
        """What is wrong with what the driver said: one clear line is wanted of what it does not serve, and no flood."""
        if self._options.driver == "c":
            return ""
        ours = [line for line in text.splitlines() if OURS.search(line)]
        now.lines = len(ours)
        if now.lines > MOST_LINES:
            return f"the driver floods the log: {now.lines} lines, such as: {ours[-1]}"
        # The rest is about an honest device.
        ours = [line for line in text.partition(HONEST)[0].splitlines() if OURS.search(line)]
        if now.says:
            wanted = re.compile(rf"(virtio\d+|{ADDRESS}): .*({now.says})")
            return "" if any(wanted.search(line) for line in ours) else f"no line in the log says: {now.says}"
        if now.outcome == "Safe" and now.became in ("refused", "failed") and all(USUAL.search(line) for line in ours):
            return f"the device is {now.became}, and no line in the log says why"
        return ""

    def _tell(self, now):
        if now.format or now.verdict != "PASS":
            print(f"  {now.verdict:8}{now.full_name} ({now.seconds:.1f} s) {now.reason}", file=sys.stderr, flush=True)
        if self._options.table and not now.stays:
            # As they come: whoever ends the run has what was found.
            with open(self._options.table, "a", encoding="utf-8") as file:
                file.write(now.row())

    def _wait_for_marker(self, name):
        """The console is written later than the control port."""
        for _ in range(50):
            if f"suite: end {name}\n" in self.console()[self._read:]:
                return
            time.sleep(0.05)

    def _judge_end(self):
        """What becomes of the case that ran when the machine ended, or that was the last one; how it ended counts as well."""
        now, trouble = self._now, self._machine.trouble
        self._words = self._machine.players.last_words().split(maxsplit=4)
        if len(self._words) >= 4:
            self.agreed |= int(self._words[3], 16)
        if trouble == ENDED:
            return
        if now and now.verdict:
            self._last, before, of_it = now, "", self._unread()
        else:
            before, of_it = self._parts(now)
        self._blame(before)
        if now is None:
            return
        found = reports(of_it, allowed(now, self._options.driver))
        if trouble is None and not found:
            if not now.verdict:
                now.verdict, now.reason = "FAIL", "the guest's part of the suite ended in the middle of it"
                self._tell(now)
            elif now.strikes == "PowerOff" and now.verdict == "PASS":
                now.reason = self._missing(now, self._said + of_it) or self._left(now)
                now.verdict = "FAIL" if now.reason else "PASS"
                now.seconds = time.monotonic() - now.begun
                self._tell(now)
            return
        if now.verdict in ("", "PASS", "FAIL"):
            if trouble is None:
                now.verdict = weight(found)
            else:
                now.verdict = "WEDGED" if trouble.startswith("wedged") else "CRASH"
            now.reason = telling(found) if found and now.verdict != "WEDGED" else trouble
            now.seconds = time.monotonic() - now.begun
            self._tell(now)


class Watched(Machine):
    """A machine that ends when the suite has seen enough."""

    suite = None
    kind = ""

    @property
    def folder(self):
        return self._folder

    def _see_off(self):
        super()._see_off()
        # A kernel that stops at a panic ends the machine, too.
        if self.trouble is None and OFF not in self.suite.console():
            self.trouble = "the machine ended, and its kernel did not say that it powers off"

    def _line(self, line):
        super()._line(line)
        if self.suite and self.suite.said(line):
            self.trouble = ENDED
