#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that nothing here waits for a device without an end.

    scripts/lint/waits.py --kernel DIR MODULE.ko...             fails when something is new, or reviewed and not there
    scripts/lint/waits.py --kernel DIR --print MODULE.ko...     what there is, for the list

- In the linked modules: each call that sleeps, spins, or waits for something is in the reviewed list, waits.toml, with what
  ends it. A device is waited for in `kernel_ext::time` and `kernel_ext::completion` only, both with a limit.
- In the source: each limit that is given to these two, or to a function that has a limit of milliseconds itself, is a `Timeout`, or
  the limit of the function that it is given in, or reviewed. Each `loop` and `while`, wherever it stands, that is not evaluated by the
  compiler says in a comment before it what ends it, `// BOUND: ...`. Loops of the C helpers are reviewed.
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
       | synchronize_\w+ | _*(?:flush|drain)_\w*work\w* | \w*(?:work|timer)\w*_sync | destroy_workqueue | napi_disable | free_irq
       | s?wait_\w+ | down(?:_interruptible|_killable|_timeout)? | rcu_barrier\w* | srcu_barrier | disable_irq\w* | hrtimer_cancel
       | device_unregister | blk_mq_destroy_queue | put_disk
       | kthread_(?:stop|park) | blk_execute_rq | blk_mq_(?:freeze|quiesce|wait)\w* | blk_freeze\w* | blk_sync_queue | queue_limits\w*_frozen | del_gendisk
       | (?:driver|bus|pci)_unregister\w* | \w*unregister_(?:netdev|driver)\w* | hwrng_unregister | page_reporting_unregister
       | unregister_oom_notifier | debugfs_remove\w* | device_del | shrinker_free )$
    | \bkernel::(?:time::delay|io::poll|sync::completion|sync::poll|sync::condvar)::
""", re.VERBOSE)

# A function's limit, by the name and type of its parameter; and what may be given as one.
LIMIT = re.compile(r"\b_?(?:limit_)?ms: u32")
TIMEOUT = re.compile(r"Timeout::\w+\.ms\(\)")
# The same with a name, or what is left of it.
NAMED = re.compile(r"let (\w+) = (?:[\w.]+\.left\(\w+, )?Timeout::\w+\.ms\(\)\)?;")

LOOP = re.compile(r"\b(?:loop|while)\b")
C_LOOP = re.compile(r"\b(?:(?:for|while|do|goto)\b|\w*for_each\w*)[^;{]*")
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


def bare(text):
    """The code, as long as before, without what stands in comments and in quotes."""
    blank = lambda found: re.sub(r"[^\n]", " ", found[0])
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\]|\\.)*\"", blank, text, flags=re.DOTALL)


def arguments(code, start):
    """What stands between the parenthesis that ends at `start` and its other one, at its commas."""
    depth, parts, begin = 1, [], start
    for at in range(start, len(code)):
        letter = code[at]
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 or depth == 1 and letter == ",":
            parts.append(" ".join(code[begin:at].split()))
            begin = at + 1
        if depth == 0:
            break
    return [part for part in parts if part]


def functions(code):
    """Where each begins, whether others see it, its name, and its parameters."""
    for found in re.finditer(r"(\bpub(?:\([^)]*\))? [\w \"]*)?\bfn (\w+)(?:<[^(]*>)?\(", code):
        yield found.start(), bool(found[1]), found[2], arguments(code, found.end())


def limited(codes):
    """Functions with a limit, by name and by the file that they may be called from (any: `None`): which of their arguments it is."""
    seen = {}
    for file, code in codes.items():
        for _, public, name, parameters in functions(code):
            parameters = [one for one in parameters if not re.fullmatch(r"(?:&|mut |'\w+ )*self(?:: .*)?", one)]
            for number, one in enumerate(parameters):
                if LIMIT.match(one):
                    seen.setdefault(name, []).append((None if public else file, number))
    # A trait's are seen by all, and stand in several files.
    return {(name, file if len(places) == 1 else None): number for name, places in seen.items() for file, number in places}


def limits():
    """What is given as a limit and is none, and where."""
    codes = {file: bare(text) for file, text in sources()}
    known = limited(codes)
    names = "|".join(sorted({name for name, _ in known}))
    for file, code in codes.items():
        starts = list(functions(code))
        for found in re.finditer(rf"(?<!fn )\b({names})\(", code):
            number = known.get((found[1], file), known.get((found[1], None)))
            given = arguments(code, found.end())
            if number is None or len(given) <= number:
                # Another function of that name.
                continue
            around = [(start, parameters) for start, _, _, parameters in starts if start < found.start()][-1:]
            own = [one.partition(":")[0] for _, parameters in around for one in parameters if LIMIT.match(one)]
            own += [name for start, _ in around for name in NAMED.findall(code[start:found.start()])]
            if not TIMEOUT.fullmatch(given[number]) and given[number] not in own:
                yield given[number], file


def unbounded():
    """Loops without a word of their end."""
    for file, text in sources():
        lines, code = text.splitlines(), bare(text).splitlines()
        constant = False
        for number, line in enumerate(code):
            function = FUNCTION.match(line)
            if function:
                constant = re.search(r"\bconst\b", line.split("fn ")[0]) is not None
            if not LOOP.search(line) or constant:
                continue
            before = number
            while before > 0 and lines[before - 1].lstrip().startswith("//"):
                before -= 1
            if not any("BOUND:" in comment for comment in lines[before:number]):
                yield f"{file}:{number + 1}: what ends this loop? Say it before it, // BOUND: {lines[number].strip()}"


def helper_loops():
    """Loops of C, each with the function that it is in."""
    for path in sorted(TOP.glob("rust/*/helpers/*.[ch]")):
        function = "?"
        for line in bare(path.read_text(encoding="utf-8")).splitlines():
            named = re.match(r"\w[\w *]*?\b(\w+)\(", line)
            function = named[1] if named else function
            for loop in C_LOOP.finditer(line):
                if not line.startswith("#"):
                    yield f"{path.relative_to(TOP)}: {function}", loop[0].strip()


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
        print(*(f"{loop}\n        in {function}" for function, loop in sorted(helper_loops())), sep="\n")

    review = Review(pathlib.Path(__file__).with_suffix(".toml"))
    if not options.print:
        review.compare("wait", ("call", "by"), calls)
        review.compare("limit", ("limit", "in"), set(limits()))
        review.compare("loop", ("in", "loop"), set(helper_loops()))
    for loop in unbounded():
        review.say(loop)
    return int(review.bad)


if __name__ == "__main__":
    sys.exit(main())
