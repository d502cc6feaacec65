# SPDX-License-Identifier: GPL-2.0
"""The disks of a case: their images, and what QEMU has to be told of them.

A disk is declared in a case's header as

    # disk: NAME SIZE [OPTION[=VALUE]]...

NAME is the QEMU device id and, unless `serial=` says otherwise, the serial that the guest finds the disk by. Options of
ours are listed in OWN; every other one goes to `-device virtio-blk-pci` as it is.
"""

import json
import re
import struct
import subprocess
import uuid
import zlib
from dataclasses import dataclass, field

import port

SECTOR = 512
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

# ro                      the host opens the image read-only
# cache=NAME              writeback (the default) or writethrough: write-cache=on|off of the device
# table=mbr|gpt           a partition table with one partition, from sector 2048 to near the end
# format=qcow2            the format of the image; raw without
# unmap                   discards reach the image, whose blocks go away
# fault=EVENT:ERRNO:SECTOR[,...]   blkdebug: EVENT (one of EVENTS) that touches SECTOR (or `any`) fails with ERRNO
# port                    the disk sits on a PCI Express root port of its own, and can be unplugged
# absent                  the disk is not there at boot; the case plugs it (needs port)
OWN = {"ro", "cache", "table", "format", "unmap", "fault", "port", "absent"}

# Device options that QEMU wants as text even where the value is on or off.
ON_OFF_AUTO = {"disable-legacy", "write-cache"}

# Each with its event, and with the kind of I/O that it is.
EVENTS = {"read": ("read_aio", "read"), "write": ("write_aio", "write"), "flush": ("flush_to_disk", "flush"),
          "discard": ("none", "discard"), "zero": ("none", "write-zeroes")}
ERRNOS = {"EIO": 5, "ENOSPC": 28}


def parse_size(text):
    match = re.fullmatch(r"(\d+)([KMGT]?)(\+\d+)?", text)
    if not match:
        raise ValueError(f"not a size: {text}")
    return int(match[1]) * UNITS[match[2]] + int(match[3] or 0)


@dataclass
class Disk:
    name: str
    size: int
    own: dict = field(default_factory=dict)
    device: dict = field(default_factory=dict)
    slot: int = 0
    kind = "disk"
    path: str = ""

    @classmethod
    def parse(cls, text):
        name, size, *options = text.split()
        disk = cls(name, parse_size(size))
        for option in options:
            key, _, value = option.partition("=")
            if key in OWN:
                disk.own[key] = value or True
            else:
                disk.device[key] = value or "on"
        return disk

    @property
    def node(self):
        return f"node-{self.name}"

    @property
    def bus_address(self):
        return port.bus_address(self)

    def make_image(self, folder):
        self.path = f"{folder}/{self.name}.img"
        if self.own.get("format") == "qcow2":
            run(["qemu-img", "create", "-q", "-f", "qcow2", self.path, str(self.size)])
            return
        with open(self.path, "wb") as image:
            image.truncate(self.size)
            if "table" in self.own:
                writer = {"mbr": write_mbr, "gpt": write_gpt}[self.own["table"]]
                writer(image, self.size // SECTOR)

    def blockdev(self):
        """The chain of block nodes: file, faults where asked for, the format on top."""
        backing = {"driver": "file", "filename": self.path, "discard": "unmap", "aio": "threads"}
        if "fault" in self.own:
            backing = {"driver": "blkdebug", "image": backing, "inject-error": faults(self.own["fault"])}
        discard = "unmap" if "unmap" in self.own else "ignore"
        return {"driver": self.own.get("format", "raw"), "node-name": self.node, "read-only": "ro" in self.own, "discard": discard,
                "file": backing}

    def device_args(self):
        args = port.place(self, {"driver": "virtio-blk-pci", "id": self.name, "drive": self.node, "serial": self.name})
        if "cache" in self.own:
            args["write-cache"] = {"writeback": "on", "writethrough": "off"}[self.own["cache"]]
        if "fault" in self.own:
            args |= {"rerror": "report", "werror": "report"}
        for key, value in self.device.items():
            args[key] = typed(key, value)
        return args

    def arguments(self):
        args = ["-blockdev", json.dumps(self.blockdev()), *port.root_port(self)]
        if "absent" not in self.own:
            args += ["-device", json.dumps(self.device_args())]
        return args


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise OSError(f"{' '.join(command)}: {result.stderr.strip() or result.returncode}")


def typed(key, value):
    """QEMU's JSON options are typed: on/off as bool, digits as number, other text as it is."""
    if value in ("on", "off") and key not in ON_OFF_AUTO:
        return value == "on"
    return int(value) if re.fullmatch(r"\d+", value) else value


def faults(text):
    rules = []
    for rule in text.split(","):
        event, errno, sector = rule.split(":")
        name, iotype = EVENTS[event]
        entry = {"event": name, "iotype": iotype, "errno": ERRNOS[errno], "once": False, "immediately": False}
        if sector != "any":
            entry["sector"] = int(sector)
        rules.append(entry)
    return rules


def write_mbr(image, sectors):
    entry = struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", 2048, sectors - 2048 - 64)
    image.seek(446)
    image.write(entry)
    image.seek(510)
    image.write(b"\x55\xaa")


def write_gpt(image, sectors):
    linux = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le
    own = uuid.UUID("11111111-2222-3333-4444-555555555555").bytes_le
    name = "rvirtio".encode("utf-16-le").ljust(72, b"\0")
    table = (linux + own + struct.pack("<QQQ", 2048, sectors - 64, 0) + name).ljust(128 * 128, b"\0")

    def header(here, there, entries):
        fields = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, here, there, 34, sectors - 34, own,
                             entries, 128, 128, zlib.crc32(table))
        return fields[:16] + struct.pack("<I", zlib.crc32(fields)) + fields[20:]

    image.seek(446)
    image.write(struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, min(sectors - 1, 0xFFFFFFFF)))
    image.seek(510)
    image.write(b"\x55\xaa" + header(1, sectors - 1, 2).ljust(SECTOR, b"\0") + table)
    image.seek((sectors - 33) * SECTOR)
    image.write(table + header(sectors - 1, 1, sectors - 33).ljust(SECTOR, b"\0"))
