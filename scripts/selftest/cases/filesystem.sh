# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: ext4 and xfs: make, fill, remount, compare, fsx, check
# disk: ext4 256M
# disk: xfs 512M
# needs: ext4 xfs fsx
# legacy: named
# debug: none
# matrix: any
# timeout: 120
# memory: 1024

make_ext4() { mkfs.ext4 -q -F "$(disk ext4)"; }
make_xfs() { mkfs.xfs -q -f "$(disk xfs)"; }

fill() {
    need_module "$1"
    mkdir -p "/mnt/$1"
    mount -t "$1" "$(disk "$1")" "/mnt/$1"
    tree_make "/mnt/$1/tree"
    tree_sums "/mnt/$1/tree" >"/run/$1.sums"
    [ "$(wc -l <"/run/$1.sums")" -eq $TREE_FILES ] || fail "the tree has $(wc -l <"/run/$1.sums") files"
    umount "/mnt/$1"
}

compare() {
    drop_caches
    mount -t "$1" -o ro "$(disk "$1")" "/mnt/$1"
    tree_sums "/mnt/$1/tree" >"/run/$1.again"
    umount "/mnt/$1"
    cmp "/run/$1.sums" "/run/$1.again" || fail "$(diff "/run/$1.sums" "/run/$1.again" | grep -c '^>') files read back differently"
}

# Delete and write anew on a file system that is in use, with discard where it is offered.
churn() {
    mount -t "$1" -o discard "$(disk "$1")" "/mnt/$1"
    rm -r "/mnt/$1/tree/b"
    sync
    tree_make "/mnt/$1/second"
    tree_sums "/mnt/$1" >"/run/$1.sums"
    drop_caches
    tree_sums "/mnt/$1" >"/run/$1.again"
    umount "/mnt/$1"
    cmp "/run/$1.sums" "/run/$1.again" || fail "files differ after the caches were dropped"
}

random() {
    mount -t "$1" -o discard "$(disk "$1")" "/mnt/$1"
    for seed in 1 2; do fsx_in "/mnt/$1" 1500 $seed; done
    umount "/mnt/$1"
}

fsck_ext4() { e2fsck -f -n "$(disk ext4)" || fail "e2fsck found errors"; }
fsck_xfs() { xfs_repair -n "$(disk xfs)" || fail "xfs_repair found errors"; }

load_modules
for type in ext4 xfs; do
    check "$type: mkfs" make_$type
    check "$type: a tree of $TREE_FILES files" fill $type
    check "$type: the same after a remount" compare $type
    check "$type: delete and write again" churn $type
    check "$type: fsx" random $type
    check "$type: fsck" fsck_$type
done
