# SPDX-License-Identifier: GPL-2.0
"""The host's end of a NIC: datagrams of UDP come back to who sent them, as often as their first byte says."""

import os
import socket
import struct
import threading

ETHER, IP = 14, 20
DATA = ETHER + IP + 8
# As many as a batch of guest/load.c has.
BATCH = 32


class Echo:
    def __init__(self, folder):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.path.join(folder, "host"))
        self._guest = os.path.join(folder, "guest")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            frame = self._socket.recv(65536)
            if len(frame) <= DATA or frame[12:14] != b"\x08\x00" or frame[ETHER + 9] != 17:
                continue
            answers = {ord("s"): 0, ord("r"): BATCH}.get(frame[DATA], 1)
            back = swapped(frame)
            for _ in range(answers):
                try:
                    self._socket.sendto(back, self._guest)
                except OSError:
                    return


def swapped(frame):
    """Back to the sender. The checksums are sums, so they hold."""
    fields = struct.unpack_from("!4s4s2s2s", frame, ETHER + 12)
    ends = struct.pack("!4s4s2s2s", fields[1], fields[0], fields[3], fields[2])

    return frame[6:12] + frame[:6] + frame[12:ETHER + 12] + ends + frame[ETHER + 24:]
