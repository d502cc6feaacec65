# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: fewer interrupt vectors than queues
# driver: rvirtio
# nic: v6 tap queues=2 vectors=6
# nic: v5 tap queues=2 vectors=5
# nic: v4 tap queues=2 vectors=4
# nic: v3 tap queues=2 vectors=3
# nic: v2 tap queues=2 vectors=2
# legacy: named
# timeout: 120

# names NIC: what its vectors are called, in their order.
names() { grep -o "$(virtio "$1")-[a-z0-9.]*\$" /proc/interrupts | cut -d- -f2- | tr '\n' ' '; }

shared_out() {
    same "six vectors" "$(names v6)" "config input.0 output.0 input.1 output.1 control "
    same "five" "$(names v5)" "config input.0 output.0 input.1 virtqueues.output.1 "
    same "four" "$(names v4)" "config virtqueues.input.0 input.1 virtqueues.output.1 "
    same "three" "$(names v3)" "config virtqueues.input.0 virtqueues.input.1 "
    same "two" "$(names v2)" "config virtqueues "
    ! grep -i 'IO-APIC.*virtio' /proc/interrupts || fail "an INTx line is in use"
}

# Every queue's interrupts come, also where the vector is another's: data both ways, and a command.
works() {
    at "$1" ethtool -L eth0 combined 2
    stream "$1" "$2" tcp 8388608 3
    stream "$2" "$1" tcp 8388608 4
    ip -n "$1" link set eth0 promisc on
    ip -n "$1" link set eth0 promisc off
    reach "$1" "$(address "$2")"
}

# The configuration's vector is not lost among the queues'.
link_down_up() {
    for name in v5 v2; do
        host link "$name" off
        wait_for 10 no_carrier "$name" || fail "$name does not see its link go down"
        host link "$name" on
        wait_for 10 carrier "$name" || fail "$name does not see its link come up"
    done
}
no_carrier() { ! carrier "$1"; }

check "five NICs" net_up
check "how the vectors are shared out" shared_out
check "six and five vectors" works v6 v5
check "four and three vectors" works v4 v3
check "two vectors" works v2 v6
check "link down and up" link_down_up
check "modules unload" unload_modules
check "nothing is left" no_traces
