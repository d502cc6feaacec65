#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kdir.sh KDIR: says what a build tree lacks for our modules, before the compilers say it in their way.

set -euo pipefail

kdir=${1:?usage: kdir.sh KDIR}
lacks=0
# lack WHAT REMEDY
lack() {
    [ "$lacks" -gt 0 ] || echo "error: $kdir will not do:" >&2
    printf '       %s\n         %s\n' "$1" "$2" >&2
    lacks=1
}

if [ ! -e "$kdir/Makefile" ] || [ ! -e "$kdir/include/config/auto.conf" ]; then
    lack "it is no configured kernel build tree" "Give the folder where that kernel was built."
else
    version=$(make -s --no-print-directory -C "$kdir" kernelversion 2>/dev/null || true)
    case $version in
    [0-6].* | 7.[0-2] | 7.[0-2].*) lack "it is Linux $version" "The modules are written for Linux 7.3." ;;
    esac
    [ -e "$kdir/rust/libkernel.rmeta" ] || lack "it has no rust/libkernel.rmeta" \
        "Build it with CONFIG_RUST=y. Debian's headers have no Rust metadata: make modules without KDIR is for Debian's kernel."
    [ -s "$kdir/Module.symvers" ] || lack "it has no Module.symvers" "Build that kernel with make; modules_prepare alone does not make it."
    for option in RUST PCI PCI_MSI BLOCK NET PAGE_POOL BALLOON PAGE_REPORTING; do
        grep -q "^CONFIG_$option=y" "$kdir/include/config/auto.conf" ||
            lack "its kernel has no CONFIG_$option" "$(case $option in
                PAGE_POOL) echo "CONFIG_VIRTIO_NET, built in or as a module, brings it." ;;
                BALLOON | PAGE_REPORTING) echo "CONFIG_VIRTIO_BALLOON, built in or as a module, brings it." ;;
                *) echo "Configure it, and build that kernel again." ;;
            esac)"
    done
fi
[ "$lacks" -eq 0 ]
