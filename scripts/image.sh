#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# image.sh [MODULE]...: makes the guest's disk image with the stock kernel's modules and each MODULE, unless the cache has
# it, and prints its path. The Debian in it is kept apart, so that a changed module costs seconds.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

IMAGES=$RVIRTIO_CACHE/images
HERE=$TOP/scripts/image
mkdir -p "$IMAGES"

make_base() {
    [ ! -d "$base" ] || return 0
    need_space 4 "the guest image"
    in_root --root -- rm -rf "$base.tmp"
    HINT="Is Debian's mirror reachable?" \
        step "guest image: Debian $SUITE" "$LOGS/image-base.log" in_root --root -- "$HERE/base.sh" "$base.tmp"
    in_root --root -- mv -T "$base.tmp" "$base"
}

make_disk() {
    [ ! -f "$disk" ] || return 0
    make_base
    step "guest image: file system" "$LOGS/image-disk.log" \
        in_root --root -- "$HERE/disk.sh" "$base" "$kernel" "$disk.tmp" "$@"
    # Of the older disks of the same Debian the last one stays (the other drivers'), the rest goes. A running guest keeps
    # the file it has open.
    in_root --root -- sh -c 'ls -t "$1"-*.img 2>/dev/null | tail -n +2 | xargs -r rm -f; mv "$2.tmp" "$2"' sh "${disk%-*}" "$disk"
}

kernel=$("$TOP/scripts/kernel.sh" stock)
base=$IMAGES/debian-$({ echo "$ROOT_KEY"; cd "$HERE" && cat packages.list base.sh; } | hash_of)
disk=$base-$({ cat "$kernel/key" "$kernel/release" "$HERE"/{disk.sh,self-report.sh,rvirtio-report.service}; [ $# -eq 0 ] || sha256sum "$@"; } | hash_of).img
if [ ! -f "$disk" ]; then
    need_root
    locked image make_disk "$@"
fi
printf '%s\n' "$disk"
