# SPDX-License-Identifier: GPL-2.0
"""The matrix: the ways in which a device can be talked to, and a sample of them in which every pair of settings stands.

A case whose header has a line `matrix: N` is run at points of it, as `smoke-1` and so on; one with `matrix: any` is when all is.
"""

import itertools
import random
from typing import NamedTuple

# The settings of each factor, and the options of a device that make them.
FACTORS = {
    "ring": {"split": {}, "packed": {"packed": "on"}},
    "order": {"any-order": {}, "in-order": {"in_order": "on"}},
    "indirect": {"indirect": {}, "no-indirect": {"indirect_desc": "off"}},
    "event": {"event-idx": {}, "no-event-idx": {"event_idx": "off"}},
    "interface": {"modern": {"disable-legacy": "on"}, "transitional": {"disable-legacy": "off"},
                  "legacy": {"disable-modern": "on", "disable-legacy": "off"}},
    "vectors": {"each": {}, "shared": {"vectors": "2"}, "intx": {"vectors": "0"}},
    "dma": {"direct": {}, "iommu": {"iommu_platform": "on"}, "swiotlb": {"iommu_platform": "on"}},
}
CMDLINE = {"direct": [], "iommu": ["intel_iommu=on", "iommu.passthrough=0", "iommu.strict=1"], "swiotlb": ["swiotlb=force"]}
FORMATS = {("split", "any-order"): "split", ("split", "in-order"): "in-order",
           ("packed", "any-order"): "packed", ("packed", "in-order"): "packed-in-order"}
# QEMU's balloon has no such option.
WITHOUT_VECTORS = {"balloon"}


class Point(NamedTuple):
    """One setting of each factor."""

    ring: str
    order: str
    indirect: str
    event: str
    interface: str
    vectors: str
    dma: str

    def is_possible(self):
        """What came with virtio 1.0 is not to be had of the legacy interface, and ACCESS_PLATFORM only of devices without it."""
        if self.interface == "legacy":
            return (self.format(), self.dma) == ("split", "direct")
        return self.dma == "direct" or self.interface == "modern"

    def format(self):
        return FORMATS[self.ring, self.order]

    def options(self, kind):
        """Options of a device of that kind."""
        found = {}
        for factor, setting in self._asdict().items():
            if factor != "vectors" or kind not in WITHOUT_VECTORS:
                found |= FACTORS[factor][setting]
        return found


def sample(seed=1, strength=2):
    """Points in which any `strength` settings that are possible together stand together somewhere. What brings most settings that have
    not been there comes first, so that the first few have each of them, and of those what brings most of what is missing."""
    points = [point for point in itertools.starmap(Point, itertools.product(*FACTORS.values())) if point.is_possible()]
    random.Random(seed).shuffle(points)
    settings = {point: set(enumerate(point)) for point in points}
    brings = {point: set(itertools.combinations(enumerate(point), strength)) for point in points}
    new, missing = set().union(*settings.values()), set().union(*brings.values())
    chosen = []
    while missing:
        best = max(points, key=lambda point: (len(settings[point] & new), len(brings[point] & missing)))
        chosen.append(best)
        new -= settings[best]
        missing -= brings[best]
    return chosen
