#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# disk.sh BASE KERNEL OUT [MODULE]... (as root, inside the tool root): makes the disk image OUT, one ext4 file system, from
# the Debian in folder BASE, the self-report, the modules of the kernel in folder KERNEL, and our own under updates/.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

base=$1 kernel=$2 out=$3
shift 3
release=$(cat "$kernel/release")
tree=$out.tree
modules=$tree/usr/lib/modules/$release

rm -rf "$tree"
cp -al "$base" "$tree"
mkdir -p "${modules%/*}"
cp -r "$kernel/modules/." "$modules"
rm -f "$modules/build" "$modules/source"
[ $# -eq 0 ] || install -D -m 644 -t "$modules/updates" "$@"
chown -R root:root "$modules"
depmod -b "$tree" "$release"

# systemd-networkd asks for wireless devices, which loads this; it then misses a file and warns.
echo 'blacklist cfg80211' >"$tree/etc/modprobe.d/no-wireless.conf"

here=$TOP/scripts/image
units=$tree/etc/systemd/system
install -m 755 "$here/self-report.sh" "$tree/usr/local/sbin/rvirtio-report"
install -m 644 "$here/rvirtio-report.service" "$units/"
mkdir -p "$units/multi-user.target.wants"
ln -sf ../rvirtio-report.service "$units/multi-user.target.wants/"

rm -f "$out"
truncate -s 2G "$out"
mke2fs -q -t ext4 -L rvirtio-root -E lazy_itable_init=0 -d "$tree" "$out"
rm -rf "$tree"
