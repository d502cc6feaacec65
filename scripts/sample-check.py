#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Documentation/writing-a-driver.md goes through the sample from its first line to its last: its blocks of Rust, one after
the other, have to be that file. The sample has to stay a page to copy."""

import re
import sys

PAGE, SAMPLE, MOST_LINES = "Documentation/writing-a-driver.md", "samples/virtio_rng/rvirtio_rng.rs", 150


def lines(text):
    return [line for line in text.splitlines() if line.strip()]


def main():
    with open(PAGE, encoding="utf-8") as page, open(SAMPLE, encoding="utf-8") as sample:
        told = lines("".join(re.findall(r"^```rust\n(.*?)^```$", page.read(), re.DOTALL | re.MULTILINE)))
        text = sample.read()
    if len(text.splitlines()) >= MOST_LINES:
        sys.exit(f"error: {SAMPLE} has {len(text.splitlines())} lines, which should be fewer than {MOST_LINES}")
    for number, (there, here) in enumerate(zip(lines(text), told), 1):
        if there != here:
            sys.exit(f"error: line {number} that is not empty differs\n    {SAMPLE}: {there}\n    {PAGE}: {here}")
    if len(told) != len(lines(text)):
        sys.exit(f"error: {SAMPLE} has {len(lines(text))} lines that are not empty, {PAGE} tells {len(told)} of them")


main()
