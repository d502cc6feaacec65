# SPDX-License-Identifier: GPL-2.0
"""The jobs that are measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    name: str
    # What the guest does, see guest/jobs.sh: a kind and its arguments, {} is how often.
    words: str
    count: int
    # What one operation is.
    unit: str
    # How much more often the clock is asked for it, of which more is needed; 0 for not at all.
    longer: int = 0

    def line(self, number, is_timed):
        return f"{number} {self.words.format(self.count * (self.longer if is_timed else 1))}"


def disk(name, words, count, unit="request"):
    return Job(f"blk {name}", f"blk {words} {{}}", count, unit, 20)


JOBS = [
    disk("read 4 KiB, depth 1", "split read 4096 1 1", 512),
    disk("write 4 KiB, depth 1", "split write 4096 1 1", 512),
    disk("read 4 KiB, depth 32", "split read 4096 1 32", 2048),
    disk("write 4 KiB, depth 32", "split write 4096 1 32", 2048),
    disk("read 128 KiB, 1 segment, depth 4", "split read 131072 1 4", 512),
    disk("read 128 KiB, 32 segments, depth 4", "split read 131072 32 4", 256),
    disk("write 128 KiB, 32 segments, depth 4", "split write 131072 32 4", 256),
    disk("read 4 KiB, packed ring, depth 1", "packed read 4096 1 1", 512),
    disk("read 4 KiB, packed ring, depth 32", "packed read 4096 1 32", 2048),
    Job("net UDP round trip, NIC to NIC", "udp-rr {}", 1000, "round trip, both ends", 4),
    Job("net TCP round trip, NIC to NIC", "tcp-rr {}", 1000, "round trip, both ends", 4),
    Job("net TCP stream, NIC to NIC", "tcp-stream {}", 8, "MiB, both ends", 4),
    Job("net UDP send 18 bytes, NIC to NIC", "udp-send {}", 2048, "datagram, both ends", 4),
    Job("net UDP round trip, host", "echo-rr {}", 1000, "round trip", 4),
    Job("net UDP send 18 bytes, host", "echo-send {}", 2048, "datagram", 4),
    Job("net UDP receive 18 bytes, host", "echo-receive {}", 2048, "datagram", 4),
    Job("balloon inflate", "balloon up {}", 128, "page"),
    Job("balloon deflate", "balloon down {}", 128, "page"),
    Job("blk probe", "probe split", 1, "probe"),
    Job("net probe", "probe a", 1, "probe"),
    Job("balloon probe", "probe balloon", 1, "probe"),
]
