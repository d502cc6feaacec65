# SPDX-License-Identifier: GPL-2.0
"""The host's end of a machine's network: programs that run in the namespace of its taps, each with a hard bound."""

import shlex
import subprocess

LIMIT = 80


class HostNet:
    def __init__(self, pid):
        self._enter = ["setpriv", "--pdeathsig", "KILL", "--", "timeout", "-k", "1", str(LIMIT), "nsenter",
                       f"--net=/proc/{pid}/ns/net", "--"]
        self._running = {}

    def run(self, text):
        """Runs a command to its end and gives its output, as one line."""
        done = subprocess.run(self._enter + shlex.split(text), capture_output=True, text=True, check=False)
        return result(done.returncode, done.stdout, done.stderr)

    def start(self, name, text):
        if name in self._running:
            raise ValueError(f"{name} is running already")
        self._running[name] = subprocess.Popen(self._enter + shlex.split(text), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                               stdin=subprocess.DEVNULL, text=True)

    def end(self, name):
        """Waits for what `start` began and gives its output."""
        process = self._running.pop(name)
        out, err = process.communicate()
        return result(process.returncode, out, err)

    def close(self):
        for process in self._running.values():
            process.kill()
            process.communicate()
        self._running.clear()


def result(status, out, err):
    if status:
        raise ValueError(f"status {status}: {' / '.join((out + err).split(chr(10))[-4:])}")
    return " ".join(out.split())
