# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: the host has an interface announced, as after a migration
# covers: VIRTIO_NET_F_GUEST_ANNOUNCE
# nic: a
# nic: b
# debug: none
# timeout: 60

STATUS=6
ANNOUNCE=2

prepare() {
    net_up
    same "feature GUEST_ANNOUNCE of a" "$(feature a 21)" 1
    at b sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_accept'
}

# Of b's own accord: nobody has asked it where a is.
knows() { ip -n b neigh show "$(address a)" dev eth0 | grep -q "lladdr $mac"; }
forgets() {
    ip -n b neigh flush dev eth0
    ! knows || fail "b has not forgotten where a is"
}
# One round, for an announcement each; QEMU's own packet for who does not do that is of no use to b.
asked() { host qmp '{"execute": "announce-self", "arguments": {"initial": 50, "max": 50, "rounds": 1, "step": 10}}' >/dev/null; }
acknowledged() { [ $(($(host config a $STATUS) & ANNOUNCE)) = 0 ]; }

announced() {
    mac=$(at a cat /sys/class/net/eth0/address)
    for _ in 1 2 3; do
        forgets
        asked
        wait_for 10 knows || fail "b was not told where a is"
        wait_for 10 acknowledged || fail "the host was not told that it is done"
    done
    reach a "$(address b)"
}

# Nothing can be sent then, and the host is not to wait for it. With C's driver it waits until the interface is up.
while_down() {
    ip -n a link set eth0 down
    forgets
    asked
    [ "$RV_DRIVER" = c ] || wait_for 10 acknowledged || fail "the host was not told that it is done"
    ! knows || fail "an interface that is down was announced"
    ip -n a link set eth0 up
    wait_for 10 acknowledged || fail "the host was not told that it is done when the interface is up"
    reach a "$(address b)"
}

under_load() {
    load_on a b
    for _ in 1 2 3 4 5; do
        asked
        usleep 300000
    done
    wait_for 10 acknowledged || fail "the host was not told that it is done"
    load_off a b
}

check "two NICs" prepare
check "announced" announced
check "down" while_down
check "under load" under_load
check "modules unload" unload_modules
