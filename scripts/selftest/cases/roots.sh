# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: the root file system on a partition, and on a volume over two disks, as LVM lays them
# disk: a 320M
# disk: b 128M
# needs: ext4 dm
# boots: 4
# memory: 1024
# timeout: 90
# debug: none
# What is under way when the machine goes off fails, and the file system says so.
# allow: I/O error|lost (sync|async) page write|EXT4-fs (error|warning)|JBD2: .*rror

# Where the first physical extent of LVM begins, in sectors.
EXTENTS=2048

partition() {
    printf '%s\n' n p 1 '' +160M n p 2 '' '' w | fdisk "$(disk a)"
    wait_for 10 test -b "$(disk a)2" || fail "the partitions did not appear"
}

# volume: brings it up, first what is left of one disk behind a partition, then the other.
volume() {
    need_module dm_mod
    first=$(disk a)2 second=$(disk b)
    _first=$(($(blockdev --getsz "$first") - EXTENTS)) _second=$(($(blockdev --getsz "$second") - EXTENTS))
    printf '%s\n' "0 $_first linear $first $EXTENTS" "$_first $_second linear $second $EXTENTS" |
        dmsetup create root --noudevrules --noudevsync
}

# device WHICH: the root file system's.
device() {
    case $1 in
    partition) echo "$(disk a)1" ;;
    volume) echo /dev/dm-0 ;;
    esac
}

# make WHICH: a file system with all that runs here.
make() {
    need_module ext4
    mkfs.ext4 -q -F "$(device "$1")"
    mount -t ext4 "$(device "$1")" /mnt
    for part in bin sbin lib lib64 usr etc rv; do cp -a "/$part" /mnt/; done
    mkdir -p /mnt/proc /mnt/sys /mnt/dev /mnt/run /mnt/tmp /mnt/root /mnt/mnt
    (cd /mnt && find usr -type f | sort | xargs sha256sum) >/run/sums
    mv /run/sums /mnt/root/sums
    umount /mnt
}

mounted() {
    need_module ext4
    wait_for 10 test -b "$(device "$1")" || fail "there is no $(device "$1")"
    mount -t ext4 "$(device "$1")" /mnt
    for part in proc sys dev run tmp sys/kernel/debug; do mount --bind "/$part" "/mnt/$part"; done
}

# over WHICH: what follows has its root there, and is this file again.
over() {
    check "the $1 is mounted" mounted "$1" || return 0
    export ROOT="$1"
    cd /mnt || return 0
    mount --move . /
    exec chroot . sh -c 'cd /; . /etc/rv.conf; . /rv/lib.sh; . /rv/case.sh; exit 0'
}

is_root() { same "device of /" "$(stat -c %d /)" "$(stat -Lc %t:%T "$(device "$ROOT")" | { IFS=: read -r major minor; echo $((0x$major * 256 + 0x$minor)); })"; }

# All programs are read from the disk again, this shell too.
programs() {
    drop_caches
    (cd / && sha256sum -c -s root/sums) || fail "programs read from the root are not what they were"
}

files() {
    tree_make /tree
    tree_sums /tree >/root/tree
    sync
    drop_caches
    tree_sums /tree | cmp -s - /root/tree || fail "files differ after the caches were dropped"
}

# The machine goes off with that under way, and the root mounted.
busy() {
    (while :; do rm -rf /busy; tree_make /busy; sync; done) >/dev/null 2>&1 3>&- &
    sleep 1
}

# The journal is replayed, as at any boot.
whole() {
    status=0
    e2fsck -p "$(device "$1")" || status=$?
    [ $status -le 1 ] || fail "e2fsck -p: status $status"
    e2fsck -f -n "$(device "$1")" || fail "e2fsck found errors"
    need_module ext4
    mount -t ext4 -o ro "$(device "$1")" /mnt
    tree_sums /mnt/tree | cmp -s - /mnt/root/tree || fail "files differ after the boot"
    (cd /mnt && sha256sum -c -s root/sums) || fail "programs differ after the boot"
    umount /mnt
}

if [ -n "${ROOT:-}" ]; then
    check "/ is on the $ROOT" is_root
    check "$ROOT: programs" programs
    check "$ROOT: files" files
    check "$ROOT: power off while it is written" busy
    exit 0
fi
load_modules
case $RV_BOOT in
1)
    check "a disk with two partitions" partition
    check "a volume over two disks" volume
    check "partition: a root file system" make partition
    check "volume: a root file system" make volume
    ;;
2) over partition ;;
3)
    check "the volume is brought up" volume
    over volume
    ;;
*)
    check "the volume is brought up" volume
    check "partition: whole" whole partition
    check "volume: whole" whole volume
    ;;
esac
