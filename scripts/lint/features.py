#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that no feature is negotiated that no test is there for.

Each bit of the tables of what is implemented, `IMPLEMENTED` of the crate `virtio` and of each driver, and `LEGACY` of the
PCI transport, has to be named by one of

- a selftest case, in its header: `# covers: NAME...`. The case fails where no device of its has agreed on the bit.
- features.toml: a host test, which has to exist; or a debt that says why there is no test, which has to stand in
  Documentation/debts.md.

Of hostile devices the runner of that suite sees to it: each implemented bit has to be agreed on with one that lies, or to stand in
features.toml with the reason why none does. These reasons are looked at here.

Names are those of rust/virtio/names.rs. What is named and not implemented, or twice in features.toml, fails as well.
"""

import pathlib
import re
import sys
import tomllib

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LIST = pathlib.Path(__file__).with_suffix(".toml")
# Whose names are which kind's of the hostile suite.
KINDS = {"BLOCK": "block", "NETWORK": "net", "BALLOON": "balloon"}
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
    """The names of the bits that are implemented, each with its number and the kind of device that it belongs to, if it is one's."""
    code = text("rust/virtio/names.rs")
    names = {table: {int(bit): name for bit, name in re.findall(r"\((\d+), \"(\w+)\"\)", entries)}
             for table, entries in re.findall(r"const (\w+): &\[\(u32, &str\)\] = &\[(.*?)\];", code, re.DOTALL)}
    common = text("rust/virtio/feature.rs")
    found = {}
    for path, table, owner in TABLES:
        bits = dict(re.findall(r"const (\w+): Features = Features::bit\((\d+)\);", common + text(path)))
        listed = re.search(rf"const {table}: Features =\s*Features::all_of\(&\[(.*?)\]\);", text(path), re.DOTALL)
        if not listed:
            sys.exit(f"{path}: there is no table {table}")
        for name in re.findall(r"(\w+)\s*(?:,|$)", listed[1].strip()):
            number = int(bits[name])
            found[names[owner][number]] = number, KINDS.get(owner)
    # A driver whose table is not looked at here would be a gap.
    known = {path for path, _, _ in TABLES}
    for path in (TOP / "drivers").rglob("*.rs"):
        if "IMPLEMENTED: Features" in path.read_text(encoding="utf-8") and str(path.relative_to(TOP)) not in known:
            sys.exit(f"{path.relative_to(TOP)} is no table that {pathlib.Path(__file__).name} knows")
    return found


def honest():
    """Implemented features that no lying device has to have, with the reasons."""
    return tomllib.loads(LIST.read_text(encoding="utf-8"))["honest"]


def lied_about(agreed):
    """What is missing of features that were agreed on with devices that lie, numbers as bits, by kind: of those kinds that are there."""
    everywhere = 0
    for bits in agreed.values():
        everywhere |= bits
    missing = []
    for name, (number, kind) in sorted(implemented().items()):
        if kind and kind not in agreed:
            continue
        there = agreed[kind] if kind else everywhere
        if not there >> number & 1 and name not in honest():
            missing.append(f"{name} is implemented, and no lying device has agreed on it")
    return missing


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
    bits, tests = set(implemented()), covered(complaints.append)
    complaints += [f"{LIST.name}: {name} is not implemented" for name in sorted(honest().keys() - bits)]
    complaints += [f"{LIST.name}: no reason for {name}" for name, why in honest().items() if not why.strip()]
    complaints += [f"{name} is implemented, and no test says that it covers it" for name in sorted(bits - tests.keys())]
    complaints += [f"{name}, which {', '.join(sorted(tests[name]))} covers, is not implemented"
                   for name in sorted(tests.keys() - bits)]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
