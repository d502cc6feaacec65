# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: MTU 9000 at both ends, other sizes, and the MTU that the device names
# covers: VIRTIO_NET_F_MTU VIRTIO_NET_F_MRG_RXBUF
# debug: none
# nic: a
# nic: b
# nic: c hub=1 host_mtu=1400
# nic: d hub=1 host_mtu=9000
# legacy: named
# timeout: 300

set_mtu() {
    for name in a b; do ip -n $name link set eth0 mtu "$1"; done
}

jumbo() {
    set_mtu 9000
    # Not fragmented: one frame.
    at a ping -q -c 3 -W 5 -M "do" -s 8972 "$(address b)" || fail "a frame of 9000 bytes does not arrive"
    ! at a ping -q -c 1 -W 1 -M "do" -s 8973 "$(address b)" || fail "a frame of 9001 bytes went through"
    pings b "$(address a)" 1 1472 1473 4068 4069 8191 8192 8972 8973 65507
}
data() {
    before=$(counter b rx_packets)
    stream a b tcp "$SOME" 1
    packets=$(($(counter b rx_packets) - before))
    note "$SOME bytes came in $packets frames"
    [ $((SOME / packets)) -gt 4000 ] || fail "$SOME bytes came in $packets frames: that is not MTU 9000"
    stream b a udp "$SOME" 2 size=8900
    stream b a udp "$SOME" 3 size=60000
}
sizes() {
    # IPv6 wants 1280 at least.
    for mtu in 1280 1500 1501 2048 4082 4096 4097 8192 65000; do
        set_mtu $mtu 2>/run/said || { note "MTU $mtu: $(cat /run/said)"; continue; }
        reads_mtu $mtu
        pings a "$(address b)" $((mtu - 28)) $((mtu - 27)) 16
        pings b "$(address a)" $((mtu - 28)) $((mtu - 27))
    done
    ! ip -n a link set eth0 mtu 67 2>/dev/null || fail "MTU 67 is taken"
    set_mtu 1500
}
reads_mtu() { same "MTU" "$(at a cat /sys/class/net/eth0/mtu)" "$1"; }

# The device's own largest MTU: the driver starts with it, and takes no larger one.
named() {
    same "feature MTU" "$(feature c 3)" 1
    same "MTU of c" "$(at c cat /sys/class/net/eth0/mtu)" 1400
    same "MTU of d" "$(at d cat /sys/class/net/eth0/mtu)" 9000
    ! ip -n c link set eth0 mtu 1401 2>/dev/null || fail "c takes an MTU of 1401"
    ip -n c link set eth0 mtu 1300
    ip -n c link set eth0 mtu 1400
    ip -n d link set eth0 mtu 1400
    reach c "$(address d)"
    stream c d tcp "$SOME" 5
    stream d c udp "$SOME" 6 size=1300
}

check "four NICs" net_up
check "they see each other" reach a 10.0.0.2
check "MTU 9000" jumbo
check "data at 9000" data
check "other sizes" sizes
check "the MTU that a device names" named
check "modules unload" unload_modules
