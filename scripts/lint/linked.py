# SPDX-License-Identifier: GPL-2.0
"""What the linked modules call, where in the source, and how that compares with a reviewed list."""

import collections
import fnmatch
import functools
import itertools
import os
import pathlib
import re
import subprocess
import tomllib

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CORE = "/usr/lib/rustlib/src/rust/library/"


def run(*command, stdin=None):
    return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True).stdout


def demangled(modules):
    """The readable name of each symbol that the modules refer to."""
    names = sorted({symbol for module in modules for entries in module.relocations.values() for _, symbol, _ in entries})
    return dict(zip(names, run("llvm-cxxfilt", stdin="\n".join(names) + "\n").splitlines()))


def is_ours(file):
    """C's files have a path from the top of their tree, which the kernel's have, too."""
    path = TOP / file
    return path.is_relative_to(TOP) and path.is_file()


class Module:
    """A module's relocations and sections, by readelf."""

    def __init__(self, path):
        self.path = path
        # What is in it, and from where in the file.
        self.sections = {}
        for line in run("readelf", "-SW", path).splitlines():
            found = re.match(r"\s*\[ *\d+\] (\S+)\s+(\w+)\s+\S+\s+(\S+)\s+(\S+)\s+\S+\s+([A-Z]*)\s", line)
            if found:
                name, _, offset, size, flags = found.groups()
                self.sections[name] = (int(offset, 16), int(size, 16), flags)
        # By section: where, the symbol, what is added to it.
        self.relocations = collections.defaultdict(list)
        section = None
        for line in run("readelf", "-rW", path).splitlines():
            if line.startswith("Relocation section"):
                section = line.split("'")[1].removeprefix(".rela")
                continue
            found = re.match(r"([0-9a-f]{16})\s+\S+\s+R_\S+\s+[0-9a-f]+\s+(\S+)(?: ([+-]) ([0-9a-f]+))?$", line)
            if found:
                offset, symbol, sign, addend = found.groups()
                added = int(addend or "0", 16) * (-1 if sign == "-" else 1)
                self.relocations[section].append((int(offset, 16), symbol, added))

    def code(self):
        return [name for name, (_, _, flags) in self.sections.items() if "X" in flags]

    def bytes(self, section):
        offset, size, _ = self.sections[section]
        return pathlib.Path(self.path).read_bytes()[offset:offset + size]

    def frames(self, section, addresses):
        """For each address: the functions that it is in, the innermost first, as (name, file, line)."""
        if not addresses:
            return []
        out = run("addr2line", "-a", "-i", "-f", "-C", "-j", section, "-e", self.path,
                  stdin="".join(f"{address:#x}\n" for address in addresses))
        frames = []
        lines = iter(out.splitlines())
        for line in lines:
            if re.fullmatch(r"0x[0-9a-f]{16}", line):
                frames.append([])
                continue
            file, _, number = re.sub(r" \(discriminator \d+\)", "", next(lines)).rpartition(":")
            frames[-1].append((line, file, int(number) if number.isdigit() else 0))
        return frames


class Source:
    """Names of places in the source, the same on any machine."""

    def __init__(self, kernel):
        self.kernel = kernel

    def place(self, file):
        """The file's path in its tree, and where it can be read."""
        if is_ours(file):
            return os.path.normpath(file).removeprefix(f"{TOP}/"), TOP / file
        if file.startswith(CORE):
            return file.removeprefix(CORE), pathlib.Path(file)
        # Of the kernel's tree, by whatever path it had when that was built.
        name = os.path.normpath(file.split("/build/", 1)[-1])
        return name, pathlib.Path(self.kernel) / name

    @functools.lru_cache(maxsize=None)
    def lines(self, path):
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []

    def at_line(self, file, line):
        """The name of a line of Rust: that of the nearest `fn` above it."""
        name, path = self.place(file)
        for text in reversed(self.lines(path)[:line]):
            found = re.match(r"\s*(?:(?:pub(?:\([^)]*\))?|const|unsafe|async|default|extern(?: \"C\")?) )*fn (\w+)", text)
            if found:
                return f"{name}: {found[1]}"
        return f"{name}: ?"

    def name(self, frame):
        function, file, _ = frame
        return f"{self.place(file)[0]}: {last_name(function)}"


def by_whom(source, frames):
    """The innermost function of this tree; else that of the kernel's or of core which stands by itself."""
    ours = [frame for frame in frames if is_ours(frame[1])]
    return source.name((ours or frames[-1:])[0])


def last_name(function):
    """`<a::B<C> as D>::e::<F>::{closure#0}` is `e`."""
    depth, kept = 0, ""
    for letter in re.sub(r"::\{[^{}]*\}", "", function.replace("->", "")):
        depth += letter == "<"
        if depth == 0:
            kept += letter
        depth -= letter == ">"
    return [word for word in kept.split("::") if word][-1]


class Review:
    """A list of what may stay, each with the reason: a file of TOML."""

    def __init__(self, path):
        self.name = path.name
        self.tables = tomllib.loads(path.read_text(encoding="utf-8"))
        self.bad = False

    def say(self, text):
        print(text)
        self.bad = True

    def compare(self, table, fields, found):
        """Compares what was found, tuples of as many texts as there are fields, with the entries of a table.

        A field holds texts with the wildcards of the shell; one that is not there stands for any. Each combination of an
        entry's texts has to be found. Where `found` counts, a thing of a C helper is there `times` at most, once where the entry does not
        say: Rust is compiled anew for each type.
        """
        patterns, times = {}, {}
        for entry in self.tables[table]:
            if not entry.get("why", "").strip():
                self.say(f"{self.name}: no reason for {entry}")
            for pattern in itertools.product(*(entry.get(field, ["*"]) for field in fields)):
                patterns[pattern] = False
                times[pattern] = entry.get("times", 1)
        for thing in sorted(found):
            known = [pattern for pattern in patterns if all(map(fnmatch.fnmatchcase, thing, pattern))]
            patterns.update(dict.fromkeys(known, True))
            if not known:
                self.say(f"{table} that is not reviewed: {', by '.join(thing)}")
            elif isinstance(found, collections.Counter) and "/helpers/" in thing[-1] and found[thing] > max(times[pattern] for pattern in known):
                self.say(f"{table} that is there {found[thing]} times, more than were reviewed: {', by '.join(thing)}")
        for pattern, used in patterns.items():
            if not used:
                self.say(f"{self.name}: there is no {table} any more for {', by '.join(pattern)}")
