# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: one thing after the other to a disk in use: fio, file system, reset, rebinding, resizing, CPUs, discards; --times N goes on
# driver: rvirtio
# disk: d0 128M unmap port
# disk: d1 64M unmap packed=on port
# needs: fio ext4
# debug: none
# timeout: 300
# memory: 1024

MIB=1048576

verified() {
    fio --output=/run/fio.log --name="$1" --filename="$(disk "$1")" --direct=1 --thread --ioengine=io_uring --rw=randrw \
        --bsrange=512-128k --iodepth=32 --size=8M --offset=32M --verify=crc32c --verify_fatal=1 --verify_backlog=128 ||
        fail "fio: $(grep -m 1 -E 'verify|error|err=' /run/fio.log)"
}

reset() { echo 1 >"$PCI/devices/$(pci "$1")/reset" || fail "$1 cannot be reset"; }

# While fio goes on.
under_fio() {
    verified "$1" 3>&- &
    fio=$!
    shift
    "$@"
    wait $fio || fail "fio: $(grep -m 1 -E 'verify|error|err=' /run/fio.log)"
}

resets() {
    for name in d0 d1 d0 d1; do
        reset $name
        usleep 200000
    done
}

sizes() {
    for size in 160 128 144 128; do
        host resize d0 ${size}M
        usleep 200000
    done
    wait_for 20 grep -q '^262144$' "/sys/block/$(block d0)/size" || fail "the size is $(sectors "$(block d0)")"
}

cpus() {
    for state in 0 1 0 1; do
        echo $state >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 cannot be set to $state"
        usleep 300000
    done
}

file_system() {
    mkfs.ext4 -q -F "$(disk d1)"
    mount -t ext4 -o discard "$(disk d1)" /mnt
    tree_make /mnt/tree
    tree_sums /mnt/tree >/run/sums
    reset d1
    rm -r /mnt/tree/a
    sync
    grep -v ' ./a/' /run/sums >/run/left
    fstrim /mnt
    reset d1
    drop_caches
    tree_sums /mnt/tree >/run/again
    umount /mnt
    cmp /run/left /run/again || fail "$(diff /run/left /run/again | grep -c '^[<>]') files differ"
    e2fsck -f -n "$(disk d1)" || fail "e2fsck found errors"
}

rebinds() {
    rvio fill "$(disk d0)" 0 $((4 * MIB)) 51
    for name in d0 d1 d0; do
        address=$(pci $name) driver=$(driver_of $name)
        unbind "$address"
        bind "$address" "$driver"
        short_verify "$(disk $name)" 52 20 || fail "$name differs after it was bound anew"
    done
}

discards() {
    rvio fill "$(disk d0)" $((64 * MIB)) $((16 * MIB)) 53
    rvio holes "$(disk d0)" $((64 * MIB)) 128 131072 8192 53 || fail "a discard failed, or hit something else"
}

works() {
    for name in d0 d1; do reads "/sys/bus/$BUS/devices/$(virtio $name)/status" 0x0000000f; done
    ! dmesg | grep -E 'virtio[0-9]+: device is broken' || fail "a device is broken"
}

load_modules
need_module ext4
turn=1
while [ "$turn" -le "$RV_TIMES" ]; do
    check "turn $turn: resets under fio" under_fio d0 resets
    check "turn $turn: resizing under fio" under_fio d0 sizes
    check "turn $turn: CPUs go and come under fio" under_fio d1 cpus
    check "turn $turn: a file system, reset in use" file_system
    check "turn $turn: bound anew" rebinds
    check "turn $turn: discards" discards
    check "turn $turn: all is well" works
    turn=$((turn + 1))
done
check "modules unload" unload_modules
