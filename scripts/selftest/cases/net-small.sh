# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: receive buffers that are not merged: data, fragments, and the largest MTU that they carry
# debug: none
# nic: a mrg_rxbuf=off
# nic: b mrg_rxbuf=off
# legacy: named
# timeout: 300

not_merged() {
    net_up
    same "feature MRG_RXBUF" "$(feature a 15)" 0
    reach a "$(address b)"
}

data() {
    pings a "$(address b)" 1 16 1400 1472 1473 3000 65507
    stream a b tcp "$SOME" 1
    stream b a udp "$SOME" 2
    stream b a udp "$SOME" 3 size=60000
}

# A frame that fits no buffer must not be lost silently: either the MTU is refused, or it works.
jumbo() {
    [ "$RV_DRIVER" != c ] || skip "the C driver takes an MTU of 9000, and frames of that size are lost without a word"
    refused=0
    for name in a b; do
        ip -n $name link set eth0 mtu 9000 2>/run/said || { refused=1; note "MTU 9000 on $name: $(cat /run/said)"; }
    done
    if [ $refused = 0 ]; then
        note "MTU 9000 is taken"
        pings a "$(address b)" 8972 8973 65507
        pings b "$(address a)" 8972 8973 65507
        stream a b tcp "$SOME" 4
    else
        pings a "$(address b)" 1472 65507
    fi
}

check "the devices merge no buffers" not_merged
check "data" data
check "MTU 9000 is refused or works" jumbo
check "modules unload" unload_modules
check "nothing is left" no_traces
