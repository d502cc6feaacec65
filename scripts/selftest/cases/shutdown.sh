# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: power off with a mounted file system and I/O in flight; what was synced is there after the next boot
# disk: fs 128M
# disk: busy 64M
# needs: ext4
# boots: 2
# allow: I/O error, dev vdb
# legacy: named
# debug: none
# matrix: any
# timeout: 40

first_boot() {
    need_module ext4
    mkfs.ext4 -q -F "$(disk fs)"
    mount -t ext4 "$(disk fs)" /mnt
    tree_make /mnt/tree
    (cd /mnt && tree_sums tree >sums)
    sync
    # Not synced, still mounted, and direct I/O goes on while the machine goes down.
    echo later >/mnt/later
    hammer "$(disk busy)" 60 3>&- &
    rvio fill "$(disk busy)" 33554432 4096 71
}

second_boot() {
    need_module ext4
    mount -t ext4 "$(disk fs)" /mnt
    (cd /mnt && tree_sums tree) | cmp - /mnt/sums || fail "the tree differs after the reboot"
    umount /mnt
    e2fsck -f -n "$(disk fs)" || fail "e2fsck found errors"
    short_verify "$(disk busy)" 4 30
}

load_modules
if [ "$RV_BOOT" = 1 ]; then
    check "first boot: write, stay mounted" first_boot
else
    check "second boot: the tree is there" second_boot
fi
