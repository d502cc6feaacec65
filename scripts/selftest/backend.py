# SPDX-License-Identifier: GPL-2.0
"""Disks whose device is another program's than QEMU's: qemu-storage-daemon serves them over vhost-user (the option `vhost-user`)."""

import json
import os
import subprocess
import time

from qmp import QmpError

DAEMON = "qemu-storage-daemon"
# How long it may take until it listens, in seconds.
START_LIMIT = 20


class Backends:
    """The programs behind such disks of a machine, while it runs."""

    def __init__(self, disks, folder):
        self._disks = [disk for disk in disks if disk.is_vhost_user]
        self._folder = folder
        self._running = []

    def __enter__(self):
        try:
            for disk in self._disks:
                self._start(disk)
        except QmpError:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._end()

    def _start(self, disk):
        disk.socket = f"{self._folder}/{disk.name}.vhost"
        log = f"{self._folder}/{disk.name}.log"
        with open(log, "wb") as said:
            # It must not outlive the runner, however that ends.
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", DAEMON, "--blockdev", json.dumps(disk.blockdev()),
                                        "--export", json.dumps(disk.export())], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        self._running.append(process)
        end = time.monotonic() + START_LIMIT
        while not os.path.exists(disk.socket):
            if process.poll() is not None or time.monotonic() > end:
                with open(log, encoding="utf-8", errors="replace") as said:
                    raise QmpError(f"{DAEMON} does not serve {disk.name}: {said.read().strip()}")
            time.sleep(0.05)

    def _end(self):
        for process in self._running:
            process.kill()
            process.wait()
        for disk in self._disks:
            if os.path.exists(disk.socket):
                os.unlink(disk.socket)
