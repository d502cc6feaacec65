# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: what QEMU's disks do not have: discards of several ranges, secure erase, wear
# covers: VIRTIO_BLK_F_SECURE_ERASE VIRTIO_BLK_F_LIFETIME
# rings: packed
# model: d0 block size=64M ranges=8 alignment=8 lifetime=1:3:11
# model: bare block size=64M ranges=8 alignment=8 indirect=off lifetime=4:0:12
# debug: none
# timeout: 90

MIB=1048576

cleared() { host model "$1" ask cleared | cut -d' ' -f"$2"; }

erase() {
    # It takes an odd type for one that the device reads, and this one is 14.
    [ "$RV_DRIVER" = rvirtio ] || skip "C hands the ranges over as memory for the device to write"
    device=$(disk "$1")
    rvio fill "$device" 0 $((6 * MIB)) 5
    same "secure erase" "$(rvio try erase "$device" $((2 * MIB)) $((2 * MIB)))" ok
    same "bytes erased" "$(cleared "$1" 3)" $((2 * MIB))
    rvio check "$device" 0 $((2 * MIB)) 5 || fail "what lies before has changed"
    rvio zeros "$device" $((2 * MIB)) $((2 * MIB)) || fail "not all is erased"
    rvio check "$device" $((4 * MIB)) $((2 * MIB)) 5 || fail "what lies behind has changed"
    same "half a sector" "$(rvio try erase "$device" 256 256)" EINVAL
}

# Whatever the scheduler makes of them.
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

# One that begins beside the alignment is cut there, and goes as one request of two ranges.
one_request() {
    device=$(disk "$1")
    rvio fill "$device" $((16 * MIB)) $((3 * MIB)) 12
    before=$(cleared "$1" 1)
    same "discard" "$(rvio try discard "$device" $((17 * MIB + 512)) $MIB)" ok
    same "bytes discarded" "$(($(cleared "$1" 1) - before))" $MIB
    # C sends one after the other.
    [ "$RV_DRIVER" = c ] || same "the most ranges of a request" "$(host model "$1" ask most)" 2
    rvio check "$device" $((16 * MIB)) $((MIB + 512)) 12 || fail "what lies before has changed"
    rvio zeros "$device" $((17 * MIB + 512)) $MIB || fail "not all is discarded"
    rvio check "$device" $((18 * MIB + 512)) $((MIB - 512)) 12 || fail "what lies behind has changed"
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
check "many small discards, mq-deadline" several d0 mq-deadline
check "many small discards, without indirect tables" several bare mq-deadline
check "two ranges in a request" one_request d0
check "two ranges in a request, without indirect tables" one_request bare
check "wear" wear
check "the devices do not complain" no_complaints
check "modules unload" unload_modules
