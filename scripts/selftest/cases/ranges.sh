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
    note "$1, scheduler ${2:-as it is}: up to $(ranges_of "$1") ranges in a request"
}

# ranges_of NAME: the most ranges of a request since this was asked for last.
ranges_of() {
    host model "$1" ask most
    host model "$1" order forget most >&2
}

# Sixteen with one call, which do not adjoin: as many as the device takes go in one request.
together() {
    device=$(disk "$1")
    rvio fill "$device" 0 $((16 * MIB)) 13
    echo none >"/sys/block/${device#/dev/}/queue/scheduler"
    ranges_of "$1" >/run/most
    before=$(cleared "$1" 1)
    rvio batches "$device" 0 128 65536 8192 13 16 16 >/run/batches || fail "$(cat /run/batches)"
    same "bytes discarded" "$(($(cleared "$1" 1) - before))" $((128 * 8192))
    same "the most ranges of a request" "$(ranges_of "$1")" 8
}

# counted NAME: discards as the block layer counts them. seen NAME: requests that are no read, write or flush, as the device does.
counted() { awk '{ print $12 }' "/sys/block/$(block "$1")/stat"; }
seen() { host model "$1" ask served | cut -d' ' -f4; }

# With a read between them five and five are two requests, of which the scheduler makes one. That has more ranges than the device
# takes: what is over goes as another.
over() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C sends them all in one request"
    device=$(disk "$1")
    rvio fill "$device" 0 $((16 * MIB)) 14
    echo mq-deadline >"/sys/block/${device#/dev/}/queue/scheduler"
    ranges_of "$1" >/run/most
    before=$(cleared "$1" 1) counted=$(counted "$1") seen=$(seen "$1")
    rvio batches "$device" 0 40 65536 8192 14 10 5 >/run/batches || fail "$(cat /run/batches)"
    same "bytes discarded" "$(($(cleared "$1" 1) - before))" $((40 * 8192))
    same "the most ranges of a request" "$(ranges_of "$1")" 8
    counted=$(($(counted "$1") - counted)) seen=$(($(seen "$1") - seen))
    note "$counted discards of the block layer are $seen requests"
    [ $seen -gt $counted ] || fail "$counted discards are $seen requests: none had more ranges than the device takes"
}

# One that begins beside the alignment is cut there, and goes as one request of two ranges.
one_request() {
    device=$(disk "$1")
    rvio fill "$device" $((16 * MIB)) $((3 * MIB)) 12
    ranges_of "$1" >/run/most
    before=$(cleared "$1" 1)
    same "discard" "$(rvio try discard "$device" $((17 * MIB + 512)) $MIB)" ok
    same "bytes discarded" "$(($(cleared "$1" 1) - before))" $MIB
    # C sends one after the other.
    [ "$RV_DRIVER" = c ] || same "the most ranges of a request" "$(ranges_of "$1")" 2
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
check "discards at once, as many ranges as the device takes" together d0
check "the same without indirect tables" together bare
check "more ranges in a discard than the device takes" over d0
check "the same, each ring entry for itself" over bare
check "two ranges in a request" one_request d0
check "two ranges in a request, without indirect tables" one_request bare
check "wear" wear
check "the devices do not complain" no_complaints
check "modules unload" unload_modules
