# SPDX-License-Identifier: GPL-2.0
"""What the plugin counted and what QEMU traced, by phase."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from machine import INTERRUPT, KICK

KERNEL = 1 << 63


@dataclass
class Function:
    """Instructions of one function in a phase: in all, and inside a driver."""

    ran: int = 0
    inside: int = 0


@dataclass
class Phase:
    # Instructions: of the driver's, its ring's and its transport's code; inside the driver; of the kernel, less the idle task's.
    own: int = 0
    inside: int = 0
    busy: int = 0
    # Blocks of a driver's code that ran without an entry: none, if all went well.
    strays: int = 0
    kicks: int = 0
    interrupts: int = 0
    # Accesses to registers, by region.
    accesses: Counter = field(default_factory=Counter)
    # By name and module.
    functions: dict = field(default_factory=lambda: defaultdict(Function))
    # By name and module of the function that was entered: calls, instructions.
    entries: dict = field(default_factory=dict)
    # Addresses of blocks: instructions each, runs.
    blocks: dict = field(default_factory=dict)


def read_counts(path, symbols, driver_of):
    """Phases by number. `driver_of(number)` gives the pieces of code that are the driver's."""
    phases = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            word, *numbers = line.split()
            if word == "phase":
                number, strays = map(int, numbers)
                phase = phases[number] = Phase(strays=strays)
                pieces = driver_of(number)
            elif word == "entry":
                calls, insns = map(int, numbers[1:])
                phase.entries[symbols.at(int(numbers[0], 16))] = (calls, insns)
            else:
                address = int(numbers[0], 16)
                length, runs, inside, idle = map(int, numbers[1:])
                name = symbols.at(address)
                function = phase.functions[name]
                function.ran += runs * length
                function.inside += inside * length
                phase.inside += inside * length
                phase.busy += (runs - idle) * length
                if any(start <= address < end for start, end in pieces):
                    phase.own += runs * length
                    phase.blocks[address] = (length, runs)
    return phases


def read_trace(path, phases):
    """Adds what stands in QEMU's trace to the phases."""
    phase = None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            word = line.split(None, 1)[0] if line.strip() else ""
            if line.startswith("bench phase "):
                phase = phases.get(int(line.split()[2]))
            elif phase is None:
                continue
            elif word == KICK:
                phase.kicks += 1
            elif word == INTERRUPT:
                phase.interrupts += 1
            elif word.startswith("memory_region_ops_"):
                match = re.search(r"name '([^']*)'", line)
                phase.accesses[match[1] if match else "?"] += 1
