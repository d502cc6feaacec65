# SPDX-License-Identifier: GPL-2.0
"""One virtual machine: its command line, its control port, its end."""

import os
import select
import signal
import socket
import subprocess
import time

import model
from host import Host
from nic import in_namespace
from qmp import Qmp, QmpError, connect

QEMU = "qemu-system-x86_64"
# How long a guest that gave its verdict may take to power off.
POWEROFF_LIMIT = 20
# panic and oops end the machine at once; mitigations are against other processes and cost time; the rest makes boots alike.
CMDLINE = ["console=ttyS0", "panic=-1", "oops=panic", "mitigations=off", "no_timer_check", "rdinit=/init", "loglevel=7"]
# ACPI's interrupt routing is looked up whenever a PCI function is enabled or disabled: seconds with KASAN. The MP table,
# which the firmware has as well, says the same.
DEBUG_CMDLINE = ["acpi=noirq"]
# Checking the kernel's own keys takes a quarter of a boot, and nobody asks for a signature here.
KEYS_OFF = "initcall_blacklist=load_system_certificate_list"
TRANSPORT_OFF = "initcall_blacklist=virtio_pci_driver_init"


# With five levels of page tables KASAN reports an interrupt that comes while the kernel identifies its first CPU: it has no
# levels known for a moment. Without the next two the kernel clears and copies by words: QEMU translates `rep movsb` to a loop over
# bytes.
TCG_CPU = "max,la57=off,erms=off,fsrm=off"


def has_kvm():
    """Only where the CPU says so: a /dev/kvm that opens is no proof."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return bool({"vmx", "svm"} & set(flags)) and os.access("/dev/kvm", os.R_OK | os.W_OK)


def command_line(case, kernel, folder, initrd, extra):
    kvm = has_kvm()
    args = [QEMU, "-name", case.name, "-M", case.machine + (",kernel-irqchip=split" if case.iommu and kvm else "")]
    args += ["-accel", "kvm" if kvm else "tcg,thread=multi", "-cpu", "host" if kvm else TCG_CPU]
    memory = case.memory + (512 if kernel.name == "debug" else 0)
    args += ["-m", str(memory), "-smp", str(case.smp), "-nodefaults", "-no-reboot", "-display", "none"]
    if case.models:
        args += model.FIRMWARE
    if case.models or any(disk.is_vhost_user for disk in case.disks):
        args += model.memory_arguments(memory)
    # Hot plug by PCI Express itself, which both kernels have, rather than by ACPI.
    if case.machine == "q35":
        args += ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
    args += ["-chardev", f"file,id=console,path={folder}/console", "-serial", "chardev:console"]
    args += ["-chardev", f"socket,id=control,path={folder}/control,server=on,wait=off", "-serial", "chardev:control"]
    args += ["-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
    if case.iommu:
        args += ["-device", "intel-iommu,intremap=on"]
    for device in case.devices:
        args += device.arguments()
    cmdline = CMDLINE + [KEYS_OFF] + (DEBUG_CMDLINE if kernel.name == "debug" else []) + case.cmdline + extra
    args += ["-kernel", kernel.image, "-initrd", initrd, "-append", " ".join(cmdline)]
    return in_namespace(case.taps, args) if case.taps else args


class Machine:
    """Runs QEMU once and collects what the guest says on its control port. `players` are the programs behind its models.

    A guest that says AWAY is about to end the machine and to go on in the next boot, where it left off: it hibernates.
    """

    poweroff_limit = POWEROFF_LIMIT

    def __init__(self, args, folder, case, players=None, host=Host):
        self._folder = folder
        self.players = players
        self._pending = b""
        self.lines = []
        self.done = False
        self.away = False
        self.trouble = None
        with open(f"{folder}/qemu.log", "wb") as log:
            # The machine must not outlive the runner, however that ends.
            self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *args], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log, start_new_session=True)
        try:
            self._control = connect(f"{folder}/control", 10)
            self._qmp = Qmp(f"{folder}/qmp", 10)
        except QmpError as error:
            self._kill()
            raise QmpError(f"{error}; QEMU says: {self.said() or 'nothing'}") from None
        self._host = host(self._qmp, case, self._process.pid, players)

    def run(self, limit):
        """Serves the guest until it is done, for at most `limit` seconds, then sees it off."""
        try:
            self.allow(limit)
            while not self.done and self.trouble is None:
                left = self._deadline - time.monotonic()
                self._send(self._host.tick())
                if left <= 0:
                    self.trouble = f"wedged: no verdict within {self._limit} s{self._where()}"
                elif not self._listen(min(left, 1.0)) and self._process.poll() is not None:
                    if self.away:
                        break
                    said = self.said()
                    self.trouble = f"the machine ended before the case did{self._where()}" + (f": {said}" if said else "")
            if self.done:
                self._see_off()
        finally:
            self._host.close()
            self._kill()

    def allow(self, limit):
        """From now on it may take so many seconds."""
        self._limit, self._deadline = limit, time.monotonic() + limit

    def _see_off(self):
        try:
            self._process.wait(self.poweroff_limit)
        except subprocess.TimeoutExpired:
            self.trouble = f"wedged: the guest did not power off within {self.poweroff_limit} s"

    def _listen(self, limit):
        """Reads what the guest sent; False when it has closed its end."""
        ready, _, _ = select.select([self._control], [], [], limit)
        if not ready:
            return self._process.poll() is None
        try:
            data = self._control.recv(65536)
        except OSError:
            data = b""
        if not data:
            time.sleep(0.1)
            return False
        self._pending += data
        while b"\n" in self._pending:
            line, self._pending = self._pending.split(b"\n", 1)
            self._line(line.decode("utf-8", "replace").rstrip("\r"))
        return True

    def _send(self, data):
        try:
            self._control.sendall(data)
        except OSError:
            pass

    def _line(self, line):
        if line.startswith("HOST "):
            answer = self._host.answer(line[5:])
            self.lines.append(f"{line} -> {answer}")
            self._send(answer.encode() + b"\n")
        else:
            self.lines.append(line)
            self.done = self.done or line == "DONE"
            # A verdict after it says that the guest is still there.
            self.away = line == "AWAY" or self.away and not line.startswith(("BEGIN", "FAIL"))

    def _where(self):
        begun = [line[6:] for line in self.lines if line.startswith("BEGIN ")]
        if begun:
            return f", in the check: {begun[-1]}"
        return "" if self.lines else " (the guest never reached its init)"

    def said(self):
        """What QEMU itself said last."""
        with open(f"{self._folder}/qemu.log", encoding="utf-8", errors="replace") as file:
            return " / ".join(line.strip() for line in file.readlines()[-3:])

    def _kill(self):
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()
        for end in (getattr(self, "_control", None), getattr(self, "_qmp", None)):
            if isinstance(end, (socket.socket, Qmp)):
                end.close()
