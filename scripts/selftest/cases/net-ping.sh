# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: ping of 1 to 65507 bytes over IPv4 and IPv6, from NIC to NIC
# debug: none
# nic: a
# nic: b
# legacy: named
# matrix: any
# timeout: 300

# Around the header, the frame, the fragments of 1480 bytes, pages, and the end.
SIZES="1 2 8 15 16 17 18 22 46 56 64 127 128 129 255 256 511 512 1023 1024 1452 1453 1471 1472 1473 1480 1499 1500 1501
    2047 2048 2951 2952 2953 3000 4095 4096 4097 8191 8192 16000 16383 16384 32768 40000 65000 65506 65507"

# shellcheck disable=SC2086  # the list is words
both_ways() {
    pings a "$(address b "$1")" $2
    pings b "$(address a "$1")" $2
}

many() {
    at a ping -q -f -c 500 -s 1000 "$(address b)" >/run/ping 2>&1 || fail "$(tail -n 3 /run/ping | tr '\n' ' ')"
    grep -q ' 0% packet loss' /run/ping || fail "$(grep loss /run/ping)"
}


check "two NICs in two namespaces" net_up
check "they see each other" reach a 10.0.0.2
check "IPv4" both_ways 4 "$SIZES"
check "IPv6" both_ways 6 "$SIZES 65527"
check "all nodes of the link" at a ping -q -c 2 -W 5 ff02::1%eth0
check "500 pings as fast as they go" many
check "modules unload" unload_modules
check "nothing is left" no_traces
