# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: the link goes down and up at the host
# covers: VIRTIO_NET_F_STATUS
# nic: a
# nic: b
# nic: c hub=1 ctrl_vq=off ctrl_rx=off ctrl_rx_extra=off ctrl_vlan=off ctrl_mac_addr=off ctrl_guest_offloads=off guest_announce=off
# nic: d hub=1 status=off
# allow: NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out
# legacy: named
# matrix: any
# timeout: 300

prepare() {
    net_up
    same "feature STATUS of a" "$(feature a 16)" 1
    carrier a || fail "a has no carrier"
    carrier d || fail "d, whose device says nothing of the link, has no carrier"
    reach a "$(address b)"
    reach c "$(address d)"
}

down() {
    host link a off
    wait_for 10 no_carrier a || fail "a has a carrier although its link is down"
    same "operstate" "$(at a cat /sys/class/net/eth0/operstate)" down
    ! at a ping -q -c 1 -W 1 "$(address b)" || fail "traffic over a link that is down"
}

up() {
    host link a on
    wait_for 10 carrier a || fail "a has no carrier although its link is up"
    reach a "$(address b)"
    stream b a tcp "$SOME" 1
}

# While nobody looks: the driver has to ask when it is opened.
while_down() {
    ip -n a link set eth0 down
    host link a off
    ip -n a link set eth0 up
    wait_for 10 no_carrier a || fail "a has a carrier although its link went down while it was down"
    ip -n a link set eth0 down
    host link a on
    ip -n a link set eth0 up
    wait_for 10 carrier a || fail "a has no carrier although its link came back while it was down"
    reach a "$(address b)"
}

flapping() {
    load_on a b
    left=20
    while [ $left -gt 0 ]; do
        host link a off >/dev/null
        usleep $((left % 4 * 30000))
        host link a on >/dev/null
        usleep $((left % 3 * 50000))
        left=$((left - 1))
    done
    wait_for 10 carrier a || fail "no carrier after 20 times"
    reach a "$(address b)"
    sleep 1
    load_off a b
}

at_probe() {
    host link b off
    address=$(pci b) driver=$(driver_of b)
    unbind "$address"
    bind "$address" "$driver"
    nic_in b
    wait_for 10 no_carrier b || fail "b, bound while its link is down, has a carrier"
    host link b on
    wait_for 10 carrier b || fail "b has no carrier although its link is up"
    reach a "$(address b)"
}

check "carrier" prepare
check "link down" down
check "link up" up
check "it changes while the NIC is down" while_down
check "20 times under load" flapping
check "down while the driver binds" at_probe
check "modules unload" unload_modules
