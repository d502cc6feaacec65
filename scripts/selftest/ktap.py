# SPDX-License-Identifier: GPL-2.0
"""Results, and how they are printed: KTAP version 1 with one subtest per check of a case."""

import json
from dataclasses import dataclass, field

PASS, FAIL, SKIP = "passed", "failed", "skipped"


@dataclass
class Check:
    """One check: what it is called, how it ended, and what there is to say about it."""

    name: str
    state: str
    reason: str = ""
    details: list = field(default_factory=list)


@dataclass
class Outcome:
    """What became of one case."""

    name: str
    title: str
    checks: list = field(default_factory=list)
    seconds: float = 0.0
    log: str = ""

    @property
    def state(self):
        states = {check.state for check in self.checks}
        if FAIL in states or not states:
            return FAIL
        return PASS if PASS in states else SKIP

    def add(self, name, state, reason="", details=()):
        self.checks.append(Check(name, state, reason, list(details)))


class Report:
    """Prints outcomes in the order of the plan and counts the checks."""

    def __init__(self, out, planned):
        self._out = out
        self._number = 0
        self.counts = {PASS: 0, FAIL: 0, SKIP: 0}
        self._print("KTAP version 1")
        self._print(f"1..{planned}")

    def outcome(self, outcome):
        self._number += 1
        self._print("    KTAP version 1")
        self._print(f"    # Subtest: {outcome.name}: {outcome.title}")
        self._print(f"    1..{len(outcome.checks)}")
        for number, check in enumerate(outcome.checks, 1):
            self.counts[check.state] += 1
            for line in ([check.reason] if check.state == FAIL and check.reason else []) + check.details:
                self._print(f"    # {line}")
            self._print("    " + test_line(number, check.name, check.state, check.reason))
        if outcome.state == FAIL and outcome.log:
            self._print(f"# {outcome.name}: console log in {outcome.log}")
        self._print(f"# {outcome.name}: {outcome.seconds:.1f} s")
        self._print(test_line(self._number, outcome.name, outcome.state, ""))

    def finish(self, summary=None):
        total = self.counts
        self._print(f"# Totals: pass:{total[PASS]} fail:{total[FAIL]} skip:{total[SKIP]}")
        if summary:
            with open(summary, "w", encoding="utf-8") as file:
                json.dump(total, file)
                file.write("\n")
        return total[FAIL] == 0 and total[PASS] > 0

    def _print(self, line):
        print(line, file=self._out, flush=True)


def test_line(number, name, state, reason):
    name = name.replace("#", "")
    if state == SKIP:
        return f"ok {number} {name} # SKIP {reason}".rstrip()
    return f"{'ok' if state == PASS else 'not ok'} {number} {name}"
