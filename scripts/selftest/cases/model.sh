# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a block device that a program of ours plays, as a honest one
# rings: in-order packed packed-in-order
# debug: none
# model: d0 block
# model: plain block indirect=off event_idx=off queue_size=64
# model: small block size_max=8192 seg_max=4
# covers: VIRTIO_BLK_F_SIZE_MAX VIRTIO_BLK_F_SEG_MAX
# needs: fio
# timeout: 90

verified() {
    device=$(disk "$1")
    rvio fill "$device" 0 16777216 5
    rvio check "$device" 0 16777216 5 || fail "data differ"
    short_verify "$device" 7 60
}

# What the device allows is kept to, and made use of: it complains of more.
small() {
    queue=/sys/block/$(block small)/queue
    reads "$queue/max_segments" 4
    reads "$queue/max_segment_size" 8192
    rvio fill "$(disk small)" 0 4194304 5
    rvio check "$(disk small)" 0 4194304 5 || fail "data differ"
    rvio vector "$(disk small)" 8 512 || fail "256 segments: data differ"
    widest=$(host model small ask widest)
    note "at most $widest segments and bytes of one"
    same "the most segments" "${widest% *}" 4
    # A page at least; more where pages happen to lie beside each other.
    [ "${widest#* }" -ge 4096 ] || fail "no segment has more than ${widest#* } bytes"
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
    for name in d0 plain small; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
        note "$name: $(host model $name ask requests) requests, $(host model $name ask notifications) notifications"
    done
}

load_modules
check "the ring format" in_format
check "data" verified d0
check "data, without event index and indirect tables" verified plain
check "data, few and short segments" small
check "fio verifies" fio_verified
check "the device has the data" host_has_it
check "the device does not complain" no_complaints
