# SPDX-License-Identifier: GPL-2.0
"""Devices of a case that need nothing on the host's side but their options.

They are declared in its header as `# balloon: NAME [OPTION=VALUE]...`, `# rng: NAME [OPTION=VALUE]...` or `# gpu: ...`, for
which there is no driver: options of the QEMU devices in DRIVERS, and `port`: on a PCI Express root port of its own.
"""

import json
from dataclasses import dataclass, field

import port
from disk import typed

DRIVERS = {"balloon": "virtio-balloon-pci", "rng": "virtio-rng-pci", "gpu": "virtio-gpu-pci"}
ON_OFF_AUTO = {"disable-legacy"}


@dataclass
class Plain:
    kind: str
    name: str
    own: dict = field(default_factory=dict)
    device: dict = field(default_factory=dict)
    slot: int = 0

    @classmethod
    def parse(cls, kind, text):
        name, *options = text.split()
        pairs = (option.partition("=") for option in options if option != "port")
        return cls(kind, name, {"port": True} if "port" in options else {}, {key: value or "on" for key, _, value in pairs})

    @property
    def bus_address(self):
        return port.bus_address(self)

    @property
    def _thread(self):
        """QEMU reads hints in a thread of their own."""
        return f"thread-{self.name}" if "free-page-hint" in self.device else None

    def device_args(self):
        args = port.place(self, {"driver": DRIVERS[self.kind], "id": self.name})
        if self._thread:
            args["iothread"] = self._thread
        for key, value in self.device.items():
            args[key] = value if key in ON_OFF_AUTO else typed(key, value)
        return args

    def arguments(self):
        before = ["-object", json.dumps({"qom-type": "iothread", "id": self._thread})] if self._thread else []
        return [*before, *port.root_port(self), "-device", json.dumps(self.device_args())]
