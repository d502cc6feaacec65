# SPDX-License-Identifier: GPL-2.0
"""What the guest of a measurement asks of the host, beside what all guests may ask."""

import zlib

from host import Host
from machine import ACCESSES
from symbols import Symbols


class BenchHost(Host):
    def __init__(self, qmp, case, pid, players, folder):
        super().__init__(qmp, case, pid, players)
        self._out = next(disk for disk in case.disks if disk.name == "out")
        self._folder = folder
        self.symbols = None

    def do_symbols(self, _):
        """symbols: the guest has written /proc/kallsyms to its disk `out`, packed, behind the length as text."""
        with open(self._out.path, "rb") as image:
            packed = image.read(int(image.read(16)))
        text = zlib.decompress(packed, wbits=31).decode()
        with open(f"{self._folder}/symbols", "w", encoding="utf-8") as file:
            file.write(text)
        self.symbols = Symbols(text)
        with open(f"{self._folder}/map", "w", encoding="utf-8") as file:
            file.write(self.symbols.plugin_map())
        return len(self.symbols.symbols)

    def do_trace(self, text):
        """trace on|off: accesses to registers are written to the trace."""
        self._qmp.command("trace-event-set-state", {"name": ACCESSES, "enable": {"on": True, "off": False}[text]})
        return text
