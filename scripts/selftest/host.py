# SPDX-License-Identifier: GPL-2.0
"""What a guest may ask of the host while its case runs: `host VERB ARGUMENT...` in a case ends here."""

import json
import os
import time

from disk import parse_size
from hostnet import HostNet
from qmp import QmpError


# How long a migration may take, in seconds.
MIGRATION_LIMIT = 80
# A bell that nobody seems to have heard rings again: so often, every so many seconds.
AGAIN, AGAIN_EVERY = 15, 10


class Host:
    def __init__(self, qmp, case, pid, players=None):
        self._qmp = qmp
        self._players = players
        self._pid = pid
        self._disks = {disk.name: disk for disk in case.disks}
        self._nics = {nic.name: nic for nic in case.nics}
        self._balloons = {balloon.name: balloon for balloon in case.plain}
        # What QEMU plays.
        self._devices = self._disks | self._nics | self._balloons
        self._net = HostNet(pid)
        self._wakes = False
        self._rings, self._next_ring = 0, 0.0

    def close(self):
        self._net.close()

    def tick(self):
        """What is to be done without a request; called often. Returns what the guest is to be sent."""
        if self._wakes and self._qmp.has_event("SUSPEND"):
            self._wakes = False
            self._qmp.command("system_wakeup")
        if self._rings and time.monotonic() > self._next_ring:
            self._rings -= 1
            self._next_ring = time.monotonic() + AGAIN_EVERY
            return b"\n"
        return b""

    def answer(self, line):
        """Runs one request and gives the line that goes back to the guest: OK RESULT, or ERR REASON."""
        self._rings = 0
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

    def do_eject(self, text):
        """eject DEVICE: asks the guest to let go of it. ejected DEVICE: waits until QEMU has taken it away. unplug DEVICE: both."""
        self._qmp.command("device_del", {"id": self._devices[text].name})
        return "asked"

    def do_ejected(self, text):
        self._qmp.wait_event("DEVICE_DELETED", lambda data: data.get("device") == text, 60)
        return "gone"

    def do_unplug(self, text):
        self.do_eject(text)
        return self.do_ejected(text)

    def do_plug(self, text):
        """plug DEVICE"""
        self._qmp.command("device_add", self._devices[text].device_args())
        return "there"

    def do_throttle(self, text):
        """throttle DISK IOPS: 0 lifts it."""
        name, iops = text.split()
        limits = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops_rd", "iops_wr"), 0)
        self._limit(name, iops=int(iops), **limits)
        return iops

    def do_silence(self, text):
        """silence DISK [rd]: the next request, or read, uses up what is allowed for a very long time. `throttle DISK 0` lifts it."""
        name, *only = text.split()
        limits = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"), 0)
        limits["_".join(["bps", *only])] = 1
        self._limit(name, **limits)
        return "silent"

    def _limit(self, name, **limits):
        """The backend belongs to the virtio device inside the PCI device."""
        path = f"/machine/peripheral/{self._disks[name].name}/virtio-backend"
        self._qmp.command("block_set_io_throttle", {"id": path, **limits})

    def do_wake(self, _):
        """wake: when the machine has gone to sleep, somebody presses its power button."""
        self._wakes = True
        return "it will be"

    def do_bell(self, text):
        """bell SECONDS: answers after that time, so that the answer wakes who sleeps with the control port awake. Rings again, with
        empty lines, until the guest says something: it may have gone to sleep late."""
        time.sleep(min(int(text), 20))
        self._rings, self._next_ring = AGAIN, time.monotonic() + AGAIN_EVERY
        return "ring"

    def do_aer(self, text):
        """aer DEVICE ERROR: the device, on a port and with aer=on, reports a PCI Express error: BAD_TLP (correctable), COMP_TIME
        (non-fatal), DLP (fatal), or another one that QEMU knows."""
        said = self._monitor(f"pcie_aer_inject_error {text}")
        if not said.startswith("OK"):
            raise ValueError(said)
        return text

    def do_spoil(self, text):
        """spoil DEVICE QUEUE: writes nonsense into the available ring (split) until the device has seen it and asks for a reset."""
        name, queue = text.split()
        which = {"path": f"/machine/peripheral/{name}/virtio-backend", "queue": int(queue)}
        ring = self._qmp.command("x-query-virtio-queue-status", which)
        # QEMU 11.1 dies of x-query-virtio-status, so the status is read as the guest does: BAR 4 begins with the common
        # configuration, in which it stands at 20.
        status = f"xp /1bx {self._bar(name, 4) + 20}"
        address = int(self._monitor(f"gpa2hva {ring['vring-avail']}").split()[-1], 16)
        healthy = self._monitor(status)
        with open(f"/proc/{self._pid}/mem", "r+b", buffering=0) as memory:
            for _ in range(3000):
                # The entries, behind `flags` and `idx`: no descriptor has that number. A wrong `idx` would have QEMU
                # carry out old requests once more, with memory that is somebody else's by now.
                os.pwrite(memory.fileno(), b"\xff\xff" * ring["vring-num"], address + 4)
                if any(self._monitor(status) != healthy for _ in range(4)):
                    return "spoilt"
        raise ValueError(f"{name} does not look at its queue {queue}")

    def do_status(self, text):
        """status DEVICE: its device status, as it is now, whether a driver has it or not."""
        if self._players and text in self._players:
            return self._players.ask(text, "ask status")
        return int(self._monitor(f"xp /1bx {self._bar(text, 4) + 20}").split()[-1], 16)

    def do_model(self, text):
        """model NAME REQUEST...: to the program behind a model: be, strike, ask (see scripts/hostile/README.md)."""
        name, _, request = text.partition(" ")
        return self._players.ask(name, request)

    def do_config(self, text):
        """config DEVICE OFFSET: a byte of the device's configuration, as it is now."""
        name, offset = text.split()
        # QEMU has it at 0x2000 of BAR 4.
        return int(self._monitor(f"xp /1bx {self._bar(name, 4) + 0x2000 + int(offset)}").split()[-1], 16)

    def _monitor(self, line):
        return self._qmp.command("human-monitor-command", {"command-line": line})

    def _bar(self, name, bar):
        """Where the guest has put a BAR of a device."""
        buses = self._qmp.command("query-pci")
        while buses:
            for device in buses.pop()["devices"]:
                if device["qdev_id"] == name:
                    return next(region["address"] for region in device["regions"] if region["bar"] == bar)
                if "pci_bridge" in device:
                    buses.append(device["pci_bridge"])
        raise KeyError(f"no PCI device {name}")

    def do_peek(self, text):
        """peek DISK OFFSET LENGTH: bytes of the image file as hexadecimal text."""
        name, offset, length = text.split()
        with open(self._disks[name].path, "rb") as image:
            return os.pread(image.fileno(), min(int(length), 512), int(offset)).hex()

    def do_allocated(self, text):
        """allocated DISK: how much of the image file takes place, in KiB."""
        return os.stat(self._disks[text].path).st_blocks // 2

    def do_link(self, text):
        """link NIC on|off: the cable."""
        name, state = text.split()
        self._qmp.command("set_link", {"name": self._nics[name].name, "up": {"on": True, "off": False}[state]})
        return state

    def do_tap(self, text):
        """tap NIC COUNTER: a counter of the NIC's tap, such as rx_packets: what came from the guest."""
        name, counter = text.split()
        direction, _, what = counter.partition("_")
        link = json.loads(self._net.run(f"ip -j -s link show {self._nics[name].tap}"))[0]
        return link["stats64"][direction][what]

    def do_net(self, text):
        """net COMMAND...: runs it in the network of the machine's taps; gives what it printed."""
        return self._net.run(text)

    def do_start(self, text):
        """start NAME COMMAND...: as net, in the background, until `end NAME` waits for it and gives what it printed."""
        name, command = text.split(None, 1)
        self._net.start(name, command)
        return "started"

    def do_end(self, text):
        """end NAME"""
        return self._net.end(text)

    def do_balloon(self, text):
        """balloon MIB: how much memory the guest shall have left."""
        self._qmp.command("balloon", {"value": int(text) << 20})
        return text

    def do_actual(self, _):
        """actual: how much memory the guest says it has left, in KiB."""
        return self._qmp.command("query-balloon")["actual"] >> 10

    def do_rss(self, _):
        """rss: how much of the guest's memory the host really holds, in KiB, with what else QEMU has."""
        with open(f"/proc/{self._pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))

    def do_poll(self, text):
        """poll BALLOON SECONDS: how often QEMU asks for memory statistics."""
        name, seconds = text.split()
        self._qmp.command("qom-set", {"path": f"/machine/peripheral/{self._balloons[name].name}",
                                      "property": "guest-stats-polling-interval", "value": int(seconds)})
        return seconds

    def do_memory(self, text):
        """memory BALLOON: the statistics that the guest sent last, as words NAME=VALUE."""
        stats = self._qmp.command("qom-get", {"path": f"/machine/peripheral/{self._balloons[text].name}", "property": "guest-stats"})
        words = {key.removeprefix("stat-"): value for key, value in stats["stats"].items() if value != 0xFFFFFFFFFFFFFFFF}
        return " ".join(f"{key}={value}" for key, value in ({"update": stats["last-update"]} | words).items())

    def do_migrate(self, text):
        """migrate BYTES_PER_SECOND: to nowhere, and lets the guest go on; how many KiB with content were moved.
        migrate begin BYTES_PER_SECOND: begins one. migrate cancel: ends it."""
        if text == "cancel":
            self._qmp.command("migrate_cancel")
            self._migration("cancelled")
            return "cancelled"
        self._qmp.command("migrate-set-parameters", {"max-bandwidth": int(text.split()[-1])})
        self._qmp.command("migrate", {"uri": "exec:cat >/dev/null"})
        if text.startswith("begin"):
            return "begun"
        ram = self._migration("completed")["ram"]
        self._qmp.command("cont")
        return ram["normal-bytes"] >> 10

    def _migration(self, wanted):
        """Waits until the migration has come to that state."""
        end = time.monotonic() + MIGRATION_LIMIT
        while True:
            said = self._qmp.command("query-migrate")
            if said["status"] == wanted:
                return said
            if said["status"] in ("failed", "completed", "cancelled") or time.monotonic() > end:
                raise QmpError(f"the migration is {said['status']}, not {wanted}: {said.get('error-desc', '')}")
            time.sleep(0.2)
