# SPDX-License-Identifier: GPL-2.0
"""What the guest's init is told."""

# A debug kernel takes long: when it is not to do all, cases that repeat something do it this many times less often.
DEBUG_PART = 4


def part(options):
    """What repeats something does it this many times less often."""
    return DEBUG_PART if options.kernel == "debug" and not (options.whole or options.drills) else 1


def config(case, options, boot, limit):
    """Settings for the guest's init, as shell."""
    disks, nics, balloons, rngs, gpus = (" ".join(f"{device.name}@{device.bus_address}" for device in case.of_kind(kind))
                                         for kind in ("block", "net", "balloon", "rng", "gpu"))
    ring = case.ring or "split"
    covers = " ".join(case.covers)
    return (f"RV_KERNEL={options.kernel}\nRV_DRIVER={options.driver}\nRV_TRANSPORT={case.transport}\nRV_BOOT={boot}\n"
            f"RV_END={case.end}\nRV_LIMIT={limit}\nRV_LEGACY={int(case.is_legacy)}\nRV_DISKS='{disks}'\n"
            f"RV_NICS='{nics}'\nRV_BALLOONS='{balloons}'\nRV_RNGS='{rngs}'\nRV_GPUS='{gpus}'\nRV_RING='{ring}'\n"
            f"RV_COVERS='{covers}'\n"
            f"RV_POINT='{' '.join(case.point or [])}'\nRV_TIMES={case.times(options)}\nRV_PART={part(options)}\n"
            f"RV_SECONDS={60 * options.minutes}\n")
