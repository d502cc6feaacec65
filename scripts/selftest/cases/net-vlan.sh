# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: VLANs, with the device filtering ids
# covers: VIRTIO_NET_F_CTRL_VLAN
# debug: none
# nic: a
# nic: b
# legacy: named
# matrix: any
# timeout: 300

# vlan NIC ID
vlan() {
    ip -n "$1" link add link eth0 name "v$2" type vlan id "$2"
    ip -n "$1" addr add "10.$(($2 / 256 + 1)).$(($2 % 256)).$(number "$1")/24" dev "v$2"
    ip -n "$1" link set "v$2" up
}
vlan_address() { echo "10.$(($2 / 256 + 1)).$(($2 % 256)).$(number "$1")"; }

prepare() {
    need_module 8021q
    net_up
    same "feature CTRL_VLAN" "$(feature a 19)" 1
    at a ethtool -k eth0 | grep 'rx-vlan-filter'
    at a ethtool -k eth0 | grep -q 'rx-vlan-filter: on' || fail "the driver does not filter VLANs"
}

# Ids at the edges, and of several words of the device's table.
added() {
    for id in 1 2 31 32 33 100 2048 4094; do
        vlan a $id
        vlan b $id
    done
    for id in 1 2 31 32 33 100 2048 4094; do
        reach a "$(vlan_address b $id)"
        pings b "$(vlan_address a $id)" 1 1400 1472 1473 8000
    done
}

data() {
    TO_ADDRESS=$(vlan_address b 100) stream a b tcp "$SOME" 1
    TO_ADDRESS=$(vlan_address a 4094) stream b a udp "$SOME" 2
}

# A frame of an id that b has not asked for stays in the device: b's own counter does not see it.
filtered() {
    ip -n b link del v33
    ip -n a neigh replace "$(vlan_address b 33)" lladdr "$(at b cat /sys/class/net/eth0/address)" dev v33
    before=$(counter b rx_packets)
    at a xfer flood "$(vlan_address b 33)" 4000 1 need=50 size=100
    usleep 200000
    grown=$(($(counter b rx_packets) - before))
    [ $grown -lt 25 ] || fail "b got $grown frames while 50 of a removed id were sent: the id is not filtered"
    # The others are.
    reach a "$(vlan_address b 32)"
}

back() {
    vlan b 33
    reach a "$(vlan_address b 33)"
}

# Down and up, and a driver bound anew: the ids are the stack's, and come back with it.
survives() {
    ip -n b link set eth0 down
    ip -n b link set eth0 up
    for id in 1 33 4094; do
        ip -n b link set "v$id" up
        reach a "$(vlan_address b $id)"
    done
}

promiscuous() {
    ip -n b link del v31
    ip -n b link set eth0 promisc on
    before=$(counter b rx_packets)
    ip -n a neigh replace "$(vlan_address b 31)" lladdr 52:54:00:ff:ff:01 dev v31
    at a xfer flood "$(vlan_address b 31)" 4000 1 need=50 size=100
    usleep 200000
    ip -n b link set eth0 promisc off
    note "b got $(($(counter b rx_packets) - before)) frames meant for others while promiscuous"
}

check "the driver filters ids" prepare
check "eight ids" added
check "data" data
check "an id that was removed" filtered
check "it comes back" back
check "down and up" survives
check "promiscuous" promiscuous
check "modules unload" unload_modules
