# SPDX-License-Identifier: GPL-2.0
"""Where which function is, by the guest's /proc/kallsyms; which code is a driver's."""

import bisect
import re
import subprocess

MODULES = {"c": ("virtio_blk", "virtio_net", "virtio_balloon"),
           "rvirtio": ("rvirtio", "rvirtio_pci", "rvirtio_blk", "rvirtio_net", "rvirtio_balloon")}
# In the stock kernel C's bus, ring and PCI transport are built in, as neighbours, and nobody else's functions between them.
CORE = re.compile(r"\w*(virtio|virtqueue|vring)\w*|vp_\w+|(setup|del)_vq|\w+_show|detach_buf\w*|update_last_used\w*")
# Calls into the stack, and waiting: what is there is not the driver's. Ended requests and packets go on from there.
LEFT = """
schedule __schedule preempt_schedule_irq gro_receive_skb netif_receive_skb netif_receive_skb_core netif_receive_skb_list
netif_receive_skb_list_internal napi_complete_done blk_mq_end_request blk_mq_end_request_batch __blk_mq_end_request
blk_update_request blk_mq_complete_request_remote __wake_up __wake_up_common __wake_up_locked wake_up_process
complete consume_skb napi_consume_skb __napi_schedule sk_skb_reason_drop
""".split()
# The largest function that may stand at the end of a module.
LAST_BYTES = 0x4000


class Symbols:
    def __init__(self, text):
        found = []
        self._named = {}
        for line in text.splitlines():
            address, _, name, *module = line.split()
            found.append((int(address, 16), name, module[0].strip("[]") if module else ""))
        found.sort()
        # Of several names of one place the first one counts, but for those that say less.
        self.symbols = [symbol for symbol in found if not symbol[1].startswith(("__pfx_", "__cfi_"))]
        self._starts = [symbol[0] for symbol in self.symbols]
        for address, name, module in self.symbols:
            self._named.setdefault((name, module), address)

    def address(self, name, module=""):
        return self._named.get((name, module))

    def at(self, address):
        """Name and module of the function at an address."""
        place = bisect.bisect_right(self._starts, address) - 1
        return self.symbols[place][1:] if place >= 0 else ("?", "")

    def core(self):
        """First and last address of C's bus, ring and transport."""
        first = last = bisect.bisect_left(self._starts, self.address("vring_interrupt"))
        while CORE.fullmatch(self.symbols[first - 1][1].split(".")[0]):
            first -= 1
        while CORE.fullmatch(self.symbols[last][1].split(".")[0]):
            last += 1
        return self._starts[first], self._starts[last]

    def text(self, module):
        """Pieces of a module's code."""
        pieces = []
        for place, (address, _, of) in enumerate(self.symbols):
            if of != module:
                continue
            end = min(self._starts[place + 1] if place + 1 < len(self._starts) else address + LAST_BYTES, address + LAST_BYTES)
            if pieces and pieces[-1][1] == address:
                pieces[-1][1] = end
            else:
                pieces.append([address, end])
        return pieces

    def driver(self, side):
        """The code of one side: pieces from an address to another."""
        pieces = [piece for module in MODULES[side] for piece in self.text(module)]
        return pieces + ([list(self.core())] if side == "c" else [])

    def plugin_map(self):
        lines = [f"driver {start:x} {end:x}" for side in MODULES for start, end in self.driver(side)]
        lines += [f"left {self.address(name):x}" for name in LEFT if self.address(name)]
        lines += [f"switch {self.address('__switch_to_asm'):x}", f"idle {self.address('init_task'):x}"]
        return "\n".join(lines) + "\n"


def demangled(names):
    """Rust's names as people write them, without the arguments of generics."""
    names = list(names)
    done = subprocess.run(["c++filt", "-s", "rust"], input="\n".join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, map(short, done.stdout.splitlines())))


def short(name):
    """The last parts of a path, and of each trait and type just its name."""
    name = re.sub(r"\[[0-9a-f]+\]", "", name)
    plain = re.sub(r"::<.*?>(?=::|$)", "", name)
    return plain if len(plain) <= 110 else plain[:50] + "…" + plain[-58:]
