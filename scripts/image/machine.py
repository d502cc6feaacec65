#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""machine.py LIMIT REPORT QMP OUT COMMAND...

Runs QEMU for at most LIMIT seconds, and meanwhile moves the guest's balloon when the guest asks for it in its REPORT: lines
that begin with "balloon" and end with "asks the host to take N MiB", "asks for it back", "has used it again". What the host
sees of it, the memory that QEMU really holds, goes to OUT: lines that begin with "host", "ok" or "FAIL".
"""

import os
import re
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "selftest"))
from qmp import Qmp, QmpError  # noqa: E402

STEP = 0.3
# How long the guest may take to follow.
PATIENCE = 90


class Balloon:
    """The talk with the guest: what it asks for, in this order."""

    def __init__(self, pid, qmp, out):
        self._pid, self._path, self._out = pid, qmp, out
        self._done = 0
        self._qmp = None
        self._held = {}

    def look(self, report):
        """Does what the report asks for now."""
        for number, (pattern, action) in enumerate((
                (r"^balloon .*asks the host to take (\d+) MiB", self._take),
                (r"^balloon .*asks for it back", self._give),
                (r"^balloon .*has used it again", self._compare))):
            match = re.search(pattern, report, re.M)
            if match and self._done == number:
                self._done += 1
                action(*(int(group) for group in match.groups()))

    def _take(self, mib):
        self._qmp = Qmp(self._path)
        self._mib = mib
        self._full = self._qmp.command("query-balloon")["actual"]
        self._hold("before")
        self._move(self._full - (mib << 20))
        self._hold("with the balloon")

    def _give(self):
        self._move(self._full)

    def _compare(self):
        self._hold("with the memory in use again")
        before, less, again = self._held.values()
        self._say("host", ", ".join(f"{value >> 10} MiB {name}" for name, value in self._held.items()) + " (RssAnon of QEMU)")
        wanted = self._mib * 1024 * 8 // 10
        self._verdict(before - less >= wanted, f"the host's memory fell by {(before - less) >> 10} MiB of {self._mib}")
        self._verdict(again - less >= wanted, f"the guest has used {(again - less) >> 10} MiB of them again")

    def _move(self, size):
        self._qmp.command("balloon", {"value": size})
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            actual = self._qmp.command("query-balloon")["actual"]
            if actual == size:
                return
            time.sleep(STEP)
        self._verdict(False, f"the balloon stands at {actual >> 20} MiB, not {size >> 20}")

    def _hold(self, name):
        with open(f"/proc/{self._pid}/status", encoding="utf-8") as file:
            self._held[name] = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))

    def _verdict(self, good, text):
        self._say("ok" if good else "FAIL", text)

    def _say(self, topic, text):
        with open(self._out, "a", encoding="utf-8") as file:
            file.write(f"{topic:11} {text}\n")

    def finish(self):
        if self._done < 3:
            self._verdict(False, f"the guest went {self._done} of 3 steps with its balloon")


def main():
    limit, report, qmp, out, *command = sys.argv[1:]
    open(out, "w", encoding="utf-8").close()
    deadline = time.monotonic() + int(limit)
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL)
    balloon = Balloon(process.pid, qmp, out)
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if os.path.exists(report):
                with open(report, encoding="utf-8", errors="replace") as file:
                    balloon.look(file.read().replace("\r", ""))
            time.sleep(STEP)
    except (QmpError, OSError) as error:
        print(f"error: the balloon: {error}", flush=True)
    try:
        status = process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        print(f"the machine ran into its limit of {limit} s")
        process.kill()
        process.wait()
        status = 124
    balloon.finish()
    return status


if __name__ == "__main__":
    sys.exit(main())
