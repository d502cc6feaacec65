# SPDX-License-Identifier: GPL-2.0
"""The NICs of a case, and the network that they are on. It never leaves the machine.

A NIC is declared in a case's header as

    # nic: NAME [OPTION[=VALUE]]...

NAME is the QEMU device id, and what the case calls it. Options of ours are listed in OWN; every other one goes to
`-device virtio-net-pci` as it is.

NICs on a hub see each other and nobody else: QEMU passes frames between them, and offers the guest no offloads. NICs on
taps hang on one bridge in a network namespace that the machine has for itself; the host is on it too, as HOST_ADDRESS.
"""

import json
import os
import subprocess
from dataclasses import dataclass, field

import port
from disk import typed

# hub=N      on QEMU's hub N (the default, hub 0)
# tap        on a tap, which the machine's own bridge joins with the others
# queues=N   so many queue pairs (taps only)
# port       on a PCI Express root port of its own
# vf=NIC     a virtual function of NIC, which has a port; the guest finds it once it has asked NIC for virtual functions
OWN = {"hub", "tap", "queues", "port", "vf"}
BRIDGE = "br0"
HOST_ADDRESS = ("10.0.0.100/24", "fd00::100/64 nodad")

# Device options that QEMU wants as text even where the value is on or off.
ON_OFF_AUTO = {"disable-legacy"}


@dataclass
class Nic:
    name: str
    own: dict = field(default_factory=dict)
    device: dict = field(default_factory=dict)
    slot: int = 0
    # Its virtual functions.
    virtual: list = field(default_factory=list)
    kind = "nic"

    @classmethod
    def parse(cls, text):
        name, *options = text.split()
        nic = cls(name)
        for option in options:
            key, _, value = option.partition("=")
            if key in OWN:
                nic.own[key] = value or True
            else:
                nic.device[key] = value or "on"
        if "queues" in nic.own and "tap" not in nic.own:
            raise ValueError("several queues need a tap")
        return nic

    @property
    def bus_address(self):
        return self.own["address"] if "vf" in self.own else port.bus_address(self)

    @property
    def tap(self):
        """The name of its tap, or None."""
        return f"tap-{self.name}" if "tap" in self.own else None

    @property
    def queues(self):
        return int(self.own.get("queues", 1))

    @property
    def mac(self):
        return f"52:54:00:12:34:{self.slot:02x}"

    def netdev_args(self):
        if self.tap:
            args = {"type": "tap", "id": f"net-{self.name}", "ifname": self.tap, "script": "no", "downscript": "no", "vhost": False}
            return args | ({"queues": self.queues} if self.queues > 1 else {})
        return {"type": "hubport", "id": f"net-{self.name}", "hubid": int(self.own.get("hub", 0))}

    def device_args(self):
        # No boot ROM: the firmware has no business on the network.
        args = port.place(self, {"driver": "virtio-net-pci", "id": self.name, "netdev": f"net-{self.name}", "mac": self.mac,
                                 "romfile": ""})
        if self.queues > 1:
            args |= {"mq": True, "vectors": 2 * self.queues + 2}
        if "vf" in self.own:
            physical, number = self.own["vf"], int(self.bus_address.rpartition("-")[2])
            args |= {"bus": f"port-{physical}", "addr": f"0.{number + 1}", "sriov-pf": physical}
        for key, value in self.device.items():
            args[key] = value if key in ON_OFF_AUTO else typed(key, value)
        return args

    def arguments(self):
        # A virtual function belongs to a physical one that comes later, on a port that comes before.
        if "vf" in self.own:
            return []
        args = [*port.root_port(self)]
        for nic in [*self.virtual, self]:
            args += ["-netdev", json.dumps(nic.netdev_args()), "-device", json.dumps(nic.device_args())]
        return args


def join(nics):
    """Gives virtual functions to the NICs that they belong to."""
    for nic in nics:
        if "vf" in nic.own:
            physical = next((other for other in nics if other.name == nic.own["vf"] and "port" in other.own), None)
            if physical is None:
                raise ValueError(f"{nic.name} is a virtual function of no NIC with a port")
            nic.own["address"] = f"vf-{physical.name}-{len(physical.virtual)}"
            physical.virtual.append(nic)


def network(nics):
    """The shell commands that lay the taps and their bridge in a network namespace that is new."""
    user = os.getuid()
    lines = ["ip link set lo up", f"ip link add {BRIDGE} type bridge", f"ip link set {BRIDGE} up"]
    # Without a querier a snooping bridge would forget who wants which group. Not every host's bridge can snoop.
    lines += [f"ip link set {BRIDGE} type bridge mcast_snooping 0 2>/dev/null || true"]
    lines += [f"ip addr add dev {BRIDGE} {address}" for address in HOST_ADDRESS]
    for nic in nics:
        several = " multi_queue" if nic.queues > 1 else ""
        lines += [f"ip tuntap add {nic.tap} mode tap user {user} vnet_hdr{several}",
                  f"ip link set {nic.tap} mtu 9000 master {BRIDGE} up"]
    # Last, since a bridge follows its ports until somebody changes it.
    lines += [f"ip link set {BRIDGE} mtu 1500"]
    return "\n".join(lines)


def in_namespace(nics, command):
    """The command line that makes the namespace, lays the network and becomes `command`, with no more rights than needed."""
    script = f"set -e\n{network(nics)}\nexec setpriv --ambient-caps -all --inh-caps -all -- \"$@\""
    return ["unshare", "--net", "--", "sh", "-c", script, "network", *command]


def why_no_taps():
    """Why this machine cannot do taps, or None. Tried, not guessed."""
    if not os.path.exists("/dev/net/tun"):
        return "this machine has no /dev/net/tun"
    nics = [Nic("try", {"tap": True})]
    done = subprocess.run(in_namespace(nics, ["true"]), capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        return f"no taps in a network namespace here: {' / '.join(done.stderr.split(chr(10))[:2]).strip()}"
    return None
