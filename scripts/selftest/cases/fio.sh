# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: fio with crc32c verify, block sizes 512 to 1M, depths 1 to 64
# rings: in-order packed packed-in-order
# disk: d0 256M
# needs: fio
# legacy: always
# matrix: any
# timeout: 180
# memory: 1024

# sweep BLOCK BYTES ENGINE: at depths 1, 8 and 64, each on its own part of the disk, one after the other.
sweep() {
    device=$(disk d0)
    {
        printf '[global]\nfilename=%s\ndirect=1\nioengine=%s\nverify=crc32c\nverify_fatal=1\nbs=%s\nsize=%s\n' \
            "$device" "$3" "$1" "$2"
        printf 'verify_backlog=256\nrandrepeat=1\nthread=1\n'
        for depth in 1 8 64; do
            printf '[write-%s]\nrw=randwrite\niodepth=%s\noffset=%sm\nstonewall\n' "$depth" "$depth" "$((depth % 7 * 40))"
        done
        printf '[mixed]\nrw=randrw\niodepth=32\noffset=128m\nstonewall\n'
    } >/run/job
    fio --output=/run/fio.log /run/job || {
        grep -E 'verify|error|failed|err=' /run/fio.log | head -n 5
        fail "fio: $(grep -m 1 -E 'verify|error|err=' /run/fio.log)"
    }
    grep -q 'err= 0' /run/fio.log || fail "fio printed no result"
}

# Four jobs at once, each on its own region: more requests than the ring holds.
together() {
    fio --output=/run/fio.log --filename="$(disk d0)" --direct=1 --ioengine=io_uring --verify=crc32c --verify_fatal=1 \
        --thread --numjobs=4 --size=4M --offset_increment=32M --bsrange=512-128k --rw=randwrite --iodepth=64 --name=all ||
        fail "fio: $(grep -m 1 -E 'verify|error|err=' /run/fio.log)"
}

load_modules
check "the ring format" in_format
check "512 bytes" sweep 512 512k io_uring
check "4 KiB" sweep 4k 4M io_uring
check "4 KiB, libaio" sweep 4k 4M libaio
check "64 KiB" sweep 64k 12M io_uring
check "1 MiB" sweep 1m 16M io_uring
check "four jobs at depth 64, mixed sizes" together
