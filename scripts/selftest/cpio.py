# SPDX-License-Identifier: GPL-2.0
"""Archives in the "newc" format that the kernel unpacks as an initramfs."""

import os
import stat


class Archive:
    """Collects files under guest paths and gives the bytes of a cpio archive."""

    def __init__(self):
        self._entries = {}

    def __contains__(self, path):
        return path.strip("/") in self._entries

    def directory(self, path):
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def symlink(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor):
        self._add(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def data(self, path, content, mode=0o644):
        self._add(path, stat.S_IFREG | mode, content)

    def file(self, path, source):
        """Adds the file `source`; links are followed, the permission bits stay."""
        with open(source, "rb") as handle:
            self.data(path, handle.read(), stat.S_IMODE(os.stat(source).st_mode))

    def tree(self, path, source):
        """Adds everything below the folder `source`."""
        for folder, _, names in os.walk(source):
            for name in sorted(names):
                inside = os.path.relpath(os.path.join(folder, name), source)
                self.file(os.path.join(path, inside), os.path.join(folder, name))

    def _add(self, path, mode, content, rdev=(0, 0)):
        path = path.strip("/")
        parent = os.path.dirname(path)
        if parent and parent not in self._entries:
            self.directory(parent)
        self._entries[path] = (mode, content, rdev)

    def bytes(self):
        parts = []
        for number, (path, (mode, content, rdev)) in enumerate(self._entries.items(), 1):
            parts.append(_member(number, path, mode, content, rdev))
        parts.append(_member(0, "TRAILER!!!", 0, b"", (0, 0)))
        whole = b"".join(parts)
        # The kernel wants the next archive of a chain at a multiple of four.
        return whole + b"\0" * (-len(whole) % 512)


def _member(number, path, mode, content, rdev):
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, rdev[0], rdev[1], len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)
