#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# initramfs.sh KERNEL OUT NAMES [MODULE]... (inside the tool root): makes the initramfs OUT: busybox, the init beside this
# file, ext4 and the comma-separated modules NAMES of the kernel in folder KERNEL with what they depend on, and each MODULE.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

kernel=$1 out=$2 names=$3
shift 3
release=$(cat "$kernel/release")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# modprobe wants to see the modules below lib/modules.
mkdir -p "$work/all/lib/modules"
ln -s "$(readlink -f "$kernel/modules")" "$work/all/lib/modules/$release"

tree=$work/tree
modules=$tree/lib/modules/$release
mkdir -p "$tree"/{bin,dev,proc,sys,newroot} "$modules/updates"
install -m 755 /bin/busybox "$tree/bin/busybox"
install -m 755 "$TOP/scripts/image/init" "$tree/init"
for name in ${names//,/ }; do
    modprobe -d "$work/all" -S "$release" --show-depends "$name"
done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r module; do
    case $module in
    *.xz) xz -dc "$module" >"$modules/$(basename "${module%.xz}")" ;;
    *) cp "$module" "$modules/" ;;
    esac
done
[ $# -eq 0 ] || install -m 644 -t "$modules/updates" "$@"
cp "$kernel"/modules/modules.{order,builtin,builtin.modinfo} "$modules/"
depmod -b "$tree" "$release"

(cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$out.new"
mv "$out.new" "$out"
