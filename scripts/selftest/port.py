# SPDX-License-Identifier: GPL-2.0
"""Where a device sits: on the root bus, or on a PCI Express root port of its own (the option `port`)."""

import json


def place(device, args):
    """Adds to the arguments of -device where the device sits."""
    if "port" in device.own:
        return args | {"bus": f"port-{device.name}"}
    return args | {"addr": f"{device.slot:02x}.0"}


def root_port(device):
    """The arguments that make its port, if it has one."""
    if "port" not in device.own:
        return []
    return ["-device", json.dumps({"driver": "pcie-root-port", "id": f"port-{device.name}", "chassis": device.slot,
                                   "slot": device.slot, "addr": f"{device.slot:02x}.0"})]


def bus_address(device):
    """Where the guest finds it. A root port's bus number is the guest's to choose."""
    return ("port-" if "port" in device.own else "") + f"0000:00:{device.slot:02x}.0"
