# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: ring sizes changed under load, over taps
# covers: VIRTIO_F_RING_RESET
# rings: packed-in-order
# debug: none
# nic: a tap queues=4 rx_queue_size=1024 tx_queue_size=256
# nic: b tap queues=4 port
# nic: fixed tap queue_reset=off
# timeout: 200

size() { at "$1" ethtool -g eth0 | sed -n "/Current/,\$s/^$2:[ \t]*//p"; }

can() {
    same "feature RING_RESET" "$(feature a 40)" 1
    at a ethtool -g eth0 >/run/rings
    note "rings of a: $(size a RX) and $(size a TX) entries"
    same "largest receive ring" "$(sed -n 's/^RX:[ \t]*//p' /run/rings | head -n 1)" 1024
}

# A size that is impossible changes nothing, and a device without RING_RESET says so.
refusals() {
    ! at a ethtool -G eth0 rx 2048 2>/run/said || fail "a ring larger than the device's was taken"
    ! at a ethtool -G eth0 rx 0 2>/run/said || fail "a ring of 0 was taken"
    # One half can be done and the other cannot: neither is.
    ! at a ethtool -G eth0 rx 512 tx 0 2>/run/said || fail "a ring of 0 was taken"
    same "receive ring" "$(size a RX)" 1024
    [ "$RV_DRIVER" = c ] || ! at a ethtool -G eth0 tx 2 2>/run/said || fail "a ring of 2 was taken"
    # Too short for the largest packet: the host would wait for buffers for ever.
    [ "$RV_DRIVER" = c ] || ! at a ethtool -G eth0 rx 16 2>/run/said || fail "a ring of 16 was taken"
    same "receive ring afterwards" "$(size a RX)" 1024
    [ "$RV_DRIVER" = c ] && return 0
    ! at fixed ethtool -G eth0 rx 64 2>/run/said || fail "a device without RING_RESET changed its ring"
    grep -qi 'not supported' /run/said || fail "said: $(cat /run/said)"
    reach fixed "$(address a)"
}

down() {
    ip -n b link set eth0 down
    at b ethtool -G eth0 rx 128 tx 64
    same "transmit ring" "$(size b TX)" 64
    ip -n b link set eth0 up
    reach b "$(address a)"
}

under_load() {
    load_on a b
    for rx in 64 1024 128 512 32 256; do
        at a ethtool -G eth0 rx "$rx" tx $((rx > 256 ? 256 : rx)) || fail "rings of $rx are refused"
        same "receive ring" "$(size a RX)" "$rx"
        usleep 200000
    done
    reach a "$(address b)"
    load_off a b
}

# Pairs that are not in use, here two of four, are not waited for: sending goes on, without a word of the watchdog.
unused() {
    watchdogs=$(dmesg | grep -c 'NETDEV WATCHDOG' || true)
    at a ethtool -G eth0 rx 512 tx 128
    ip -n b link set eth0 down
    [ "$RV_DRIVER" = c ] || echo 1 >"$PCI/devices/$(pci b)/reset"
    ip -n b link set eth0 up
    sleep 12
    same "lines of the watchdog" "$(dmesg | grep -c 'NETDEV WATCHDOG' || true)" "$watchdogs"
    reach a "$(address b)"
}

streams() {
    for size in 64 256; do
        at a ethtool -G eth0 rx $size tx $size
        stream a b tcp "$SOME" 8
        stream b a tcp "$SOME" 9
    done
}

check "three NICs" net_up
check "the ring format" in_format
check "rings can be changed" can
check "what is impossible is refused" refusals
check "while the interface is down" down
check "pairs that are not in use" unused
leaks_mark
check "under load" under_load
check "nothing is leaked" leaks_none 1500
check "streams afterwards" streams
check "modules unload" unload_modules
check "nothing is left" no_traces
