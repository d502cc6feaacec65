# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: one thing after the other to disks in use: reset, resizing, CPUs, sleep, file systems, fsx, rebinding, discards; --minutes N
# driver: rvirtio
# disk: d0 128M unmap port
# disk: d1 64M unmap packed=on port
# disk: d2 384M unmap in_order=on port
# needs: fio ext4 xfs fsx
# timeout: 400
# memory: 1024
# cmdline: no_console_suspend

MIB=1048576
# On the debug kernel less of each, unless it is to do all.
SIZE=$((8 / RV_PART))
OPERATIONS=$((6000 / RV_PART))

verified() {
    fio --output=/run/fio.log --name="$1" --filename="$(disk "$1")" --direct=1 --thread --ioengine=io_uring --rw=randrw \
        --bsrange=512-128k --iodepth=32 --size=${SIZE}M --offset=32M --verify=crc32c --verify_fatal=1 --verify_backlog=128 ||
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

# Something to sleep over: once a turn for real.
sleeps() {
    for level in devices core s2idle; do asleep $level; done
}

# What is dirty, what is read, what is looked through, and little memory.
stress() {
    hammer "$(disk d0)" 6 3>&- &
    hammer=$!
    dd if=/dev/zero of=/run/ballast bs=1M count=$((250 / RV_PART)) 2>/dev/null
    short_verify "$(disk d1)" "$turn" 40
    rm /run/ballast
    # It ends by itself.
    wait $hammer || fail "the hammer ended with $?"
}

make_ext4() { mkfs.ext4 -q -F "$1"; }
make_xfs() { mkfs.xfs -q -f "$1"; }
look_ext4() { e2fsck -f -n "$1" || fail "e2fsck found errors"; }
look_xfs() { xfs_repair -n "$1" || fail "xfs_repair found errors"; }

# file_system TYPE DISK: made, used, reset under its files, looked through.
file_system() {
    need_module "$1"
    # If the turn before failed in the middle.
    ! grep -q ' /mnt ' /proc/mounts || umount /mnt
    make_"$1" "$(disk "$2")"
    mount -t "$1" -o discard "$(disk "$2")" /mnt
    tree_make /mnt/tree
    tree_sums /mnt/tree >/run/sums
    reset "$2"
    rm -r /mnt/tree/a
    sync
    grep -v ' ./a/' /run/sums >/run/left
    fstrim /mnt
    (usleep 500000; reset "$2"; sleep 1; reset "$2") 3>&- &
    reset=$!
    fsx_in /mnt $OPERATIONS "$turn"
    wait $reset || fail "$2 cannot be reset"
    drop_caches
    tree_sums /mnt/tree >/run/again
    umount /mnt
    cmp /run/left /run/again || fail "$(diff /run/left /run/again | grep -c '^[<>]') files differ"
    look_"$1" "$(disk "$2")"
}

rebinds() {
    rvio fill "$(disk d0)" 0 $((4 * MIB)) 51
    for name in d0 d1 d2; do
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
    for name in d0 d1 d2; do reads "/sys/bus/$BUS/devices/$(virtio $name)/status" 0x0000000f; done
    ! dmesg | grep -E 'virtio[0-9]+: device is broken' || fail "a device is broken"
}

another() { [ "$turn" -le "$RV_TIMES" ] || [ $(($(uptime_seconds) - begun)) -lt "$RV_SECONDS" ]; }

load_modules
turn=1
begun=$(uptime_seconds)
while another; do
    check "turn $turn: resets under fio" under_fio d0 resets
    check "turn $turn: resizing under fio" under_fio d0 sizes
    check "turn $turn: CPUs go and come under fio" under_fio d1 cpus
    check "turn $turn: sleep under fio" under_fio d0 sleeps
    check "turn $turn: stress" stress
    check "turn $turn: ext4 and fsx, reset in use" file_system ext4 d1
    check "turn $turn: xfs and fsx, reset in use" file_system xfs d2
    check "turn $turn: bound anew" rebinds
    check "turn $turn: discards" discards
    check "turn $turn: all is well" works
    turn=$((turn + 1))
done
note "$((turn - 1)) turns in $(($(uptime_seconds) - begun)) s"
check "modules unload" unload_modules
