#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Finds what could stop or splat the guest in the linked modules, and compares it with the reviewed list, panics.toml.

    scripts/lint/panics.py --kernel DIR MODULE.ko...            fails when something is new, or reviewed and not there
    scripts/lint/panics.py --kernel DIR --print MODULE.ko...    what there is, for the list

It looks at what the compiler has left in the code, not at the source: a check that can be proved not to fail is not there.

- A call of a function that panics, warns or reports: Rust's panics, UBSAN's handlers, C's warnings.
- An entry of the table of BUG and WARN, which C code and Rust's `warn_on!` have instead of a call.
- A call of a Rust function of the kernel image, which could panic in itself.

A site is named `FILE: FUNCTION: KIND`: where the check stands in the source, be it in `core` or in the kernel. Behind it
stands by whom: the innermost function of this tree that it was compiled into. A function that has more of the same than were
reviewed has a new one.
"""

import argparse
import collections
import pathlib
import re
import struct
import sys

from linked import Module, Review, Source, by_whom, demangled, run

# What never returns, or reports, by the demangled name. Not what looks after memory that is broken already, such as the
# stack's guard.
FATAL = re.compile(r"""
      \bcore::panicking:: | \b(?:core|alloc|kernel)::.*(?:panic|_fail(?:ed)?\b|_overflow\b)
    | \brust_(?:begin_unwind|helper_BUG|helper_WARN\w*|build_error)\b
    | ^(?:panic|nmi_panic|__warn\w*|warn_slowpath\w*|refcount_warn_saturate|__fortify_\w+|fortify_panic)$
    | ^__ubsan_handle_\w+$
    # Those that stop or report at an argument that does not fit: for the packet, the list, the object.
    | ^(?:skb_put|skb_push|skb_pull|skb_trim|___?pskb_trim|__pskb_pull_tail|skb_over_panic|skb_under_panic|eth_type_trans)$
    | ^(?:__list_add_valid_or_report|__list_del_entry_valid_or_report|usercopy_abort|__check_object_size|__copy_overflow)$
""", re.VERBOSE)
BUGFLAG_WARNING = 1
OURS = re.compile(r"(?<![\w:])(?:vring|kernel_ext|virtio|rvirtio\w*)::")


def kind(symbol):
    """What a fatal symbol says happened."""
    return re.sub(r"^(?:__)?(?:ubsan_handle_|panic_const_)", "", symbol.rsplit("::", 1)[-1])


def location(rodata, strings, relocations, address):
    """The file and line of the `core::panic::Location` whose address is loaded just before a call."""
    near = [added for offset, symbol, added in relocations if symbol == ".rodata" and 0 < address - offset <= 16]
    for at in reversed(near):
        # The text's address, its length, line and column; an address relative to the instruction is 4 less.
        for start in (at, at + 4):
            if start in strings and start + 24 <= len(rodata):
                length, line, _ = struct.unpack_from("<QII", rodata, start + 8)
                file = rodata[strings[start]:strings[start] + length].decode(errors="replace")
                if file.endswith(".rs"):
                    return file, line
    return None


def sites_of(module, source, names):
    rodata = module.bytes(".rodata") if ".rodata" in module.sections else b""
    strings = {offset: added for offset, symbol, added in module.relocations[".rodata"] if symbol == ".rodata"}
    for section in module.code():
        relocations = module.relocations[section]
        calls = [(offset, symbol) for offset, symbol, _ in relocations if FATAL.search(names[symbol])]
        # The bytes before are those of the call.
        for (offset, symbol), frames in zip(calls, module.frames(section, [offset - 1 for offset, _ in calls])):
            where = source.name(frames[0])
            # Calls that the compiler has put together stand at no line.
            found = frames[0][2] == 0 and location(rodata, strings, relocations, offset)
            if found:
                where = source.at_line(*found)
            yield f"{where}: {kind(names[symbol])}", by_whom(source, frames)
    if "__bug_table" in module.sections:
        table = module.bytes("__bug_table")
        entries = [(symbol, added, offset) for offset, symbol, added in module.relocations["__bug_table"] if offset % 16 == 0]
        for section, address, offset in entries:
            flags, = struct.unpack_from("<H", table, offset + 14)
            frames, = module.frames(section, [address])
            yield (f"{source.name(frames[0])}: {'WARN' if flags & BUGFLAG_WARNING else 'BUG'}", by_whom(source, frames))


def imports_of(module, names):
    """Rust functions of the kernel image that are called; those of this tree's crates, or for their types, are none."""
    for symbol in run("nm", "-u", module.path).split():
        name = names.get(symbol, "")
        if symbol.startswith("_R") and not FATAL.search(name) and not OURS.search(name):
            yield (name,)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", required=True, help="the tree that the modules were built against")
    parser.add_argument("--print", action="store_true", help="print what there is")
    parser.add_argument("modules", nargs="+")
    options = parser.parse_args()

    source = Source(options.kernel)
    modules = [Module(path) for path in options.modules]
    names = demangled(modules)
    sites = collections.Counter(site for module in modules for site in sites_of(module, source, names))
    imports = {name for module in modules for name in imports_of(module, names)}
    if options.print:
        print(*(f"{at}\n        by {by}\n        {times} times" for (at, by), times in sorted(sites.items())), sep="\n")
        print(*sorted(name for name, in imports), sep="\n")
        return 0

    review = Review(pathlib.Path(__file__).with_suffix(".toml"))
    review.compare("site", ("at", "by"), sites)
    review.compare("import", ("name",), imports)
    return int(review.bad)


if __name__ == "__main__":
    sys.exit(main())
