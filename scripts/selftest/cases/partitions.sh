# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: partition tables are read when a disk appears
# debug: none
# disk: mbr 64M table=mbr
# disk: gpt 64M table=gpt
# disk: none 64M

partition() {
    disk=$(block "$1")
    wait_for 10 test -b "/dev/${disk}1" || fail "/dev/${disk}1 did not appear"
    reads "/sys/block/$disk/${disk}1/start" 2048
    reads "/sys/block/$disk/${disk}1/size" "$2"
    [ ! -e "/dev/${disk}2" ] || fail "there is a second partition"
}

# What goes to the partition has to arrive 1 MiB further on the disk.
offset_right() {
    disk=$(disk mbr)
    rvio fill "${disk}1" 0 1048576 5
    dd if="${disk}1" bs=64k count=16 2>/dev/null | sha256sum >/run/part
    dd if="$disk" bs=64k skip=16 count=16 2>/dev/null | sha256sum >/run/disk
    cmp /run/part /run/disk || fail "partition and disk differ"
    same "writing behind the partition's end" "$(rvio try write "${disk}1" $((($(sectors "${disk##*/}/${disk##*/}1")) * 512)) 512)" ENOSPC
}

reread() {
    disk=$(disk none)
    [ ! -e "${disk}1" ] || fail "a disk without a table has a partition"
    dd if="$(disk mbr)" of="$disk" bs=512 count=1 conv=fsync
    blockdev --rereadpt "$disk"
    wait_for 10 test -b "${disk}1" || fail "${disk}1 did not appear after the table was written"
}

load_modules
check "MBR" partition mbr $((64 * 2048 - 2048 - 64))
check "GPT" partition gpt $((64 * 2048 - 64 - 2048 + 1))
check "the partition's sectors are the right ones" offset_right
check "the table is read again" reread
