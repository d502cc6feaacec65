# SPDX-License-Identifier: GPL-2.0
"""The machine in which is measured: one CPU, devices without a backend of any weight, all of it on one CPU of the host."""

import os
from dataclasses import dataclass

from disk import Disk
from nic import Nic
from qemu import CMDLINE, QEMU, TCG_CPU

HERE = os.path.dirname(os.path.abspath(__file__))
# A transport event of each kind: the device is notified; it notifies.
KICK, INTERRUPT = "virtio_queue_notify", "virtio_notify"
ACCESSES = "memory_region_ops_*"


@dataclass
class NullDisk(Disk):
    """A disk that answers at once: what it reads is left as it is."""

    def make_image(self, folder):
        pass

    def blockdev(self):
        return {"driver": "null-co", "node-name": self.node, "size": self.size, "read-zeroes": False}


@dataclass
class EchoNic(Nic):
    """A NIC whose other end is a program on the host, by sockets in a folder; see echo.py."""

    folder: str = ""

    def netdev_args(self):
        def end(name):
            return {"type": "unix", "path": f"{self.folder}/{name}"}

        return {"type": "dgram", "id": f"net-{self.name}", "local": end("guest"), "remote": end("host")}


def equip(case, folder):
    """Gives a case the devices that it means."""
    case.disks = [disk if disk.name == "out" else NullDisk(**vars(disk)) for disk in case.disks]
    case.nics = [EchoNic(**vars(nic), folder=folder) if nic.name == "e" else nic for nic in case.nics]


def pinned_cpu():
    """The last CPU of those that there are: others take the first ones."""
    return max(os.sched_getaffinity(0))


def command_line(case, kernel, folder, initrd, plugin):
    """Without `plugin`, that for the clock."""
    # With the policy for batches a thread that wakes does not take the CPU from the one that runs: QEMU's main loop gets to what the
    # guest has asked for when the guest has nothing to do, not at once at one time and later at another.
    args = ["chrt", "-b", "0", "taskset", "-c", str(pinned_cpu()), QEMU, "-name", "bench", "-M", case.machine, "-accel", "tcg,thread=single"]
    args += ["-cpu", TCG_CPU, "-smp", "1", "-m", str(case.memory), "-nodefaults", "-no-reboot", "-display", "none"]
    args += ["-chardev", f"file,id=console,path={folder}/console", "-serial", "chardev:console"]
    args += ["-chardev", f"socket,id=control,path={folder}/control,server=on,wait=off", "-serial", "chardev:control"]
    args += ["-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
    if plugin:
        args += ["-plugin", f"{plugin},out={folder}/counts,map={folder}/map", "-d", "plugin", "-D", f"{folder}/trace"]
        args += ["-trace", KICK, "-trace", INTERRUPT]
    for device in case.devices:
        args += device.arguments()
    return [*args, "-kernel", kernel.image, "-initrd", initrd, "-append", " ".join(CMDLINE + case.cmdline)]
