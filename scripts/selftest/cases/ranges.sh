# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: what QEMU's disks do not have: discards of several ranges, secure erase, wear
# covers: VIRTIO_BLK_F_SECURE_ERASE VIRTIO_BLK_F_LIFETIME
# rings: packed
# model: d0 block size=64M ranges=8 lifetime=1:3:11
# model: bare block size=64M ranges=8 indirect=off lifetime=4:0:12
# needs: ext4
# debug: none
# timeout: 60

MIB=1048576

cleared() { host model "$1" ask cleared | cut -d' ' -f"$2"; }

erase() {
    device=$(disk "$1")
    rvio fill "$device" 0 $((6 * MIB)) 5
    same "secure erase" "$(rvio try erase "$device" $((2 * MIB)) $((2 * MIB)))" ok
    same "bytes erased" "$(cleared "$1" 3)" $((2 * MIB))
    rvio check "$device" 0 $((2 * MIB)) 5 || fail "what lies before has changed"
    rvio zeros "$device" $((2 * MIB)) $((2 * MIB)) || fail "not all is erased"
    rvio check "$device" $((4 * MIB)) $((2 * MIB)) 5 || fail "what lies behind has changed"
    same "half a sector" "$(rvio try erase "$device" 256 256)" EINVAL
}

# The scheduler puts discards together while the device is busy with others; with more of them than it takes at once.
several() {
    device=$(disk "$1")
    rvio fill "$device" 0 $((8 * MIB)) 11
    before=$(cleared "$1" 1)
    [ -z "$2" ] || echo "$2" >"/sys/block/${device#/dev/}/queue/scheduler"
    rvio holes "$device" 0 128 65536 4096 11 || fail "a discard failed, or hit something else"
    same "bytes discarded" "$(($(cleared "$1" 1) - before))" $((128 * 4096))
    for at in 0 7 127; do
        rvio zeros "$device" $((at * 65536)) 4096 || fail "hole $at is not discarded"
    done
    note "$1, scheduler ${2:-as it is}: up to $(host model "$1" ask most) ranges in a request"
}

# One file of discards, issued in one go under a plug: ext4's.
one_request() {
    need_module ext4
    mkfs.ext4 -q -F -E nodiscard "$(disk d0)"
    mount -t ext4 -o discard "$(disk d0)" /mnt
    # xaa, xab, ... of 40000 bytes, and every second one goes.
    head -c 1280000 /dev/urandom | (cd /mnt && split -b 40000)
    sync
    before=$(cleared d0 1)
    rm /mnt/x?[acegikmoqsuwy]
    sync
    umount /mnt
    [ "$(($(cleared d0 1) - before))" -ge $((16 * 36864)) ] || fail "$(($(cleared d0 1) - before)) bytes were discarded"
    most=$(host model d0 ask most)
    note "up to $most ranges in a request"
    [ "$most" -gt 1 ] || fail "no discard of several ranges"
    e2fsck -f -n "$(disk d0)"
}

wear() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C does not ask"
    reads "/sys/block/$(block d0)/pre_eol_info" 0x01
    reads "/sys/block/$(block d0)/life_time" "0x03 0x0b"
    for name in pre_eol_info life_time; do
        ! cat "/sys/block/$(block bare)/$name" 2>/run/why-not || fail "reserved values are shown in $name"
        grep -qi 'protocol' /run/why-not || fail "reserved values: $(cat /run/why-not)"
    done
}

no_complaints() {
    for name in d0 bare; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
    done
}

load_modules
check "the ring format" in_format
check "secure erase" erase d0
check "secure erase, without indirect tables" erase bare
check "many small discards" several d0 none
check "many small discards, mq-deadline" several d0 mq-deadline
check "many small discards, without indirect tables" several bare mq-deadline
check "discards of a file system" one_request
check "wear" wear
check "the devices do not complain" no_complaints
check "modules unload" unload_modules
