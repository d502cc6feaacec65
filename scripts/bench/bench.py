#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares our drivers with C's. Documentation/benchmarks.md says what is measured, and how."""

import argparse
import fnmatch
import os
import shutil
import sys
import tempfile
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "selftest"))

from case import Case  # noqa: E402
from cpio import Archive  # noqa: E402
from folders import IMAGES, WORK, cache_folder, need_tool_root, remove  # noqa: E402
from guestconf import config  # noqa: E402
from initramfs import Builder, Kernel, our_modules, run, unpack  # noqa: E402
from qemu import QEMU, Machine  # noqa: E402
from verdict import reports  # noqa: E402

from counts import read_counts, read_trace  # noqa: E402
from echo import Echo  # noqa: E402
from helper import BenchHost  # noqa: E402
from jobs import JOBS  # noqa: E402
from machine import command_line, equip  # noqa: E402
from report import Results, aligned, markdown  # noqa: E402
from symbols import MODULES, Symbols  # noqa: E402

# For a machine, in seconds.
LIMIT = 1800


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="PATTERN", action="append", help="jobs whose name matches; may be repeated")
    parser.add_argument("--sides", default="c,rvirtio", help="which drivers, in order: c,c is a control (default: c,rvirtio)")
    parser.add_argument("--out", default=os.path.join(TOP, "build", "bench"), help="where the results go")
    parser.add_argument("--clock", action="store_true", help="ask the clock as well, in a machine of its own")
    parser.add_argument("--list", action="store_true", help="list the jobs and end")
    return parser.parse_args()


def build_load(target):
    run(["gcc", "-static", "-O2", "-Wall", "-Werror", "-o", target, os.path.join(HERE, "guest", "load.c")])


def build_plugin(target):
    run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-fvisibility=hidden", "-o", target, os.path.join(HERE, "plugin", "count.c")])


class Measured(NamedTuple):
    """What came of a machine: its folder, its symbols, and by job and side how often and how many nanoseconds."""

    folder: str
    symbols: Symbols
    said: dict


def measure(kernel, builder, jobs, sides, out, plugin):
    """Runs one machine, with the plugin or for the clock."""
    folder = tempfile.mkdtemp(prefix="vm-", dir=WORK)
    case = Case.load(os.path.join(HERE, "guest", "jobs.sh"))
    equip(case, folder)
    for disk in case.disks:
        disk.make_image(IMAGES)
    options = argparse.Namespace(kernel="stock", driver="c", times=1, minutes=0, whole=False, drills=False)
    initrd = os.path.join(IMAGES, "initrd")
    builder.join(case, config(case, options, 1, LIMIT), initrd)
    build_load(os.path.join(IMAGES, "load"))
    more = Archive()
    more.file("usr/bin/load", os.path.join(IMAGES, "load"))
    more.data("rv/bench.conf", f"SIDES='{' '.join(sides)}'\n".encode())
    more.data("rv/jobs", "".join(job.line(number, not plugin) + "\n" for number, job in enumerate(jobs, 1)).encode())
    with open(initrd, "ab") as file:
        file.write(more.bytes())
    Echo(folder)
    print(f"# {len(jobs)} jobs on {', '.join(sides)}, {'counted' if plugin else 'by the clock'}", flush=True)
    hosts = []

    def host(*given):
        hosts.append(BenchHost(*given, folder))
        return hosts[0]

    machine = Machine(command_line(case, kernel, folder, initrd, plugin), folder, case, host=host)
    machine.run(LIMIT)
    with open(f"{folder}/console", encoding="utf-8", errors="replace") as file:
        console = file.read().replace("\r", "")
    log = os.path.join(out, "guest.log" if plugin else "clock.log")
    with open(log, "w", encoding="utf-8") as file:
        file.write(console + "\n".join(machine.lines) + "\n")
    wrong = [line for line in machine.lines if line.startswith(("FAIL", "WHY"))] + [line for _, line in reports(console, ())]
    if machine.trouble or wrong:
        sys.exit(f"error: {machine.trouble or wrong[0]} (log: {log})\n" + "\n".join(wrong + machine.lines[-16:]))
    return Measured(folder, hosts[0].symbols, said(machine.lines))


def text_sizes(kernel, ours):
    """Bytes of code of each module, by name: ours and C's."""
    wanted = {name for side in MODULES.values() for name in side}
    found = {}
    for folder, _, names in os.walk(kernel.modules):
        for name in names:
            stem = name.split(".ko")[0].replace("-", "_")
            if stem in wanted:
                unpack(os.path.join(folder, name), os.path.join(IMAGES, f"{stem}.ko.xz"))
                found[stem] = os.path.join(IMAGES, f"{stem}.ko")
    found |= {os.path.basename(path).removesuffix(".ko"): path for path in ours}
    return {name: text_of(path) for name, path in sorted(found.items()) if name in wanted}


def text_of(path):
    lines = (line.split() for line in run(["size", "-A", "-d", path]).splitlines())
    return sum(int(words[1]) for words in lines if words and words[0].startswith(".text"))


def said(lines):
    """What the guest says of each job and side: operations, nanoseconds."""
    numbers = [list(map(int, line.split()[1:])) for line in lines if line.startswith("RESULT ")]
    return {(number, side): (count, time) for side, number, count, time in numbers}


def keep(folder, out):
    """What was measured, before anything is made of it."""
    for name in ("counts", "trace", "symbols"):
        shutil.copy(f"{folder}/{name}", out)


def by_the_clock(kernel, builder, jobs, sides, out):
    """How much longer the first side takes, by job: both twice in one machine, in the order A B B A."""
    timed = [job for job in jobs if job.longer]
    times = measure(kernel, builder, timed, [*sides, *reversed(sides)], out, None).said
    return {job: (times[number, 1][1] + times[number, 4][1]) / (times[number, 2][1] + times[number, 3][1])
            for number, job in enumerate(timed, 1)}


def results(measured, jobs, sides):
    """For each job how often, and its phase on each side."""
    folder, symbols, counts = measured
    pieces = {side: symbols.driver(side) for side in sides}
    phases = read_counts(f"{folder}/counts", symbols, lambda number: pieces[sides[number // 64 - 1]])
    read_trace(f"{folder}/trace", phases)
    return [(job, (counts[number, 1][0], *(phases[64 * side + number] for side in (1, 2)))) for number, job in enumerate(jobs, 1)]


def write(found, out):
    with open(os.path.join(out, "bench.md"), "w", encoding="utf-8") as file:
        file.write(markdown(found.table()) + "\n" + markdown(found.text_table()))
    with open(os.path.join(out, "bench.json"), "w", encoding="utf-8") as file:
        file.write(found.json() + "\n")
    with open(os.path.join(out, "profile.txt"), "w", encoding="utf-8") as file:
        for job, (count, *phases) in found.rows:
            file.write("\n".join(found.profile(job, count, phases)) + "\n\n")
    strays = [f"{job.name}: {phase.strays}" for job, (_, *phases) in found.rows for phase in phases if phase.strays]
    if strays:
        print(f"# blocks of a driver that ran without an entry, so the counts are not to be believed: {'; '.join(strays)}")


def main():
    options = arguments()
    jobs = [job for job in JOBS if not options.only or any(fnmatch.fnmatch(job.name, pattern) for pattern in options.only)]
    if options.list:
        print("\n".join(job.name for job in JOBS))
        return 0
    if not jobs:
        sys.exit("error: no such job; --list shows them")
    need_tool_root()
    os.makedirs(options.out, exist_ok=True)
    sides = options.sides.split(",")
    kernel = Kernel(cache_folder(), "stock")
    ours = our_modules(TOP, "stock")
    builder = Builder(cache_folder(), kernel, ours)
    plugin = os.path.join(WORK, "libcount.so")
    build_plugin(plugin)
    measured = measure(kernel, builder, jobs, sides, options.out, plugin)
    keep(measured.folder, options.out)
    versions = {"kernel": kernel.release, "qemu": run([QEMU, "--version"]).splitlines()[0]}
    clock = by_the_clock(kernel, builder, jobs, sides, options.out) if options.clock else {}
    found = Results(sides, results(measured, jobs, sides), clock, text_sizes(kernel, ours), versions)
    write(found, options.out)
    print(aligned(found.table()))
    print(aligned(found.text_table()))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        remove(WORK, IMAGES)
