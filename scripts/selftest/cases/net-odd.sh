# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: devices with features missing, odd rings, few vectors
# debug: none
# nic: plain
# nic: noctrl ctrl_vq=off ctrl_rx=off ctrl_rx_extra=off ctrl_vlan=off ctrl_mac_addr=off ctrl_guest_offloads=off guest_announce=off
# nic: nocsum hub=1 csum=off guest_csum=off
# nic: noevent hub=1 event_idx=off
# nic: direct hub=2 indirect_desc=off
# nic: both hub=2 indirect_desc=off event_idx=off mrg_rxbuf=off
# nic: large hub=3 rx_queue_size=1024 tx_queue_size=256
# nic: trans hub=3 disable-legacy=off
# nic: novec hub=4 vectors=0
# nic: onevec hub=4 vectors=1
# nic: twovec hub=5 vectors=2
# nic: modern hub=5 disable-legacy=on
# timeout: 300

prepare() {
    net_up
    same "feature CTRL_VQ of noctrl" "$(feature noctrl 17)" 0
    same "feature CSUM of nocsum" "$(feature nocsum 0)" 0
    same "feature EVENT_IDX of noevent" "$(feature noevent 29)" 0
    same "feature INDIRECT_DESC of direct" "$(feature direct 28)" 0
    same "feature MRG_RXBUF of both" "$(feature both 15)" 0
    for name in $(nics); do
        same "feature VERSION_1 of $name" "$(feature $name 32)" 1
        carrier $name || fail "$name has no carrier"
    done
    at large ethtool -g eth0 | sed -n 's/^RX:[ \t]*//p' | tail -n 1 >/run/ring
    reads /run/ring 1024
}

# Numbers differ: the address says who is who.
pair() {
    reach "$1" "$(address "$2")"
    pings "$1" "$(address "$2")" 1 1472 1473 65507
    pings "$2" "$(address "$1")" 1 1472 1473 65507
    stream "$1" "$2" tcp "$((SOME / 4))" 1 random
    stream "$2" "$1" tcp "$((SOME / 4))" 2
    stream "$1" "$2" udp "$((SOME / 8))" 3
    stream "$2" "$1" udp "$((SOME / 8))" 4 size=30000
}

# Without a control queue the device cannot be asked for anything; the stack has to bear with that.
without_control() {
    ip -n noctrl link set eth0 promisc on
    ip -n noctrl link set eth0 promisc off
    ! at noctrl ethtool -L eth0 combined 2 || fail "two queues without a control queue"
    ip -n noctrl link set eth0 down
    ip -n noctrl link set eth0 up
    reach noctrl "$(address plain)"
}

rebound() {
    for name in novec both; do
        address=$(pci $name) driver=$(driver_of $name)
        for _ in 1 2 3; do
            unbind "$address"
            bind "$address" "$driver"
        done
        nic_in $name
    done
    reach novec "$(address onevec)"
    reach both "$(address direct)"
}

check "twelve NICs" prepare
check "no control queue" pair plain noctrl
check "what a control queue would do" without_control
check "no checksums; no event index" pair nocsum noevent
check "no indirect tables; nothing at all" pair direct both
check "a ring of 1024; a transitional device" pair large trans
check "INTx; one vector" pair novec onevec
check "two vectors; modern only" pair twovec modern
check "bound anew" rebound
check "modules unload" unload_modules
check "nothing is left" no_traces
