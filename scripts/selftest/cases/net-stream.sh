# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: TCP and UDP both ways from NIC to NIC, 256 MiB each with sha256 (16 MiB on the debug kernel)
# debug: none
# nic: a
# nic: b
# legacy: named
# matrix: any
# timeout: 400

note "$((BULK >> 20)) MiB each"

both_ways_at_once() {
    for way in "a b 21" "b a 22"; do
        # shellcheck disable=SC2086  # words
        set -- $way
        at "$2" xfer tcp-recv "$(address "$2")" 50$3 "$SOME" "$3" for=$XFER_LIMIT 2>"/run/received.$2" 3>&- &
        at "$1" xfer tcp-send "$(address "$2")" 50$3 "$SOME" "$3" for=$XFER_LIMIT random >"/run/sent.$1" 2>&1 3>&- &
    done
    wait
    for name in a b; do
        grep -q "received=$SOME" "/run/received.$name" || fail "$name: $(cat /run/received.$name /run/sent.*)"
    done
}

check "two NICs in two namespaces" net_up
check "TCP from a to b" stream a b tcp "$BULK" 1
check "TCP from b to a" stream b a tcp "$SOME" 6
check "UDP from a to b, a frame each" stream a b udp "$SOME" 2
check "UDP from b to a, in fragments of 1500" stream b a udp "$SOME" 3 size=60000
for nic in a b; do ip -n $nic link set eth0 mtu 9000; done
check "MTU 9000: TCP from b to a" stream b a tcp "$BULK" 1
check "MTU 9000: UDP from a to b" stream a b udp "$BULK" 1 size=60000
check "MTU 9000: UDP from b to a" stream b a udp "$BULK" 1 size=60000
for nic in a b; do ip -n $nic link set eth0 mtu 1500; done
export OVER=6
check "IPv6: TCP" stream a b tcp "$SOME" 4 random
check "IPv6: UDP" stream b a udp "$SOME" 5
export OVER=4
check "TCP both ways at once" both_ways_at_once
check "modules unload" unload_modules
check "nothing is left" no_traces
