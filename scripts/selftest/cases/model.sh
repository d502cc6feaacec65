# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a block device that a program of ours plays, as a honest one
# rings: in-order packed packed-in-order
# debug: none
# model: d0 block
# model: plain block indirect=off event_idx=off queue_size=64
# needs: fio
# timeout: 60

verified() {
    device=$(disk "$1")
    rvio fill "$device" 0 16777216 5
    rvio check "$device" 0 16777216 5 || fail "data differ"
    short_verify "$device" 7 60
}

fio_verified() {
    fio --name=v --filename="$(disk d0)" --direct=1 --rw=randrw --bsrange=512-64k --iodepth=16 --ioengine=libaio \
        --verify=crc32c --verify_fatal=1 --size=16m --minimal >/run/fio.log 2>&1 || { tail -n 5 /run/fio.log; fail "fio has something to say"; }
}

host_has_it() {
    printf 'written by the guest' | dd of="$(disk d0)" bs=512 seek=5 conv=sync,fsync
    same "what the device has" "$(host model d0 ask peek 2560 20)" 7772697474656e20627920746865206775657374
}

no_complaints() {
    for name in d0 plain; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
        note "$name: $(host model $name ask requests) requests, $(host model $name ask notifications) notifications"
    done
}

load_modules
check "the ring format" in_format
check "data" verified d0
check "data, without event index and indirect tables" verified plain
check "fio verifies" fio_verified
check "the device has the data" host_has_it
check "the device does not complain" no_complaints
