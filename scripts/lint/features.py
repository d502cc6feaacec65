#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that no feature is negotiated that no test is there for.

Each bit of the tables of what is implemented, `IMPLEMENTED` of the crate `virtio` and of each driver, and `LEGACY` of the
PCI transport, has to be named by one of

- a selftest case, in its header: `# covers: NAME...`. The case fails where no device of its has agreed on the bit.
- features.toml: a host test, which has to exist; or a debt that says why there is no test, which has to stand in
  Documentation/debts.md.

Names are those of rust/virtio/names.rs. What is named and not implemented, or twice in features.toml, fails as well.
"""

import pathlib
import re
import sys
import tomllib

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LIST = pathlib.Path(__file__).with_suffix(".toml")
# Tables of implemented bits, and whose names they have.
TABLES = (
    ("rust/virtio/feature.rs", "IMPLEMENTED", "COMMON"),
    ("drivers/virtio/rvirtio_pci/feature.rs", "LEGACY", "COMMON"),
    ("drivers/block/virtio_blk/feature.rs", "IMPLEMENTED", "BLOCK"),
    ("drivers/net/virtio_net/feature.rs", "IMPLEMENTED", "NETWORK"),
    ("drivers/virtio/rvirtio_balloon/feature.rs", "IMPLEMENTED", "BALLOON"),
)


def text(path):
    return re.sub(r"//[^\n]*", "", (TOP / path).read_text(encoding="utf-8"))


def implemented():
    """The names of the bits that are implemented."""
    code = text("rust/virtio/names.rs")
    names = {table: {int(bit): name for bit, name in re.findall(r"\((\d+), \"(\w+)\"\)", entries)}
             for table, entries in re.findall(r"const (\w+): &\[\(u32, &str\)\] = &\[(.*?)\];", code, re.DOTALL)}
    common = text("rust/virtio/feature.rs")
    found = set()
    for path, table, owner in TABLES:
        bits = dict(re.findall(r"const (\w+): Features = Features::bit\((\d+)\);", common + text(path)))
        listed = re.search(rf"const {table}: Features =\s*Features::all_of\(&\[(.*?)\]\);", text(path), re.DOTALL)
        if not listed:
            sys.exit(f"{path}: there is no table {table}")
        for name in re.findall(r"(\w+)\s*(?:,|$)", listed[1].strip()):
            found.add(names[owner][int(bits[name])])
    # A driver whose table is not looked at here would be a gap.
    known = {path for path, _, _ in TABLES}
    for path in (TOP / "drivers").rglob("*.rs"):
        if "IMPLEMENTED: Features" in path.read_text(encoding="utf-8") and str(path.relative_to(TOP)) not in known:
            sys.exit(f"{path.relative_to(TOP)} is no table that {pathlib.Path(__file__).name} knows")
    return found


def covered(complain):
    """Who names which feature."""
    found = {}
    for case in sorted((TOP / "scripts/selftest/cases").glob("*.sh")):
        for line in case.read_text(encoding="utf-8").splitlines():
            if line.startswith("# covers: "):
                for name in line.split()[2:]:
                    found.setdefault(name, set()).add(f"case {case.stem}")
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))
    for name, entry in listed["host"].items():
        file, _, test = entry.partition(": ")
        if not re.search(rf"\bfn {re.escape(test)}\(", text(file)):
            complain(f"{LIST.name}: {file} has no test {test}")
        found.setdefault(name, set()).add(test)
    debts = (TOP / "Documentation/debts.md").read_text(encoding="utf-8")
    for name, debt in listed["untested"].items():
        if f"- **[{debt}]**" not in debts:
            complain(f"{LIST.name}: debts.md has no [{debt}]")
        if name in found:
            complain(f"{LIST.name}: {name} is tested, by {', '.join(sorted(found[name]))}")
        found.setdefault(name, set()).add(debt)
    return found


def main():
    complaints = []
    bits, tests = implemented(), covered(complaints.append)
    complaints += [f"{name} is implemented, and no test says that it covers it" for name in sorted(bits - tests.keys())]
    complaints += [f"{name}, which {', '.join(sorted(tests[name]))} covers, is not implemented"
                   for name in sorted(tests.keys() - bits)]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
