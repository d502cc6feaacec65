# SPDX-License-Identifier: GPL-2.0
"""A case: a shell script for the guest whose header says what it needs. See Documentation/testing.md."""

import os
import re
import shlex
from dataclasses import dataclass, field

from disk import Disk
from matrix import CMDLINE, Point
from model import Model
from nic import Nic, join
from plain import DRIVERS as PLAIN
from plain import Plain

TOOLS = {"fio", "ext4", "xfs", "net", "dm", "fsx", "kernel"}
MACHINES = {"q35", "pc"}
KERNELS = {"any", "stock", "debug"}
DRIVERS = {"any", "rvirtio", "c"}
# The root bus keeps slot 0x1f for the chipset, and 0x10 upward is free on both machines.
FIRST_SLOT = 0x08
# Ring formats, and the options that make a device offer them. A case that names some in its header is run once more for each:
# `fio` as `fio-packed`.
RINGS = {"in-order": {"in_order": "on"}, "packed": {"packed": "on"}, "packed-in-order": {"packed": "on", "in_order": "on"}}
# Options of devices that show nothing but the legacy interface. A case that has the header for it is run once more on such
# devices, as `fio-legacy`: always on the stock kernel, or only by name. With `only` it is not run on others.
LEGACY = {"disable-modern": "on", "disable-legacy": "off"}
LEGACY_WHEN = {"always", "named", "only"}
# `matrix: any`: the case does not look at how a device is talked to, so it can be run at all points of the matrix; `modern`: at those
# whose devices show more than the legacy interface. Of such a case so many points are in a sample.
MATRIX = {"any", "modern"}
SAMPLED = 2
# A debug kernel under TCG takes this many times as long.
DEBUG_FACTOR = 6


class CaseError(Exception):
    """A header that cannot be understood."""


@dataclass
class Case:
    name: str
    path: str
    title: str = ""
    kernel: str = "any"
    driver: str = "any"
    transport: str = "own"
    machine: str = "q35"
    iommu: bool = False
    memory: int = 768
    timeout: int = 60
    boots: int = 1
    smp: int = 2
    end: str = "poweroff"
    cmdline: list = field(default_factory=list)
    needs: set = field(default_factory=set)
    allow: list = field(default_factory=list)
    last_lines: list = field(default_factory=list)
    disks: list = field(default_factory=list)
    nics: list = field(default_factory=list)
    plain: list = field(default_factory=list)
    models: list = field(default_factory=list)
    rings: list = field(default_factory=list)
    covers: list = field(default_factory=list)
    debug: list = field(default_factory=lambda: ["split"])
    named: list = field(default_factory=list)
    ring: str = None
    legacy: str = None
    is_legacy: bool = False
    # Of a drill: how many times as often it is done to reach the number that it is there for.
    drill: int = 0
    # At which points of the matrix it can be run, and how many are usual; which one this is, and its number from 1 on.
    everywhere: str = None
    matrix: int = 0
    point: Point = None
    number: int = 0

    @classmethod
    def load(cls, path, ring=None, is_legacy=False, point=None, number=0):
        case = cls(os.path.splitext(os.path.basename(path))[0], path, ring=ring, is_legacy=is_legacy, point=point, number=number)
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if not line.startswith("#"):
                    break
                match = re.match(r"# ([a-z]+): (.+)$", line.rstrip())
                if match and not match[1].startswith("spdx"):
                    case._header(match[1], match[2].strip())
        case.is_legacy |= case.legacy == "only"
        if not case.title:
            raise CaseError(f"{path}: the header has no title")
        if case.nics or any(model.kind == "net" for model in case.models):
            case.needs.add("net")
        try:
            join(case.nics)
        except ValueError as error:
            raise CaseError(f"{path}: {error}") from None
        for place, device in enumerate(case.devices):
            device.slot = FIRST_SLOT + place
            if isinstance(device, Model):
                device.options = [f"ring={ring}"] * bool(ring) + device.options
            else:
                device.device = case._options(device.kind) | device.device
        variant = ring or (is_legacy and "legacy")
        if is_legacy:
            # There are fewer features.
            case.covers = []
        if variant:
            case.name, case.title = f"{case.name}-{variant}", f"{case.title} ({variant})"
        if point:
            case.name, case.title = f"{case.name}-{number}", f"{case.title} ({', '.join(point)})"
            case.ring, case.is_legacy = point.format(), point.interface == "legacy"
            if case.is_legacy:
                case.covers = []
            case.iommu |= point.dma == "iommu"
            case.cmdline += CMDLINE[point.dma]
        return case

    def _options(self, kind):
        """Options of all its devices of that kind."""
        if self.point:
            return self.point.options(kind)
        return RINGS.get(self.ring, {}) | (LEGACY if self.is_legacy else {})

    @property
    def devices(self):
        return self.disks + self.nics + self.plain + self.models

    def of_kind(self, kind):
        """All devices of a kind, those that QEMU plays first."""
        plays = {"block": self.disks, "net": self.nics}.get(kind, [device for device in self.plain if device.kind == kind])
        return plays + [model for model in self.models if model.kind == kind]

    def _header(self, key, value):
        try:
            match key:
                case "title":
                    self.title = value
                case "kernel":
                    self.kernel = one_of(value, KERNELS)
                case "driver":
                    self.driver = one_of(value, DRIVERS)
                case "transport":
                    self.transport = one_of(value, {"own", "c"})
                case "machine":
                    name, *more = value.split()
                    self.machine, self.iommu = one_of(name, MACHINES), "intel-iommu" in more
                case "end":
                    self.end = one_of(value, {"poweroff", "reboot"})
                case "matrix" if value in MATRIX:
                    self.everywhere = value
                case "memory" | "timeout" | "boots" | "smp" | "matrix" | "drill":
                    setattr(self, key, int(value))
                case "legacy":
                    self.legacy = one_of(value, LEGACY_WHEN)
                case "cmdline":
                    self.cmdline += shlex.split(value)
                case "needs":
                    self.needs |= {one_of(name, TOOLS) for name in value.split()}
                case "allow":
                    self.allow.append(re.compile(value))
                case "console":
                    self.last_lines.append(re.compile(value, re.MULTILINE))
                case "disk":
                    self.disks.append(Disk.parse(value))
                case "nic":
                    self.nics.append(Nic.parse(value))
                case "rings":
                    self.rings = [one_of(name, set(RINGS)) for name in value.split()]
                case "covers":
                    self.covers += value.split()
                case "named":
                    self.named = [one_of(name, set(RINGS)) for name in value.split()]
                case "debug":
                    self.debug = [one_of(name, set(RINGS) | {"split", "none"}) for name in value.split()]
                case "model":
                    self.models.append(Model.parse(value))
                case _ if key in PLAIN:
                    self.plain.append(Plain.parse(key, value))
                case _:
                    raise ValueError(f"unknown key {key}")
        except (ValueError, re.error) as error:
            raise CaseError(f"{self.path}: {key}: {error}") from None

    @property
    def taps(self):
        return [nic for nic in self.nics if nic.tap]

    def is_usual(self, kernel):
        """Whether it is run when no case is named: on the debug kernel, where all takes longer, a sample is."""
        if self.point:
            return self.number <= (1 if kernel == "debug" else self.matrix)
        if self.is_legacy:
            return self.legacy != "named" and kernel != "debug"
        if kernel == "debug":
            return (self.ring or "split") in self.debug
        return self.ring not in self.named

    def is_possible_at(self, point):
        return self.everywhere != "modern" or point.interface != "legacy"

    def times(self, options):
        """How many times as often as usual it does what it repeats."""
        return options.times * (self.drill if options.drills else 1)

    def limit(self, options):
        """How long a boot may take, in seconds."""
        usual = self.timeout * (DEBUG_FACTOR if options.kernel == "debug" else 1)
        return usual * self.times(options) * options.patience + 60 * options.minutes

    def skip_reason(self, kernel, driver):
        """Why the case cannot run on this kernel with this driver, or None."""
        if self.kernel not in ("any", kernel):
            return f"for the {self.kernel} kernel"
        if self.driver not in ("any", driver):
            return f"for the driver {self.driver}"
        if self.machine != "q35" and kernel == "debug":
            return "the debug kernel boots on q35 only"
        return None


def one_of(value, allowed):
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(sorted(allowed))}")
    return value


def load_all(folder, points):
    """All cases of a folder, in all their variants."""
    cases = []
    for case in read(folder):
        if not case.matrix:
            cases += [case, *(Case.load(case.path, ring) for ring in case.rings)]
        if case.legacy in ("always", "named"):
            cases.append(Case.load(case.path, is_legacy=True))
        if case.matrix:
            cases += [Case.load(case.path, point=point, number=number) for number, point in enumerate(points, 1)]
    return cases


def load_matrix(folder, points, kernel, whole):
    """All cases that can be, at each of the points; on the debug kernel at some of them, others for each case, unless it is `whole`."""
    cases = []
    for place, case in enumerate(case for case in read(folder) if case.matrix or case.everywhere):
        possible = [(number, point) for number, point in enumerate(points, 1) if case.is_possible_at(point)]
        if kernel == "debug" and not whole:
            first = place * SAMPLED % len(possible)
            possible = (possible[first:] + possible[:first])[:SAMPLED] if case.debug != ["none"] else []
        cases += [Case.load(case.path, point=point, number=number) for number, point in possible]
    return cases


def read(folder):
    return [Case.load(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".sh")]
