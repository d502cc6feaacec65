# SPDX-License-Identifier: GPL-2.0
"""Devices of a case that a program of ours plays, over vfio-user: scripts/hostile, which can be told to lie.

They are declared in its header as `# model: NAME KIND [KEY=VALUE]...`, and `port`: on a PCI Express root port of its own.
KIND is one that the program has, and the words are its options. Its README lists both.
"""

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field

import port
from qmp import QmpError, connect

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(HERE), "hostile")
# What a guest's library calls the kinds.
KINDS = {"block": "disks", "net": "nics", "balloon": "balloons", "rng": "rngs"}
# SeaBIOS has a virtio-blk driver of its own, which would meet the device before Linux does.
FIRMWARE = ["-bios", "qboot.rom"]
# How long it may take to answer, in seconds, and to end when QEMU has.
ANSWER_LIMIT = 20
END_LIMIT = 5


@dataclass
class Model:
    name: str
    kind: str
    own: dict = field(default_factory=dict)
    options: list = field(default_factory=list)
    slot: int = 0
    folder: str = ""

    @classmethod
    def parse(cls, text):
        name, kind, *options = text.split()
        if kind not in KINDS:
            raise ValueError(f"no model of {kind}")
        return cls(name, kind, {"port": True} if "port" in options else {}, [option for option in options if option != "port"])

    @property
    def bus_address(self):
        return port.bus_address(self)

    @property
    def socket(self):
        return f"{self.folder}/{self.name}.vfio"

    @property
    def control(self):
        return f"{self.folder}/{self.name}.control"

    def arguments(self):
        args = port.place(self, {"driver": "vfio-user-pci", "id": self.name, "socket": {"type": "unix", "path": self.socket}})
        return [*port.root_port(self), "-device", json.dumps(args)]


def memory_arguments(megabytes):
    """The guest's memory as a file, so that others can have it too."""
    return ["-object", f"memory-backend-memfd,id=ram,size={megabytes}M,share=on", "-machine", "memory-backend=ram"]


def build():
    """Builds the program; gives its path."""
    result = subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=PACKAGE, capture_output=True, text=True, check=False)
    if result.returncode:
        raise QmpError(f"the model is not built: {result.stderr.strip()[-400:]}")
    return os.path.join(os.environ.get("CARGO_TARGET_DIR") or os.path.join(PACKAGE, "target"), "release", "hostile")


class Players:
    """The programs behind the models of a machine."""

    def __init__(self, models, program, folder):
        self._models = models
        self._said = f"{folder}/models.log"
        self._ends = {}
        self._running = []
        self._log = open(self._said, "wb")
        for model in models:
            model.folder = folder
            command = [program, "serve", model.socket, model.control, model.kind, *model.options]
            # It ends when QEMU goes, and with this program.
            self._running.append(subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL,
                                                  stdout=self._log, stderr=self._log))
        try:
            for model in models:
                self._ends[model.name] = connect(model.control, 10)
                # QEMU does not wait for it.
                wait_for_file(model.socket)
        except QmpError as error:
            self.close()
            raise QmpError(f"{error}; the model says: {self.said().strip()}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __contains__(self, name):
        return name in self._ends

    def ask(self, name, line):
        """Sends a line to a model, and gives its answer."""
        end = self._ends[name]
        end.settimeout(ANSWER_LIMIT)
        end.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            try:
                part = end.recv(65536)
            except OSError as error:
                raise QmpError(f"the model of {name} does not answer: {error}") from None
            if not part:
                raise QmpError(f"the model of {name} is gone")
            answer += part
        word, _, rest = answer.decode("utf-8", "replace").strip().partition(" ")
        if word != "OK":
            raise QmpError(f"the model of {name}: {rest}")
        return rest

    def said(self):
        """What they said so far, all of them."""
        with open(self._said, encoding="utf-8", errors="replace") as said:
            return said.read()

    def as_left(self):
        """How those that are honest were left, once QEMU has ended: (name, status, requests that were cut off, complaints)."""
        for process in self._running:
            try:
                process.wait(END_LIMIT)
            except subprocess.TimeoutExpired:
                pass
        words = re.findall(r"^(\S+) at the end: status (\d+), under way (\d+), complaints: ?(.*)$", self.said(), re.MULTILINE)
        return [(name, int(status), int(cut_off), complaints) for name, status, cut_off, complaints in words]

    def last_words(self):
        """What the first model says of itself when its machine has gone, as it writes it to the log; empty when it says nothing."""
        try:
            self._running[0].wait(ANSWER_LIMIT)
        except subprocess.TimeoutExpired:
            return ""
        return next((line[5:].strip() for line in self.said().splitlines() if line.startswith("end: ")), "")

    def close(self):
        for end in self._ends.values():
            end.close()
        for process in self._running:
            process.kill()
            process.wait()
        for model in self._models:
            for path in (model.socket, model.control):
                if os.path.exists(path):
                    os.unlink(path)
        self._log.close()


def wait_for_file(path):
    """Until a socket is there; connecting to it would be QEMU's part."""
    for _ in range(500):
        if os.path.exists(path):
            return
        time.sleep(0.02)
    raise QmpError(f"no {path}")
