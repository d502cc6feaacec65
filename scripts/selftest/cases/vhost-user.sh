# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a device of another program: qemu-storage-daemon over vhost-user
# Of ring formats it knows split alone.
# disk: one 64M unmap vhost-user
# disk: two 64M unmap vhost-user=2
# disk: four 64M unmap vhost-user=4
# smp: 4
# needs: fio
# debug: none
# timeout: 120

MIB=1048576

offers() {
    # FLUSH, MQ, DISCARD, WRITE_ZEROES
    for bit in 9 13 14; do same "feature bit $bit" "$(feature one $bit)" 1; done
    for name in two four; do same "feature MQ of $name" "$(feature $name 12)" 1; done
    # One for each CPU, of which there are four.
    same "queues of four" "$(ls "/sys/block/$(block four)/mq" | wc -l)" 4
    same "queues of two" "$(ls "/sys/block/$(block two)/mq" | wc -l)" 2
}

verified() {
    fio --output=/run/fio.log --filename="$(disk "$1")" --direct=1 --ioengine=libaio --verify=crc32c --verify_fatal=1 \
        --thread --bsrange=512-64k --rw=randrw --iodepth=32 --size=2M --numjobs=4 --offset_increment=8M --verify_backlog=256 \
        --cpus_allowed=0-3 --cpus_allowed_policy=split --name="$1" ||
        fail "fio: $(grep -m 1 -E 'verify|error|err=' /run/fio.log)"
    grep -q 'err= 0' /run/fio.log || fail "fio printed no result"
    short_verify "$(disk "$1")" 3 60
}

gives_back() {
    device=$(disk "$1")
    rvio fill "$device" 0 $((24 * MIB)) 5
    before=$(host allocated "$1")
    same "discard" "$(rvio try discard "$device" $((8 * MIB)) $((4 * MIB)))" ok
    same "zeros without a place" "$(rvio try punch "$device" $((16 * MIB)) $((4 * MIB)))" ok
    same "zeros" "$(rvio try zero-range "$device" $((20 * MIB)) $((2 * MIB)))" ok
    freed=$((before - $(host allocated "$1")))
    [ $freed -ge $((8 * 1024 - 64)) ] || fail "the image gave back $freed KiB of 8 MiB"
    [ $freed -le $((10 * 1024 + 64)) ] || fail "the image gave back $freed KiB, more than 10 MiB"
    rvio zeros "$device" $((8 * MIB)) $((4 * MIB)) || fail "the discarded part is not zero"
    rvio zeros "$device" $((16 * MIB)) $((6 * MIB)) || fail "the zeroed part is not zero"
    for at in 0 12; do
        rvio check "$device" $((at * MIB)) $((4 * MIB)) 5 || fail "what lies beside has changed"
    done
    rvio check "$device" $((22 * MIB)) $((2 * MIB)) 5 || fail "what lies behind has changed"
    rvio holes "$device" 0 64 65536 4096 5 || fail "a discard failed, or hit something else"
}

# The device has none.
geometry() { same "geometry" "$(rvio geometry "$(disk one)")" "64 64 32 0"; }

anew() {
    address=$(pci one) driver=$(driver_of one)
    unbind "$address"
    bind "$address" "$driver"
    short_verify "$(disk one)" 9 30
}

load_modules
check "the ring format" in_format
check "what it offers" offers
for name in one two four; do
    check "fio verifies, $name" verified $name
    check "discard and zeroing, $name" gives_back $name
done
check "geometry" geometry
check "bound anew" anew
check "modules unload" unload_modules
