# SPDX-License-Identifier: GPL-2.0
"""The guest's root file system: layers of cpio archives, cached by content, joined per boot."""

import fcntl
import glob
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
import time

from cpio import Archive

HERE = os.path.dirname(os.path.abspath(__file__))
GUEST = os.path.join(HERE, "guest")

# Programs of each layer; with them come the shared libraries they name.
PROGRAMS = {
    "tools": ["kmod"],
    "fio": ["fio"],
    "ext4": ["mkfs.ext4", "e2fsck"],
    "xfs": ["mkfs.xfs", "xfs_repair"],
    "net": ["ip", "bridge", "ethtool", "ping"],
    "dm": ["dmsetup"],
}
# Programs of crates.io, each a layer of its own, and their versions: built here, the first time that a case needs one.
CRATES = {"fsx": "0.3.2"}
# What the guest may want to load, where the kernel has it as a module; dependencies follow from modules.dep.
KERNEL_MODULES = ["virtio_blk", "virtio_net", "virtio_balloon", "virtio_rng", "ext4", "xfs", "8021q", "macvlan",
                  "configfs", "nvme_loop", "dm_mod"]
# Linked statically; only what the guest is given, not what runs while it is built.
TARGET = "x86_64-unknown-linux-gnu"
RUST_ENV = {"CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS": "-C target-feature=+crt-static"}
CFLAGS = ["-static", "-O2", "-Wall", "-Werror"]
KMOD_NAMES = ["modprobe", "insmod", "rmmod", "lsmod", "modinfo"]


class InitramfsError(Exception):
    """Something that the guest needs is not there."""


class Kernel:
    """A kernel of the cache."""

    def __init__(self, cache, name):
        self.name = name
        self.folder = os.path.join(cache, "kernels", name)
        self.image = os.path.join(self.folder, "vmlinuz")
        self.modules = os.path.join(self.folder, "modules")
        for path in (self.image, self.modules, os.path.join(self.folder, "release")):
            if not os.path.exists(path):
                raise InitramfsError(f"the {name} kernel is not there: no {path}; scripts/kernel.sh {name} makes it")
        with open(os.path.join(self.folder, "release"), encoding="utf-8") as file:
            self.release = file.read().strip()

    def has(self, option):
        """Whether it was built with CONFIG_`option`, as a module or in itself."""
        with open(os.path.join(self.folder, "build", ".config"), encoding="utf-8") as file:
            return any(line.startswith((f"CONFIG_{option}=y", f"CONFIG_{option}=m")) for line in file)


def our_modules(top, kernel):
    """The modules of the checkout that were built for this kernel."""
    # os.walk follows no links; kbuild leaves one here that leads back to the checkout.
    found = sorted(os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(top, "build", kernel))
                   for name in names if name.startswith("rvirtio") and name.endswith(".ko"))
    if not found:
        raise InitramfsError(f"no rvirtio*.ko below build/{kernel}; scripts/modules.sh {kernel} builds them")
    built = max(os.stat(path).st_mtime for path in found)
    newer = [path for path in sources(top) if os.stat(path).st_mtime > built]
    if newer:
        print(f"# {os.path.relpath(newer[0], top)} is newer than the modules in build/{kernel}: scripts/modules.sh {kernel} builds them",
              flush=True)
    return found


def sources(top):
    """What the modules are made of, more or less."""
    return [os.path.join(folder, name) for part in ("rust", "drivers", "samples") for folder, _, names in os.walk(os.path.join(top, part))
            for name in names if name.endswith((".rs", ".c", ".h")) and "/tests" not in folder]


class Builder:
    """Makes the layers once and joins them with a case."""

    def __init__(self, cache, kernel, ours):
        self._store = os.path.join(cache, "selftest")
        os.makedirs(self._store, exist_ok=True)
        self._kernel = kernel
        self._ours = ours
        self._layers = {name: self._tools(name) for name in PROGRAMS}
        self._layers["modules"] = self._modules()

    def join(self, case, config, target):
        """Writes the initramfs for one boot of `case` to the file `target`."""
        last = Archive()
        for name in ("proc", "sys", "dev", "run", "tmp", "mnt", "root", "etc"):
            last.directory(name)
        last.device("dev/console", 5, 1)
        last.device("dev/null", 1, 3)
        last.data("etc/rv.conf", config.encode())
        last.file("init", os.path.join(GUEST, "init"))
        for name in ("lib.sh", "net.sh", "balloon.sh", "drill.sh"):
            last.file(f"rv/{name}", os.path.join(GUEST, name))
        last.file("rv/case.sh", case.path)
        with open(target, "wb") as out:
            for layer in ["tools", "modules", *sorted(case.needs)]:
                with open(self._layer(layer), "rb") as source:
                    shutil.copyfileobj(source, out)
            out.write(last.bytes())

    def _layer(self, name):
        """The file of a layer; some are made when a case needs one."""
        if name == "kernel":
            return self._cached(f"kernel-{digest([self._kernel.image])}", lambda archive: archive.file("boot/vmlinuz", self._kernel.image))
        return self._layers.get(name) or self._crate(name)

    def host_programs(self, folder):
        """Makes the programs that run at the host's end too; gives their folder."""
        run(["gcc", *CFLAGS, "-o", os.path.join(folder, "xfer"), os.path.join(GUEST, "xfer.c")])
        return folder

    def _tools(self, name):
        programs = [find_program(program) for program in PROGRAMS[name]]
        helpers = sorted(glob.glob(os.path.join(GUEST, "*.c")))
        key = digest([__file__, *helpers, *programs])

        def fill(archive):
            for program in programs:
                add_program(archive, program)
            if name == "tools":
                add_shell(archive)
                for helper in helpers:
                    add_helper(archive, helper)
                for link in KMOD_NAMES:
                    archive.symlink(f"usr/sbin/{link}", "/usr/bin/kmod")

        return self._cached(f"{name}-{key}", fill)

    def _crate(self, name):
        # --locked: what it is made of is what its authors say, by checksum.
        command = ["cargo", "install", "--quiet", "--locked", "--target", TARGET, f"{name}@={CRATES[name]}"]
        key = hashlib.sha256(repr((command, RUST_ENV)).encode()).hexdigest()[:12]

        def fill(archive):
            with tempfile.TemporaryDirectory(prefix="rv-crate-") as folder:
                run([*command, "--root", folder], RUST_ENV)
                archive.file(f"usr/bin/{name}", os.path.join(folder, "bin", name))

        return self._cached(f"{name}-{key}", fill)

    def _modules(self):
        wanted = closure(self._kernel.modules, KERNEL_MODULES)
        paths = [os.path.join(self._kernel.modules, path) for path in wanted]
        key = digest([__file__, os.path.join(self._kernel.folder, "release"), *paths, *self._ours])

        def fill(archive):
            release = self._kernel.release
            with tempfile.TemporaryDirectory(prefix="rv-modules-") as stage:
                folder = os.path.join(stage, "lib", "modules", release)
                for inside, path in zip(wanted, paths):
                    unpack(path, os.path.join(folder, inside))
                for path in self._ours:
                    target = os.path.join(folder, "updates", os.path.basename(path))
                    unpack(path, target)
                    # Every load reads the whole file, and most of it would be DWARF.
                    run(["strip", "--strip-debug", target])
                os.makedirs(folder, exist_ok=True)
                for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
                    source = os.path.join(self._kernel.modules, name)
                    if os.path.exists(source):
                        shutil.copy(source, folder)
                    else:
                        open(os.path.join(folder, name), "w", encoding="utf-8").close()
                run(["depmod", "-b", stage, release])
                archive.tree(f"usr/lib/modules/{release}", folder)

        return self._cached(f"modules-{self._kernel.name}-{key}", fill)

    def _cached(self, name, fill):
        path = os.path.join(self._store, name + ".cpio")
        with open(os.path.join(self._store, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                self._forget_old()
                archive = Archive()
                fill(archive)
                with open(path + ".new", "wb") as out:
                    out.write(archive.bytes())
                os.rename(path + ".new", path)
            os.utime(path)
        return path

    def _forget_old(self):
        """Layers that no run of the last day used; another run may be using a younger one now."""
        for old in glob.glob(os.path.join(self._store, "*.cpio")):
            if time.time() - os.stat(old).st_mtime > 86400:
                os.unlink(old)


def find_program(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise InitramfsError(f"the tool root has no {name}")
    return path


def add_program(archive, path):
    """The program and every shared library that its loader would map."""
    archive.file(f"usr/bin/{os.path.basename(path)}", path)
    for line in run(["ldd", path]).splitlines():
        match = re.search(r"(/\S+) \(0x", line)
        if match and match[1].lstrip("/") not in archive:
            library = match[1]
            # One folder for all: the loader looks there without a cache file.
            place = "usr/lib64" if "ld-linux" in library else "usr/lib/x86_64-linux-gnu"
            archive.file(f"{place}/{os.path.basename(library)}", os.path.realpath(library))


def add_shell(archive):
    for link, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")):
        archive.symlink(link, target)
    busybox = find_program("busybox")
    archive.file("usr/bin/busybox", busybox)
    for applet in run([busybox, "--list"]).split():
        if applet not in KMOD_NAMES and applet not in ("busybox", "depmod"):
            archive.symlink(f"usr/bin/{applet}", "busybox")


def add_helper(archive, source):
    with tempfile.TemporaryDirectory(prefix="rv-helper-") as folder:
        name = os.path.basename(source).removesuffix(".c")
        target = os.path.join(folder, name)
        run(["gcc", *CFLAGS, "-o", target, source])
        archive.file(f"usr/bin/{name}", target)


def closure(modules, names):
    """The paths, relative to the folder `modules`, of the named modules and of what they depend on."""
    needs = {}
    with open(os.path.join(modules, "modules.dep"), encoding="utf-8") as file:
        for line in file:
            path, _, others = line.partition(":")
            needs[path] = others.split()
    by_name = {os.path.basename(path).split(".ko")[0].replace("-", "_"): path for path in needs}
    todo = [by_name[name] for name in names if name in by_name]
    found = []
    while todo:
        path = todo.pop()
        if path not in found:
            found.append(path)
            todo += needs.get(path, [])
    return sorted(found)


def unpack(source, target):
    """Copies a module, uncompressed: the guest's tools then need no decompressor."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if source.endswith(".xz"):
        with lzma.open(source) as packed, open(target.removesuffix(".xz"), "wb") as out:
            shutil.copyfileobj(packed, out)
    elif source.endswith(".zst"):
        run(["zstd", "-qdf", source, "-o", target.removesuffix(".zst")])
    else:
        shutil.copy(source, target)


def digest(paths):
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:12]


def run(command, env=None):
    result = subprocess.run(command, env=os.environ | (env or {}), capture_output=True, text=True, check=False)
    if result.returncode:
        raise InitramfsError(f"{' '.join(command)}: {result.stderr.strip() or result.returncode}")
    return result.stdout
