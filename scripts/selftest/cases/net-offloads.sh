# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: offloads on and off, over taps: NIC to NIC, and NIC to the host
# covers: VIRTIO_NET_F_CSUM VIRTIO_NET_F_GUEST_CSUM VIRTIO_NET_F_CTRL_GUEST_OFFLOADS
# covers: VIRTIO_NET_F_HOST_TSO4 VIRTIO_NET_F_HOST_TSO6 VIRTIO_NET_F_HOST_ECN
# covers: VIRTIO_NET_F_GUEST_TSO4 VIRTIO_NET_F_GUEST_TSO6 VIRTIO_NET_F_GUEST_ECN
# rings: packed packed-in-order
# debug: packed-in-order
# nic: a tap
# nic: b tap mrg_rxbuf=off
# legacy: always
# matrix: any
# timeout: 300

prepare() {
    net_up
    for bit in 0 1 7 8 11 12; do
        same "feature $bit of a" "$(feature a $bit)" 1
    done
    reach a "$(address b)"
    reach a "$(address host)"
    at a ethtool -k eth0 | grep -E '^(rx-checksumming|tx-checksumming|scatter-gather|tcp-segmentation-offload|generic-receive-offload|large-receive-offload|rx-gro-hw):' | tr '\n' ' ' >/run/said
    note "a: $(cat /run/said)"
    for what in tx-checksumming scatter-gather tcp-segmentation-offload rx-checksumming; do
        same "$what of a" "$(setting a $what)" on
    done
}
setting() { at "$1" ethtool -k eth0 | sed -n "s/^ *$2: \([a-z]*\).*/\1/p"; }

# per_frame COMMAND...: payload bytes for each frame that the host's tap of a saw from the guest.
per_frame() {
    _before=$(host tap a rx_packets)
    "$@"
    echo $((SOME / ($(host tap a rx_packets) - _before)))
}

tso_on() {
    bytes=$(per_frame stream a b tcp "$SOME" 1)
    note "TSO on: $bytes bytes a frame"
    [ "$bytes" -gt 2500 ] || fail "with TSO a frame carries $bytes bytes on average"
    bytes=$(per_frame to_host a tcp "$SOME" 2)
    note "TSO on, to the host: $bytes bytes a frame"
    [ "$bytes" -gt 2500 ] || fail "with TSO a frame carries $bytes bytes on average"
    export OVER=6
    bytes=$(per_frame stream a b tcp "$SOME" 3)
    [ "$bytes" -gt 2500 ] || fail "with TSO over IPv6 a frame carries $bytes bytes on average"
}
tso_off() {
    at a ethtool -K eth0 tso off gso off
    bytes=$(per_frame stream a b tcp "$SOME" 1)
    note "TSO and GSO off: $bytes bytes a frame"
    [ "$bytes" -le 1460 ] || fail "without TSO a frame carries $bytes bytes on average"
    at a ethtool -K eth0 tso off gso on
    stream a b tcp "$SOME" 4
    at a ethtool -K eth0 tso on gso on
}

from_the_host() {
    from_host a tcp "$SOME" 5
    from_host b tcp "$SOME" 6
    from_host a udp "$SOME" 7
    from_host b udp "$SOME" 8 size=60000
    to_host b udp "$SOME" 9 size=30000
    export OVER=6
    from_host b tcp "$SOME" 10
}

# Every combination is tried with a stream each way; the data have to be the same.
combinations() {
    seed=20
    for words in "tx off" "tx on tso on" "sg off" "tx on sg on tso on" "gro off" "gro on" "rx off" "rx on" "rx-gro-hw off" "rx-gro-hw on" \
        "gso off" "gso on tso on"; do
        for name in a b; do
            # shellcheck disable=SC2086  # words
            at $name ethtool -K eth0 $words >/run/said 2>&1 || { note "$words on $name: $(tail -n 1 /run/said)"; continue; }
        done
        stream a b tcp "$((SOME / 32))" $seed
        stream b a tcp "$((SOME / 32))" $((seed + 1))
        seed=$((seed + 2))
    done
    stream b a udp "$((SOME / 8))" $seed
}

received_sums() {
    errors=$(at a awk '/^Tcp: [0-9]/ { print $NF }' /proc/net/snmp)
    same "TCP checksum errors" "$errors" 0
}

jumbo() {
    ip -n a link set eth0 mtu 9000
    # Without mergeable buffers ours refuses; C has buffers of several pages.
    [ "$RV_DRIVER" = rvirtio ] || ip -n b link set eth0 mtu 9000
    host net ip link set br0 mtu 9000 >/dev/null
    pings a "$(address host)" 8972 8973 65507
    from_host a tcp "$SOME" 80
    from_host b tcp "$SOME" 81
    stream a b tcp "$SOME" 82
}

check "the device's offloads are in use" prepare
check "the ring format" in_format
check "TSO" tso_on
check "no TSO" tso_off
check "the host at the other end" from_the_host
check "settings changed" combinations
check "no wrong checksums" received_sums
check "MTU 9000 with offloads" jumbo
check "modules unload" unload_modules
check "nothing is left" no_traces
