#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the runner makes of a console: that no crash, no report of the kernel and no missing line is a PASS. No VM."""

import os
import sys
import tempfile
import types
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "selftest"))

# pylint: disable=wrong-import-position
import suite
import table
from suite import ENDED, OFF, Line, Suite

OPTIONS = types.SimpleNamespace(limit=None, slow=1, kernel="stock", patience=None, driver="rvirtio", table=None, each=False)
WARN = "[   3.1] WARNING: CPU: 0 PID: 7 at drivers/virtio/virtio.c:1 it()\n"
PANIC = "[   9.9] Kernel panic - not syncing: sysrq triggered crash\n"
GONE = f"[   9.9] {OFF}\n"
ERROR = "[   2.0] I/O error, dev vda, sector 0 op 0x0:(READ) flags 0x0\n"
TRACE = "[   2.1] CPU: 0 UID: 0 PID: 7 Comm: it\n[   2.1] Hardware name: QEMU\n[   2.1] Call Trace:\n"
SAID = "[   2.0] rvirtio_blk virtio0: device is broken: device is gone\n"


class Played(Suite):
    """A suite whose machine is a text."""

    def __init__(self, *lines):
        super().__init__(OPTIONS, None, None, None, lines, None)
        self.text = "[   0.1] Linux\n"
        self.last_words = "1 1 there 0x3"
        players = types.SimpleNamespace(last_words=lambda: self.last_words)
        self._machine = types.SimpleNamespace(trouble=None, kind="block", allow=lambda _: None, players=players)

    def console(self):
        return self.text

    def _tell(self, now):
        pass

    def _begin(self, players, line):
        return line.name

    def case(self, meanwhile="", verdict="OK", behind="", honest=""):
        """A case runs; `behind` is said when it is over. Gives whether the machine has to end."""
        self.next_case(None)
        name = self._now.full_name
        honest = "" if self._now.strikes == "PowerOff" else f"[   1.5] suite: honest\n{honest}"
        self.text += f"[   1.0] suite: begin {name}\n{meanwhile}{honest}[   2.0] suite: end {name}\n"
        ends = self.said(f"{verdict} {name}")
        self.text += behind
        return ends

    def end(self, text=GONE, trouble=None):
        self.text += text
        self._machine.trouble = trouble
        self._judge_end()


def line(name="a", says="", outcome="Works", strikes="Io"):
    return Line("P1", name, "block", strikes, "split", outcome, says, "")


class Verdicts(unittest.TestCase):
    """Each is about how a run could look well, and is not."""

    def verdicts(self, played, *lines):
        return [one.verdict for one in (*lines, *played.strays)]

    def test_a_clean_run_passes(self):
        a, b = line(), line("b")
        played = Played(a, b)
        self.assertFalse(played.case())
        self.assertFalse(played.case())
        played.end()
        self.assertEqual(self.verdicts(played, a, b), ["PASS", "PASS"])

    def test_a_report_within_a_case_is_its_own(self):
        a, b = line(), line("b")
        played = Played(a, b)
        self.assertFalse(played.case())
        self.assertTrue(played.case(WARN))
        played.end("", ENDED)
        self.assertEqual(self.verdicts(played, a, b), ["PASS", "SPLAT"])

    def test_a_report_behind_a_verdict_is_of_that_case(self):
        a, b = line(), line("b")
        played = Played(a, b)
        self.assertFalse(played.case(behind=WARN))
        self.assertTrue(played.case())
        played.end("", ENDED)
        self.assertEqual(self.verdicts(played, a, b), ["SPLAT", "PASS"])

    def test_a_report_behind_the_last_verdict_counts(self):
        a = line()
        played = Played(a)
        played.case()
        played.end(WARN + GONE)
        self.assertEqual(self.verdicts(played, a), ["SPLAT"])

    def test_a_panic_at_power_off_is_a_crash(self):
        a = line(strikes="PowerOff")
        played = Played(a)
        played.case()
        played.end(PANIC)
        self.assertEqual(self.verdicts(played, a), ["CRASH"])

    def test_a_report_before_any_case_is_the_machines(self):
        a = line()
        played = Played(a)
        played.text += WARN
        self.assertTrue(played.case())
        played.end("", ENDED)
        self.assertEqual(self.verdicts(played, a), ["PASS", "SPLAT"])

    def test_a_report_of_a_machine_without_a_case_counts(self):
        played = Played(line())
        played.end(PANIC, "the machine ended before the case did")
        self.assertEqual(self.verdicts(played), ["CRASH"])

    def test_what_leaks_is_the_machines(self):
        a = line()
        played = Played(a)
        played.case()
        played.said("WHY held now and before: 1 vectors")
        played.said("FAIL nothing is left behind")
        played.end()
        self.assertEqual(self.verdicts(played, a), ["PASS", "FAIL"])

    def test_a_machine_that_does_not_go_down_is_wedged(self):
        a = line(strikes="PowerOff")
        played = Played(a)
        played.case()
        played.end("", "wedged: the guest did not power off within 10 s")
        self.assertEqual(self.verdicts(played, a), ["WEDGED"])

    def at_power_off(self, said="", last_words="1 1 there 0x3", stays=False, says="device is gone"):
        """The verdict on a case in which the machine powers off."""
        a = line(strikes="PowerOff", outcome="Safe", says=says)
        a.stays = stays
        played = Played(a)
        played.last_words = last_words
        self.assertFalse(played.case())
        played.end(said + GONE)
        self.assertEqual(played.strays, [])
        return a.verdict

    def test_power_off_is_judged_by_its_end(self):
        self.assertEqual(self.at_power_off(SAID), "PASS")
        # The line is not there; the lie was not told; the driver has left the device as it was; the device complains.
        self.assertEqual(self.at_power_off(), "FAIL")
        self.assertEqual(self.at_power_off(SAID, "0 1 there 0x3"), "FAIL")
        self.assertEqual(self.at_power_off(SAID, "1 0 there 0x3"), "FAIL")
        self.assertEqual(self.at_power_off(SAID, "1 1 there 0x3 queue 0: it is nonsense"), "FAIL")
        self.assertEqual(self.at_power_off(SAID, ""), "FAIL")
        # One that is gone hears of no reset; a device of another moment may come to no lie.
        self.assertEqual(self.at_power_off(SAID, "1 0 gone 0x3"), "PASS")
        self.assertEqual(self.at_power_off(last_words="0 1 there 0x3", stays=True, says=""), "PASS")

    def test_an_end_without_a_word_is_a_crash(self):
        watched = object.__new__(suite.Watched)
        watched.suite, watched.trouble = Played(), None
        watched._process = types.SimpleNamespace(wait=lambda _: 0)
        watched._see_off()
        self.assertIn("did not say that it powers off", watched.trouble)
        watched.suite.text, watched.trouble = GONE, None
        watched._see_off()
        self.assertIsNone(watched.trouble)

    def test_an_end_in_the_middle_is_no_pass(self):
        a = line()
        played = Played(a)
        played.next_case(None)
        played.end()
        self.assertEqual(self.verdicts(played, a), ["FAIL"])

    def test_the_line_has_to_be_there(self):
        a, b, c = (line(name, says="device is gone") for name in "abc")
        played = Played(a, b, c)
        played.case(SAID)
        played.case()
        # That is another device's.
        played.case(honest=SAID)
        played.end()
        self.assertEqual(self.verdicts(played, a, b, c), ["PASS", "FAIL", "FAIL"])

    def test_what_is_given_up_has_a_line(self):
        said, silent = line("a", outcome="Safe"), line("b", outcome="Safe")
        played = Played(said, silent)
        usual = "[   2.0] rvirtio_blk virtio0: [vda] 8192 512-byte logical blocks (4 MB)\n"
        for one, text in ((said, SAID), (silent, usual)):
            played.next_case(None)
            played.said("DIAG became: failed")
            played.text += f"[   1.0] suite: begin {one.full_name}\n{text}[   2.0] suite: end {one.full_name}\n"
            played.said(f"OK {one.full_name}")
        self.assertEqual(self.verdicts(played, said, silent), ["PASS", "FAIL"])

    def test_a_flood_fails(self):
        few, many = line("a", says="device is gone"), line("b", says="device is gone")
        played = Played(few, many)
        played.case(SAID * 20)
        played.case(SAID * 100)
        self.assertEqual(self.verdicts(played, few, many), ["PASS", "FAIL"])

    def test_what_works_has_no_errors(self):
        lines = [line("a"), line("b", outcome="Fails"), line("c", strikes="Removal")]
        played = Played(*lines)
        for _ in lines:
            played.case(ERROR)
        played.end()
        self.assertEqual(self.verdicts(played, *lines), ["SPLAT", "PASS", "PASS"])

    def test_an_allowed_error_excuses_no_trace_of_others(self):
        lines = [line("a", outcome="Fails"), line("b", outcome="Fails")]
        played = Played(*lines)
        # What lockdep and the like say belongs to the trace below it, so it may be allowed with it.
        self.assertFalse(played.case(ERROR + TRACE))
        self.assertTrue(played.case(ERROR + SAID + TRACE))
        self.assertEqual(self.verdicts(played, *lines), ["PASS", "SPLAT"])


class Table(unittest.TestCase):
    """The page hides no verdict."""

    def read(self, *files, replace=False):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, rows in enumerate(files):
                paths.append(f"{folder}/{number}")
                with open(paths[-1], "w", encoding="utf-8") as out:
                    out.writelines(Line("P6", "a", kind, "Io", "split", "", "", "", verdict).row() for kind, verdict in rows)
            return {key: row[4] for key, row in table.read(",".join(paths), replace).items()}

    def test_a_name_stands_for_a_case_of_each_kind(self):
        self.assertEqual(self.read([("block", "CRASH"), ("net", "PASS")]), {("block", "a.split"): "CRASH", ("net", "a.split"): "PASS"})

    def test_the_worst_counts(self):
        key = ("block", "a.split")
        self.assertEqual(self.read([("block", "WEDGED")], [("block", "PASS")])[key], "WEDGED")
        self.assertEqual(self.read([("block", "PASS"), ("block", "SPLAT")])[key], "SPLAT")
        self.assertEqual(self.read([("block", "SKIP")], [("block", "PASS")])[key], "PASS")
        self.assertEqual(self.read([("block", "WEDGED")], [("block", "PASS")], replace=True)[key], "PASS")


if __name__ == "__main__":
    unittest.main()
