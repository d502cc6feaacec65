# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: MTU, ring, offloads and MAC changed under load; nothing is lost for good
# rings: packed-in-order
# nic: a
# nic: b
# nic: c tap queues=4
# nic: d tap queues=4
# timeout: 300

# A TCP stream that goes on meanwhile has to arrive whole. It rests now and then, so that it lasts.
stream_on() {
    : >/run/changes
    at "$2" xfer tcp-recv "$(address "$2")" 4100 "$SOME" 5 for=$XFER_LIMIT 2>/run/through.received 3>&- &
    (at "$1" xfer tcp-send "$(address "$2")" 4100 "$SOME" 5 for=$XFER_LIMIT random size=$((SOME / 256)) pace=200000 >/run/through.sent 2>&1 3>&-; echo "$?" >/run/through.status) &
    sleep 1
}
over() { [ -s /run/through.status ]; }
change() { over || echo "$*" >>/run/changes; }
stream_off() {
    wait_for $XFER_LIMIT over || fail "the stream does not end"
    same "the sender's status ($(cat /run/through.sent))" "$(cat /run/through.status)" 0
    wait_for 5 grep -q "received=$SOME" /run/through.received || fail "the receiver: $(cat /run/through.received)"
    note "$(wc -l </run/changes) changes while the stream went through"
    [ -s /run/changes ] || fail "the stream was over before anything changed"
    rm -f /run/through*
}

mtu() {
    load_on a b
    left=$(rounds 10)
    while [ $left -gt 0 ]; do
        for mtu in 9000 1500 4000 576; do
            ip -n a link set eth0 mtu $mtu
            usleep 20000
            ip -n b link set eth0 mtu $mtu
            usleep 20000
        done
        left=$((left - 1))
    done
    for name in a b; do ip -n $name link set eth0 mtu 1500; done
    reach a "$(address b)"
    sleep 1
    load_off a b
    stream a b tcp "$SOME" 1
}

mtu_stream() {
    stream_on a b
    for mtu in 9000 1500 3000 1500 9000 1500; do
        ip -n a link set eth0 mtu $mtu
        ip -n b link set eth0 mtu $mtu
        change "$mtu"
        usleep 100000
    done
    stream_off
}

queues() {
    load_on c d
    stream_on c d
    for count in 4 1 2 3 4 2 1 4; do
        at c ethtool -L eth0 combined $count
        at d ethtool -L eth0 combined $((5 - count))
        change "$count"
        usleep 100000
    done
    stream_off
    load_off c d
}

offloads() {
    load_on c d
    stream_on d c
    for words in "gro off" "tso off" "rx off" "rx-gro-hw off" "tx off" "tx on" "rx on" "gro on" "tso on" "rx-gro-hw on"; do
        for name in c d; do
            # shellcheck disable=SC2086  # words
            at $name ethtool -K eth0 $words >/dev/null 2>&1 || true
        done
        change "$words"
        usleep 50000
    done
    stream_off
    load_off c d
}

rings() {
    at a ethtool -g eth0 >/run/rings 2>&1 || { note "no ethtool -g"; return 0; }
    largest=$(sed -n 's/^RX:[ \t]*//p' /run/rings | head -n 1)
    note "largest receive ring: $largest"
    if ! at a ethtool -G eth0 rx 64 tx 64 >/run/said 2>&1; then
        # Only a device with VIRTIO_F_RING_RESET can do it.
        same "feature RING_RESET" "$(feature a 40)" 0
        skip "the device cannot change its rings: $(cat /run/said)"
    fi
    load_on a b
    for size in 128 "$largest" 64 "$largest"; do
        at a ethtool -G eth0 rx "$size" tx "$size" || fail "rings of $size are refused"
        usleep 100000
    done
    reach a "$(address b)"
    load_off a b
    stream a b tcp "$SOME" 8
    stream b a tcp "$SOME" 9
}

check "four NICs" net_up
check "they see each other" reach a 10.0.0.2
check "MTU under load" mtu
check "MTU under a TCP stream" mtu_stream
check "queues under a TCP stream and load" queues
check "offloads under a TCP stream and load" offloads
check "ring sizes under load" rings
check "modules unload" unload_modules
check "nothing is left" no_traces
