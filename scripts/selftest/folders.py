# SPDX-License-Identifier: GPL-2.0
"""Where a run keeps its things, and that they go with it."""

import fcntl
import glob
import os
import shutil
import sys
import tempfile


def cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("RVIRTIO_CACHE") or os.path.join(home, "rvirtio")


def need_tool_root():
    """Ends the program outside of the tool root, where QEMU and all else are others, or are missing."""
    # scripts/lib.sh exports it, and scripts/in-root brings it along.
    if "TOOL_ROOT" not in os.environ:
        sys.exit(f"error: {os.path.basename(sys.argv[0])} needs the tool root; run it as scripts/in-root --net -- {sys.argv[0]} ...")


def remove(*folders):
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def images_folder(cache):
    """A folder of this run's own. Those of runs that were killed go: their lock is free."""
    os.makedirs(cache, exist_ok=True)
    for old in glob.glob(os.path.join(cache, "images-*")):
        try:
            with open(os.path.join(old, "lock"), encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(old)
        except OSError:
            continue
    folder = tempfile.mkdtemp(prefix="images-", dir=cache)
    # Kept open, and locked, as long as this runs.
    fcntl.flock(os.open(os.path.join(folder, "lock"), os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX)
    return folder


# For sockets: short, because their paths may have 107 characters.
WORK = tempfile.mkdtemp(prefix="rv-")
# What is large: in the cache, since /tmp may be memory.
IMAGES = images_folder(cache_folder())
