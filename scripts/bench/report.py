# SPDX-License-Identifier: GPL-2.0
"""Results, as tables and as JSON."""

import json

from symbols import demangled

# Functions of a side in a profile.
PROFILE = 24


def per(value, count):
    """A number per operation, as short as it says something."""
    each = value / count
    if each >= 100000:
        return f"{each / 1000:,.0f} k"
    if each >= 1000:
        return f"{each:,.0f}"
    return f"{each:,.1f}" if each >= 10 else f"{each:.3g}"


def ratio(first, second):
    return f"{first / second:.2f}" if second else "-"


class Results:
    """`rows`: for each job its phases, one for each side."""

    def __init__(self, sides, rows, clock, texts, versions):
        self.sides, self.rows, self.clock, self.texts, self.versions = sides, rows, clock, texts, versions

    def table(self):
        """Lines of cells; the first one is the head."""
        a, b = self.sides
        head = ["job", "per", f"own {a}", b, f"{a} : {b}", f"inclusive {a}", b, f"{a} : {b}", f"kicks {a}", b, f"interrupts {a}", b,
                f"busy {a} : {b}", f"clock {a} : {b}"]
        lines = [head]
        for job, (count, first, second) in self.rows:
            cells = [job.name, job.unit]
            for what in ("own", "inside"):
                one, other = getattr(first, what), getattr(second, what)
                cells += [per(one, count), per(other, count), ratio(one, other)]
            for what in ("kicks", "interrupts"):
                cells += [per(getattr(first, what), count), per(getattr(second, what), count)]
            time = self.clock.get(job)
            lines.append([*cells, ratio(first.busy, second.busy), f"{time:.2f}" if time else "-"])
        return lines

    def text_table(self):
        """Bytes of code of each module."""
        return [["module", "bytes of code"]] + [[name, f"{size:,}"] for name, size in self.texts.items()]

    def profile(self, job, count, phases):
        """Where the instructions inside a driver are, by function, both sides beside each other."""
        columns = []
        for phase in phases:
            ranked = sorted(phase.functions.items(), key=lambda item: -item[1].inside)
            names = demangled(name for (name, _), _ in ranked)
            column = [f"{per(function.inside, count):>8} {names[name]}{f' [{module}]' if module else ''}"
                      for (name, module), function in ranked if function.inside / count >= 0.5]
            entered = sorted(phase.entries.items(), key=lambda item: -item[1][1])
            names = demangled(name for (name, _), _ in entered)
            column = column[:PROFILE] + ["", "entered:"] + [f"{per(insns, count):>8} {names[name]}, {per(calls, count)} calls"
                                                          for (name, _), (calls, insns) in entered]
            columns.append(column)
        return [f"{job.name}, instructions per {job.unit}"] + beside(*columns)

    def json(self):
        def phase(one):
            return {"own": one.own, "inclusive": one.inside, "busy": one.busy, "kicks": one.kicks, "interrupts": one.interrupts,
                    "strays": one.strays, "accesses": dict(one.accesses)}

        jobs = [{"job": job.name, "unit": job.unit, "count": count, "sides": [phase(one), phase(other)],
                 "clock": self.clock.get(job)}
                for job, (count, one, other) in self.rows]
        return json.dumps({"versions": self.versions, "sides": self.sides, "text": self.texts, "jobs": jobs}, indent=1)


def beside(first, second, width=96):
    lines = max(len(first), len(second))
    first, second = (column + [""] * (lines - len(column)) for column in (first, second))
    return [f"{one[:width]:{width}}| {other}".rstrip() for one, other in zip(first, second)]


def markdown(lines):
    head, *rest = lines
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rest]) + "\n"


def aligned(lines):
    widths = [max(len(cells[place]) for cells in lines) for place in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) if place < 2 else cell.rjust(width)
                               for place, (cell, width) in enumerate(zip(cells, widths))) for cells in lines)
