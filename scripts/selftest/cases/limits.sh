# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: what a device says of its limits changes while its disk is in use
# driver: rvirtio
# model: d0 block size=64M ranges=8 alignment=8
# debug: none
# timeout: 90
# The request that is lost.
# allow: I/O error, dev vda, sector

MIB=1048576

is() { [ "$(cat "$1")" = "$2" ]; }

# follows FIELD SIZE VALUE FILE WANTED: the device changes a field of its configuration, and a file of the queue follows.
follows() {
    host model d0 order config "$1" "$2" "$3"
    wait_for 15 is "$queue/$4" "$5" || fail "$4 is $(cat "$queue/$4"), not $5"
}

# holds: the same, and from then on the device finds fault with what does not keep to it: until it is written once more,
# what was right before is right.
holds() {
    follows "$@"
    host model d0 order config "$1" "$2" "$3"
}

prepare() {
    modprobe "$BLK_MODULE" io_timeout=6
    load_modules
    same "name" "$(block d0)" vda
    reads $queue/physical_block_size 512
    reads $queue/discard_granularity 4096
    rvio fill /dev/vda $((32 * MIB)) $((16 * MIB)) 5
}

topology() {
    follows 24 1 3 physical_block_size 4096
    follows 26 2 16 minimum_io_size 8192
    follows 28 4 64 optimal_io_size 32768
    host model d0 order config 25 1 1
    wait_for 15 is /sys/block/vda/alignment_offset 512 || fail "the alignment is $(cat /sys/block/vda/alignment_offset)"
    # One that makes no sense is none.
    follows 24 1 40 physical_block_size 512
    reads $queue/optimal_io_size 0
    follows 24 1 0 optimal_io_size 32768
}

erasing() {
    for _ in 1 2; do host model d0 order config 60 4 4100; done
    holds 36 4 2048 discard_max_hw_bytes $MIB
    follows 44 4 16 discard_granularity 8192
    holds 48 4 4096 write_zeroes_max_bytes $((2 * MIB))
    follows 56 1 1 write_zeroes_unmap_max_hw_bytes $((2 * MIB))
    follows 56 1 0 write_zeroes_unmap_max_hw_bytes 0
    # Four of the most that the device takes: it looks at that.
    same "cleared before" "$(host model d0 ask cleared)" "0 0 0"
    same "discard" "$(rvio try discard /dev/vda 0 $((4 * MIB)))" ok
    same "zeros" "$(rvio try zero /dev/vda 0 $((8 * MIB)))" ok
    # In whole pieces of eight sectors, though 4100 may be erased at once.
    same "erase" "$(rvio try erase /dev/vda 0 $((4 * MIB)))" ok
    same "cleared" "$(host model d0 ask cleared)" "$((4 * MIB)) $((8 * MIB)) $((4 * MIB))"
    no_complaints
    # Requests are sent with up to eight ranges.
    holds 40 4 7 discard_max_hw_bytes 0
    same "discard" "$(rvio try discard /dev/vda 0 $MIB)" EOPNOTSUPP
    holds 40 4 9 discard_max_hw_bytes $MIB
    same "discard" "$(rvio try discard /dev/vda 0 $MIB)" ok
    # No limit.
    follows 48 4 0 write_zeroes_max_bytes 2199023255040
}

under_io() {
    for turn in 1 2 3; do
        rvio odd /dev/vda $turn 100 512 >/run/odd 2>&1 3>&- &
        writer=$!
        for exp in 1 2 3 0; do follows 24 1 $exp physical_block_size $((512 << exp)); done
        wait $writer || fail "data differ while limits change: $(cat /run/odd)"
    done
}

# Requests are made for these, and so is the page cache.
stays() {
    host model d0 order config 20 4 4096
    host model d0 order config 12 4 1
    host model d0 order config 8 4 512
    # Behind the others, so when it is followed they have been looked at.
    follows 28 4 128 optimal_io_size 65536
    reads $queue/logical_block_size 512
    reads $queue/max_segments 126
    host model d0 order config 20 4 512
    host model d0 order config 12 4 126
    host model d0 order config 8 4 4194304
    rvio check /dev/vda $((32 * MIB)) $((16 * MIB)) 5 || fail "data have changed"
}

# One line of the log for each change, and none where nothing has changed.
said() {
    before=$(dmesg | grep -c '\[vda\] new limits')
    [ "$before" -gt 10 ] || fail "the log has $before lines about new limits"
    host model d0 order config 28 4 128
    follows 24 1 1 physical_block_size 1024
    same "lines about new limits" "$(dmesg | grep -c '\[vda\] new limits')" $((before + 1))
}

# A device that changes its size all the time is followed 32 times at once and twice a second, and in the end. Each time leaves a line of
# ours and one of the block layer.
flood() {
    lines=$(dmesg | wc -l)
    begun=$(uptime_seconds)
    for turn in $(seq 1 150); do host model d0 order config 0 8 $((131072 - turn % 7 * 8)) >/dev/null; done
    host model d0 order config 0 8 131064 >/dev/null
    wait_for 10 is /sys/block/vda/size 131064 || fail "the size is $(cat /sys/block/vda/size) in the end"
    took=$(($(uptime_seconds) - begun + 1))
    lines=$(($(dmesg | wc -l) - lines))
    note "150 changes in $took s: $lines lines"
    [ $lines -ge 4 ] || fail "150 changes left $lines lines"
    [ $lines -le $((2 * (32 + 2 * took))) ] || fail "150 changes in $took s left $lines lines"
}

# Limits wait for a request that is lost, which has a long time since it erases; who takes the driver away does not wait for that.
taken_away() {
    address=$(pci d0)
    host model d0 order lose discard 1
    (rvio try discard /dev/vda 0 $MIB >/run/lost 2>&1) 3>&- &
    usleep 300000
    host model d0 order config 24 1 2
    sleep 1
    (unbind "$address") 3>&- &
    wait_for 12 test ! -e /sys/block/vda || fail "the driver does not leave"
    wait $!
    wait_for 10 grep -q . /run/lost
    same "the discard" "$(cat /run/lost)" EIO
}

no_complaints() { same "what the device complains about" "$(host model d0 ask complaints)" ""; }

queue=/sys/block/vda/queue
check "prepare" prepare
check "topology" topology
check "the commands that erase" erasing
check "under I/O" under_io
check "what is not followed" stays
check "what is said" said
check "changes all the time" flood
check "the device does not complain" no_complaints
check "taken away while limits wait" taken_away
check "modules unload" unload_modules
