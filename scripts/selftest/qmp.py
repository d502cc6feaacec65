# SPDX-License-Identifier: GPL-2.0
"""A QMP client: one command at a time, events kept until somebody asks for them."""

import json
import socket
import time


class QmpError(Exception):
    """QEMU refused a command, or does not answer."""


class Qmp:
    def __init__(self, path, limit=20.0):
        self._socket = connect(path, limit)
        self._pending = b""
        self._events = []
        self._read(limit)  # the greeting
        self.command("qmp_capabilities")

    def command(self, name, arguments=None, limit=20.0):
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + limit
        while True:
            message = self._read(deadline - time.monotonic())
            if "event" in message:
                self._events.append(message)
            elif "error" in message:
                raise QmpError(f"{name}: {message['error'].get('desc', message['error'])}")
            elif "return" in message:
                return message["return"]

    def wait_event(self, name, match, limit):
        """The first event `name` for which match(data) holds, seen since the connection was made."""
        deadline = time.monotonic() + limit
        while True:
            for event in self._events:
                if event["event"] == name and match(event.get("data", {})):
                    self._events.remove(event)
                    return event
            message = self._read(deadline - time.monotonic())
            if "event" in message:
                self._events.append(message)

    def has_event(self, name):
        """Whether an event `name` has come since this was asked last."""
        try:
            self.wait_event(name, lambda _: True, 0.01)
        except QmpError:
            return False
        return True

    def close(self):
        self._socket.close()

    def _read(self, limit):
        deadline = time.monotonic() + limit
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise QmpError("QEMU sent nothing in time")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError as error:
                raise QmpError(f"QEMU's control socket broke: {error}") from None
            if not data:
                raise QmpError("QEMU closed its control socket")
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)


def connect(path, limit):
    """Connects to a unix socket that its owner may not have made yet."""
    deadline = time.monotonic() + limit
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(path)
            return sock
        except OSError as error:
            sock.close()
            if time.monotonic() > deadline:
                raise QmpError(f"cannot connect to {path}: {error}") from None
            time.sleep(0.02)
