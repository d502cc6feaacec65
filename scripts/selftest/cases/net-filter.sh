# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: MAC address, unicast and multicast lists, promiscuous and allmulti
# covers: VIRTIO_NET_F_MAC VIRTIO_NET_F_CTRL_VQ VIRTIO_NET_F_CTRL_RX VIRTIO_NET_F_CTRL_MAC_ADDR
# nic: a
# nic: b mac=52:54:00:0a:0b:0c
# legacy: named
# matrix: any
# timeout: 300

STRANGER=52:54:00:ff:ff:01

# sent_to MAC: how many of 40 frames to that MAC b's driver got; others are few.
sent_to() {
    ip -n a neigh replace 10.0.0.77 lladdr "$1" dev eth0 nud permanent
    _before=$(counter b rx_packets)
    at a xfer flood 10.0.0.77 4000 1 need=40 size=100 >/dev/null
    usleep 200000
    echo $(($(counter b rx_packets) - _before))
}
gets() { _got=$(sent_to "$1"); [ "$_got" -ge 40 ] || fail "$2: b got $_got of 40 frames to $1"; }
gets_not() { _got=$(sent_to "$1"); [ "$_got" -lt 20 ] || fail "$2: b got $_got of 40 frames to $1"; }

own() {
    net_up
    same "MAC of b" "$(at b cat /sys/class/net/eth0/address)" 52:54:00:0a:0b:0c
    reach a "$(address b)"
    gets 52:54:00:0a:0b:0c "its own MAC"
    gets_not $STRANGER "somebody else's MAC"
}

promiscuous() {
    ip -n b link set eth0 promisc on
    gets $STRANGER "promiscuous"
    ip -n b link set eth0 promisc off
    gets_not $STRANGER "no longer promiscuous"
}

changed() {
    ip -n b link set eth0 address 52:54:00:aa:00:01
    gets 52:54:00:aa:00:01 "the new MAC"
    gets_not 52:54:00:0a:0b:0c "the MAC that b had"
    ip -n a neigh flush dev eth0
    reach a "$(address b)"
    ! ip -n b link set eth0 address 01:00:5e:00:00:01 2>/dev/null || fail "a multicast address is taken for a MAC"
    # It holds over down and up.
    ip -n b link set eth0 down
    ip -n b link set eth0 address 52:54:00:aa:00:02
    ip -n b link set eth0 up
    gets 52:54:00:aa:00:02 "the MAC set while down"
    reach a "$(address b)"
}

second() {
    need_module macvlan
    ip -n b link add link eth0 name second address 52:54:00:bb:00:01 type macvlan mode bridge
    ip -n b link set second up
    gets 52:54:00:bb:00:01 "a second MAC"
    ip -n b link del second
    gets_not 52:54:00:bb:00:01 "the second MAC, removed"
}

# fdb add|del: 100 addresses, as commands.
fdb() { seq 100 | while read -r _number; do printf "fdb $1 52:54:00:cc:00:%02x dev eth0 self\n" "$_number"; done; }

# More than a device keeps (QEMU: 64): then it has to pass everything, and nothing is lost.
overflow() {
    fdb add >/run/batch
    at b bridge -batch /run/batch 2>/run/said || fail "100 addresses: $(cat /run/said)"
    gets 52:54:00:cc:00:01 "one of 100 MACs"
    gets 52:54:00:cc:00:64 "another of 100 MACs"
    fdb del >/run/batch
    at b bridge -batch /run/batch 2>/run/said || fail "100 addresses removed: $(cat /run/said)"
    gets_not 52:54:00:cc:00:01 "one of 100 MACs that were removed"
    reach a "$(address b)"
}

# group ADDRESS MAC ADDRESS_OF_ROUTE: joined, its datagrams come; left, its frames stay in the device.
group() {
    at b xfer sink "$1" 4500 3 dev=eth0 for=20 need=50 >/run/sink 2>&1 &
    sleep 1
    at a xfer flood "$1" 4500 3 dev=eth0 for=3 size=1000 pace=20000 >/run/flood
    wait $! || fail "of a group that b joined came: $(cat /run/sink); sent: $(cat /run/flood)"
    sleep 1
    before=$(counter b rx_packets)
    at a xfer flood "$1" 4500 3 dev=eth0 for=1 size=1000 pace=20000 >/run/flood
    grown=$(($(counter b rx_packets) - before))
    sent=$(sed 's/sent=\([0-9]*\).*/\1/' /run/flood)
    [ "$sent" -ge 20 ] || fail "only $sent datagrams were sent"
    [ $((grown * 2)) -lt "$sent" ] || fail "b got $grown of $sent frames of a group that it left"
    ip -n b link set eth0 allmulticast on
    before=$(counter b rx_packets)
    at a xfer flood "$1" 4500 3 dev=eth0 for=1 size=1000 pace=20000 >/run/flood
    grown=$(($(counter b rx_packets) - before))
    sent=$(sed 's/sent=\([0-9]*\).*/\1/' /run/flood)
    ip -n b link set eth0 allmulticast off
    [ $((grown * 2)) -ge "$sent" ] || fail "allmulti: b got $grown of $sent frames"
}

check "the device passes the driver's own MAC only" own
check "promiscuous on and off" promiscuous
check "another MAC" changed
check "a second MAC" second
check "more MACs than the device keeps" overflow
check "a multicast group, joined, left, and allmulti" group 239.1.2.3
check "an IPv6 group" group ff15::1234
check "modules unload" unload_modules
check "nothing is left" no_traces
