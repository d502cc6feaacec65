#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# modules.sh [--clippy] stock|debug: builds the modules for a kernel into build/<kernel>/ of the checkout. With --clippy
# they are built anew into build/clippy-<kernel>/ with clippy's lints on, and any warning is a failure.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

clippy=
[ "${1:-}" != --clippy ] || { clippy=1; shift; }
name=${1:?usage: modules.sh [--clippy] stock|debug}
[ -f "$TOP/Kbuild" ] || die "there is no Kbuild file in $TOP, so there are no modules to build"

kernel=$("$TOP/scripts/kernel.sh" "$name")
out=$TOP/build/$name
[ -z "$clippy" ] || out=$TOP/build/clippy-$name
flags=(KERNELRELEASE="$(cat "$kernel/release")")
[ ! -s "$kernel/llvm" ] || flags+=(LLVM=1)
[ -z "$clippy" ] || { flags+=(CLIPPY=1); rm -rf "$out"; }
mkdir -p "$out"

cd "$TOP"
build() { in_root -- make -C "$kernel/build" M="$TOP" MO="$out" "${flags[@]}" -j"$(jobs)" modules; }
if [ -z "$clippy" ]; then
    build
else
    build 2>&1 | tee "$out.log"
    ! grep -qE '^(warning|error)' "$out.log" || die "clippy has something to say (log: $out.log)"
fi
