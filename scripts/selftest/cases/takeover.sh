# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: C drivers active: one disk is taken over on the running guest, and given back
# kernel: stock
# driver: rvirtio
# transport: c
# disk: stays 64M
# disk: moves 128M
# needs: ext4
# legacy: named
# drill: 100
# timeout: 90

by_c() {
    modprobe virtio_blk
    same "driver of the first disk" "$(driver_of stays)" virtio-pci
    same "name of the first disk" "$(block stays)" vda
    same "name of the second disk" "$(block moves)" vdb
    need_module ext4
    rvio fill "$(disk stays)" 0 33554432 61
    mkfs.ext4 -q -F "$(disk moves)"
    mount -t ext4 "$(disk moves)" /mnt
    tree_make /mnt/tree
    tree_sums /mnt >/run/sums
    umount /mnt
}

# Loading ours takes nothing away from a driver that has it.
both_loaded() {
    load_modules
    sleep 1
    same "driver of the first disk" "$(driver_of stays)" virtio-pci
    same "driver of the second disk" "$(driver_of moves)" virtio-pci
    rvio check /dev/vda 0 33554432 61 || fail "the first disk has changed"
}

# move DRIVER: what driverctl does.
move() {
    address=$(pci moves)
    echo "$1" >"$PCI/devices/$address/driver_override"
    unbind "$address"
    echo "$address" >"$PCI/drivers_probe"
    same "driver of the second disk" "$(driver_of moves)" "$1"
}

take() {
    move "$PCI_MODULE"
    name=$(block moves)
    note "the disk is $name now; the C driver has $(block stays)"
    [ "$name" != "$(block stays)" ] || fail "both drivers have a disk named $name"
    same "name of the disk that stays" "$(block stays)" vda
    reads "/sys/block/$name/serial" moves
    reads "/sys/block/vda/serial" stays
    same "device numbers" "$(cat /sys/block/vda/dev "/sys/block/$name/dev" | sort -u | wc -l)" 2
    [ -e /sys/bus/rvirtio/devices/virtio0 ] || [ -n "$(ls /sys/bus/rvirtio/devices)" ] || fail "/sys/bus/rvirtio/devices is empty"
}

same_tree() {
    mount -t ext4 "$(disk moves)" /mnt
    tree_sums /mnt | cmp - /run/sums || fail "the tree differs"
    umount /mnt
}

# Both drivers at work, each on its disk; the tree gets new files.
write_by_ours() {
    hammer "$(disk stays)" 5 3>&- &
    mount -t ext4 "$(disk moves)" /mnt
    rm -rf /mnt/second
    tree_make /mnt/second
    tree_sums /mnt >/run/sums
    umount /mnt
    wait_for 40 sh -c "! kill -0 $! 2>/dev/null" || fail "I/O on the C driver's disk does not end"
}

give_back() {
    move virtio-pci
    same "name" "$(block moves)" vdb
    drop_caches
    same_tree
    e2fsck -f -n "$(disk moves)" || fail "e2fsck found errors"
}

to_and_fro() {
    hammer "$(disk stays)" $((60 * RV_TIMES)) 3>&- &
    left=$1
    while [ "$left" -gt 0 ]; do
        move "$PCI_MODULE"
        block moves >/dev/null
        move virtio-pci
        block moves >/dev/null
        left=$((left - 1))
    done
    kill $!
    same_tree
}

first_gives_its_name_free() {
    # The C driver's vda goes while ours holds a disk; what comes then must not clash.
    move "$PCI_MODULE"
    block moves >/dev/null
    address=$(pci stays)
    unbind "$address"
    bind "$address" virtio-pci
    block stays >/dev/null
    [ "$(block stays)" != "$(block moves)" ] || fail "both disks are $(block stays)"
    move virtio-pci
    block moves >/dev/null
}

ours_unload() {
    unload_modules
    ! grep -q rvirtio /proc/modules || fail "still loaded: $(grep rvirtio /proc/modules)"
    rvio try read "$(disk stays)" 0 4096 | grep -q ok
}

check "two disks by the C driver" by_c
check "our modules load beside it" both_loaded
check "take one disk over" take
check "the file system is the same" same_tree
check "both drivers write" write_by_ours
check "give it back" give_back
check "names never clash" first_gives_its_name_free
check "twice to and fro, under I/O on the other disk" to_and_fro 2
leaks_mark
HALF=$((($(rounds 10) + 1) / 2))
check "$HALF times" to_and_fro $HALF
leaks_half $HALF
check "$HALF times more" to_and_fro $HALF
check "nothing is leaked" leaks_none 3072
check "our modules unload" ours_unload
