# SPDX-License-Identifier: GPL-2.0
"""Lives made of numbers: devices of a kind, in a machine, that live one life after the other until the time is over."""

import re
import subprocess
import sys
import time

from suite import ALLOW, ENDED, LEAKS, VERDICTS, Line, Suite, script, telling
from verdict import reports

# Devices at once: while one waits, others are served. Half as many keep a debug kernel busy.
DEVICES = {"block": 8, "net": 8, "balloon": 4}
# The guest says every second how far it is; so long after the last time it is stuck as a whole.
SILENCE = 30
# The largest number of a life.
MOST = (1 << 32) - 1
# Of so many lives some have to be lied to.
MANY = 40
# What the guest writes on the console before each.
BEGUN = re.compile(r"suite: begin (\d+) on (\S+)")


class Lives(Suite):
    """Of one kind."""

    def __init__(self, options, kernel, builder, program, logs, kind):
        super().__init__(options, kernel, builder, program, [], logs)
        self.kind = kind
        self.found = []
        self._first = options.seed
        usual = DEVICES[kind] // (2 if options.kernel == "debug" else 1)
        self._devices = min(options.devices or usual, options.lives)
        # What the machines before this one did, and what this one has: lives, bound, used without a fault, lied to.
        self._before = [0, 0, 0, 0]
        self._did = [0, 0, 0, 0]
        self._seconds = 0
        self._begun = 0.0
        self._end = None

    @property
    def _counts(self):
        return [before + did for before, did in zip(self._before, self._did)]

    @property
    def lives(self):
        return self._counts[0]

    def lacks(self):
        """What is missing: as many lives as were asked for, or until the time was over; and most of them lie."""
        lives, _, _, told = self._counts
        if lives < self._options.lives and (self._end is None or time.monotonic() < self._end):
            return "they ended early"
        if lives >= MANY and told < lives / 4:
            return f"only {told} of them heard a lie"
        return ""

    def summary(self):
        lives, bound, worked, told = self._counts
        return (f"{lives} lives from {self._options.seed} on in {self._seconds:.0f} s, {lives / max(self._seconds, 0.1):.1f} a second; "
                f"{told} heard a lie, {bound} were bound, {worked} worked")

    def run(self):
        while self._more():
            before = self.lives
            self._boot(self.kind)
            if self._machine.trouble and not self._now:
                self._find("-", "FAIL", f"the machine does not come so far: {self._machine.trouble}")
                break
            self._before, self._did = self._counts, [0, 0, 0, 0]
            if self.lives == before:
                break

    def _more(self):
        return (self._end is None or time.monotonic() < self._end) and self.lives < self._options.lives

    @property
    def _run_limit(self):
        return self._options.fuzz + 3600

    def _script(self, kind, folder):
        return script(kind, folder, "lives", self._devices)

    def next_case(self, players):
        """The guest is ready: which lives it shall see, and for how long."""
        now = time.monotonic()
        if self._end is None:
            # Not counting the boot.
            self._end = now + self._options.fuzz
        if self._now or not self._more():
            return "end"
        self._begun = now
        self._now = Line("L2", "lives", self.kind, "", "", "", "", "")
        self._machine.allow(SILENCE * self._factor)
        return f"{self._first} {min(self._options.lives - self.lives, MOST - self._first)} {int(self._end - now) + 1}"

    def said(self, line):
        """The guest tells how far it is, or what is wrong. True when the machine has to end."""
        word, _, rest = line.partition(" ")
        if word == "WHY":
            self._why = rest
        if self._now is None or word not in ("DID", "OVER", "STUCK", "WRONG", "FAIL"):
            return False
        self._machine.allow(SILENCE * self._factor)
        if word == "DID":
            now = time.monotonic()
            self._did = [int(number) for number in rest.split()]
            self._seconds, self._begun = self._seconds + now - self._begun, now
            return self._reported()
        if word in ("STUCK", "WRONG"):
            number, _, why = rest.partition(" ")
            verdict, colon, reason = why.partition(": ")
            if word == "STUCK" or not colon or verdict not in VERDICTS:
                verdict, reason = "WEDGED" if word == "STUCK" else "FAIL", why
            if "complains" in reason:
                players = self._machine.players
                reason += ": " + "; ".join(filter(None, (players.ask(f"d{number}", "ask complaints") for number in range(self._devices))))
            self._find(number, verdict, reason)
        elif word == "FAIL" and (rest == LEAKS or not self.found):
            self._find("-", "FAIL", f"{rest}: {self._why}")
        return word != "OVER"

    def _reported(self):
        """Whether the kernel has reported something since this was asked last."""
        console = self.console()
        end = console.rfind("\n") + 1
        new, read = console[self._read:end], self._read
        self._read = end
        found = reports(new, ALLOW.get(self.kind, []))
        if not found:
            return False
        # The rest of it is on its way.
        time.sleep(1)
        found = reports(self.console()[read:], ALLOW.get(self.kind, []))
        self._find(self._alive(telling(found)), "SPLAT", telling(found))
        return True

    def _alive(self, until):
        """The lives that were going on when the console said that."""
        last = {}
        for line in self.console().splitlines():
            if begun := BEGUN.search(line):
                last[begun[2]] = begun[1]
            if until in line:
                break
        return " ".join(sorted(set(last.values()), key=int))

    def _judge_end(self):
        """What the machine ended with."""
        self._reported()
        trouble = self._machine.trouble
        if self._now and trouble and trouble != ENDED and not self._now.verdict:
            found = reports(self.console(), ALLOW.get(self.kind, []))
            self._find(self._alive(telling(found) if found else "\0"), "WEDGED" if trouble.startswith("wedged") else "CRASH",
                       telling(found) if found else trouble)
        begun = [int(number) for number, _ in BEGUN.findall(self.console())]
        self._first = max([self._first - 1, *begun]) + 1

    def _find(self, numbers, verdict, reason):
        """Something is wrong, in one of those lives."""
        line = Line("L2", numbers, self.kind, "", "", "", "", "", verdict, reason)
        if self._now:
            if self._now.verdict:
                return
            self._now.verdict = verdict
        line.does = "; or ".join(f"{number}: {self._describe(number)}" for number in numbers.split() if number.isdigit() and number != "0")
        print(f"  {verdict:8}{self.kind} {numbers}: {reason}\n          {line.does}", file=sys.stderr, flush=True)
        self.found.append(line)

    def _describe(self, number):
        return subprocess.run([self._program, "life", self.kind, number], capture_output=True, text=True, check=False).stdout.strip()
