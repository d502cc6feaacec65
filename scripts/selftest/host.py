# SPDX-License-Identifier: GPL-2.0
"""What a guest may ask of the host while its case runs: `host VERB ARGUMENT...` in a case ends here."""

import json
import os

from disk import parse_size
from qmp import QmpError


class Host:
    def __init__(self, qmp, disks):
        self._qmp = qmp
        self._disks = {disk.name: disk for disk in disks}

    def answer(self, line):
        """Runs one request and gives the line that goes back to the guest: OK RESULT, or ERR REASON."""
        verb, _, rest = line.partition(" ")
        handler = getattr(self, f"do_{verb}", None)
        if not handler:
            return f"ERR the host knows no {verb}"
        try:
            return f"OK {handler(rest.strip())}".rstrip()
        except (QmpError, ValueError, KeyError, TypeError, OSError) as error:
            return "ERR " + " ".join(str(error).split())

    def do_qmp(self, text):
        """qmp JSON: a command as QEMU takes it."""
        request = json.loads(text)
        return json.dumps(self._qmp.command(request["execute"], request.get("arguments")))

    def do_resize(self, text):
        """resize DISK SIZE"""
        name, size = text.split()
        disk = self._disks[name]
        self._qmp.command("block_resize", {"node-name": disk.node, "size": parse_size(size)})
        return parse_size(size)

    def do_stats(self, text):
        """stats DISK COUNTER: a counter of query-blockstats, such as flush_operations."""
        name, counter = text.split()
        for entry in self._qmp.command("query-blockstats"):
            if name in entry.get("qdev", "").split("/"):
                return entry["stats"][counter]
        raise KeyError(f"QEMU has no statistics of {name}")

    def do_unplug(self, text):
        """unplug DISK: asks the guest to let go of it, and waits until QEMU has taken it away."""
        self._qmp.command("device_del", {"id": self._disks[text].name})
        self._qmp.wait_event("DEVICE_DELETED", lambda data: data.get("device") == text, 60)
        return "gone"

    def do_plug(self, text):
        """plug DISK"""
        self._qmp.command("device_add", self._disks[text].device_args())
        return "there"

    def do_throttle(self, text):
        """throttle DISK IOPS: 0 lifts it."""
        name, iops = text.split()
        limits = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops_rd", "iops_wr"), 0)
        self._limit(name, iops=int(iops), **limits)
        return iops

    def do_silence(self, text):
        """silence DISK: the next request uses up what is allowed for a very long time. `throttle DISK 0` lifts it."""
        limits = dict.fromkeys(("bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"), 0)
        self._limit(text, bps=1, **limits)
        return "silent"

    def _limit(self, name, **limits):
        """The backend belongs to the virtio device inside the PCI device."""
        path = f"/machine/peripheral/{self._disks[name].name}/virtio-backend"
        self._qmp.command("block_set_io_throttle", {"id": path, **limits})

    def do_peek(self, text):
        """peek DISK OFFSET LENGTH: bytes of the image file as hexadecimal text."""
        name, offset, length = text.split()
        with open(self._disks[name].path, "rb") as image:
            return os.pread(image.fileno(), min(int(length), 512), int(offset)).hex()
