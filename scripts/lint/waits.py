#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that nothing here waits for a device without an end.

    scripts/lint/waits.py --kernel DIR MODULE.ko...             fails when something is new, or reviewed and not there
    scripts/lint/waits.py --kernel DIR --print MODULE.ko...     what there is, for the list

- In the linked modules: each call that sleeps, spins, or waits for something is in the reviewed list, waits.toml, with what
  ends it. A device is waited for in `kernel_ext::time` and `kernel_ext::completion` only, both with a limit.
- In the source: each limit that is given to these two is a `Timeout`, or reviewed; and each `loop` and `while` that is not
  evaluated by the compiler says in a comment before it what ends it, `// BOUND: ...`.
"""

import argparse
import pathlib
import re
import sys

from linked import TOP, Module, Review, Source, by_whom, demangled

# What waits, by the demangled name: for an event, for a time, for work of others to end. Locks are not here: who holds one
# while a device is waited for stands in Documentation/architecture.md.
WAITS = re.compile(r"""
    ^(?: \w*wait_(?:for|on|event)_?\w* | prepare_to_wait\w* | finish_wait | (?:io_)?schedule(?:_(?:timeout|hrtimeout)\w*)?
       | [mu]sleep\w* | usleep_range\w* | __(?:const_)?[un]delay | rust_helper_(?:[mfu]sleep|[un]delay|cpu_relax)\w*
       | synchronize_\w+ | (?:flush|drain)_\w*work\w* | \w*(?:work|timer)\w*_sync | destroy_workqueue | napi_disable | free_irq
       | kthread_(?:stop|park) | blk_execute_rq | blk_mq_(?:freeze|quiesce|wait)\w* | blk_freeze\w* | blk_sync_queue | queue_limits\w*_frozen | del_gendisk
       | (?:driver|bus|pci)_unregister\w* | \w*unregister_(?:netdev|driver)\w* | hwrng_unregister | page_reporting_unregister
       | unregister_oom_notifier | debugfs_remove\w* | device_del | shrinker_free )$
    | \bkernel::(?:time::delay|io::poll|sync::completion|sync::poll|sync::condvar)::
""", re.VERBOSE)

# What waits for a device, by the names that it has in the source, and the limits that may be given to it as they are.
LIMITED = re.compile(r"(?<!fn )\b(?:wait_until|wait_ms|exchange\.wait|queue\.wait)\(\s*((?:[^(),]|\([^()]*\))*?)\s*[,)]")
TIMEOUT = re.compile(r"Timeout::\w+\.ms\(\)")

LOOP = re.compile(r"^\s*(?:'\w+: )?(?:loop|while)\b.*")
FUNCTION = re.compile(r"^\s*(?:(?:pub(?:\([^)]*\))?|const|unsafe|extern \"C\") )*fn (\w+)")


def calls_of(module, source, names):
    for section in module.code():
        calls = [(offset, names[symbol]) for offset, symbol, _ in module.relocations[section] if WAITS.search(names[symbol])]
        for (_, name), frames in zip(calls, module.frames(section, [offset - 1 for offset, _ in calls])):
            yield name, by_whom(source, frames)


def sources():
    for pattern in ("rust/*/**/*.rs", "drivers/**/*.rs", "samples/**/*.rs"):
        for path in sorted(TOP.glob(pattern)):
            if "tests" not in path.parts:
                yield str(path.relative_to(TOP)), path.read_text(encoding="utf-8")


def limits():
    """What is given as a limit and is no `Timeout`, and where."""
    for file, text in sources():
        code = re.sub(r"//[^\n]*", "", text)
        for found in LIMITED.finditer(code):
            if not TIMEOUT.fullmatch(found[1]):
                yield found[1], file


def unbounded():
    """Loops without a word of their end."""
    for file, text in sources():
        lines = text.splitlines()
        constant = False
        for number, line in enumerate(lines):
            function = FUNCTION.match(line)
            if function:
                constant = re.search(r"\bconst\b", line.split("fn ")[0]) is not None
            if not LOOP.match(line) or constant:
                continue
            before = number
            while before > 0 and lines[before - 1].lstrip().startswith("//"):
                before -= 1
            if not any("BOUND:" in comment for comment in lines[before:number]):
                yield f"{file}:{number + 1}: what ends this loop? Say it before it, // BOUND: {line.strip()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", required=True, help="the tree that the modules were built against")
    parser.add_argument("--print", action="store_true", help="print what there is")
    parser.add_argument("modules", nargs="+")
    options = parser.parse_args()

    source = Source(options.kernel)
    modules = [Module(path) for path in options.modules]
    names = demangled(modules)
    calls = {call for module in modules for call in calls_of(module, source, names)}
    if options.print:
        print(*(f"{call}\n        by {by}" for call, by in sorted(calls)), sep="\n")
        print(*(f"{limit}\n        in {file}" for limit, file in sorted(limits())), sep="\n")

    review = Review(pathlib.Path(__file__).with_suffix(".toml"))
    if not options.print:
        review.compare("wait", ("call", "by"), calls)
        review.compare("limit", ("limit", "in"), set(limits()))
    for loop in unbounded():
        review.say(loop)
    return int(review.bad)


if __name__ == "__main__":
    sys.exit(main())
