# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: rings of 4 to 1024 descriptors
# rings: in-order packed packed-in-order
# disk: q4 64M queue-size=4
# disk: q8 64M queue-size=8
# disk: q16 64M queue-size=16
# disk: q128 64M queue-size=128
# disk: q256 64M queue-size=256
# disk: q1024 64M queue-size=1024
# disk: plain4 64M queue-size=4 indirect_desc=off
# disk: plain16 64M queue-size=16 indirect_desc=off
# disk: plain1024 64M queue-size=1024 indirect_desc=off event_idx=off
# disk: one8 64M queue-size=8 seg-max-adjust=off indirect_desc=off
# legacy: named
# debug: none
# timeout: 120

# QEMU refuses a queue of 2 descriptors ("must be greater than 2"), so 4 is the smallest it can offer.
verify() {
    device=$(disk "$1")
    short_verify "$device" "$2" 60
    rvio vector "$device" "$2" 512 || fail "256 segments: data differ"
}

# Several writers at once on the smallest rings: they have to wait for room and go on.
crowd() {
    device=$(disk "$1")
    hammer "$device" 2 3>&- &
    wait_for 40 sh -c "! kill -0 $! 2>/dev/null" || fail "I/O on a ring of 4 descriptors does not go on"
    short_verify "$device" 99 30
}

# Header and status take two; and in this format one descriptor is kept back.
segments() {
    taken=2
    [ "$RV_DRIVER-$RV_RING" != rvirtio-packed-in-order ] || taken=3
    reads "/sys/block/$(block q256)/queue/max_segments" $((256 - taken))
    reads "/sys/block/$(block q16)/queue/max_segments" $((16 - taken))
    got=$(cat "/sys/block/$(block plain4)/queue/max_segments")
    [ "$got" -le 2 ] || fail "4 descriptors without indirect tables cannot carry $got segments"
    got=$(cat "/sys/block/$(block one8)/queue/max_segments")
    note "seg_max not adjusted to 8 descriptors: $got segments"
}

load_modules
check "the ring format" in_format
seed=1
for name in q4 q8 q16 q128 q256 q1024 plain4 plain16 plain1024; do
    check "$name" verify $name $seed
    seed=$((seed + 1))
done
check "many writers, 4 descriptors" crowd q4
check "many writers, 4 descriptors, no indirect tables" crowd plain4
check "segments fit the ring" segments
