# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: fewer interrupt vectors than queues; CPUs that come and go
# driver: rvirtio
# nic: v6 tap queues=2 vectors=6
# nic: v5 tap queues=2 vectors=5
# nic: v4 tap queues=2 vectors=4
# nic: v3 tap queues=2 vectors=3
# nic: v2 tap queues=2 vectors=2
# legacy: named
# timeout: 300

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

# xps NIC QUEUE: the CPUs that send on it, as a mask. goes_to NIC VECTOR: the CPUs that its interrupt may go to, as a list.
xps() { echo $((0x$(at "$1" cat "/sys/class/net/eth0/queues/tx-$2/xps_cpus"))); }
goes_to() { cat "/proc/irq/$(sed -n "s/^ *\([0-9]*\):.*$(virtio "$1")-$2\$/\1/p" /proc/interrupts)/smp_affinity_list"; }
shared_by_two() { [ "$(xps v6 0) $(xps v6 1) $(goes_to v6 input.1) $(goes_to v6 output.1)" = "1 2 1 1" ]; }
left_to_one() { [ "$(xps v6 0) $(xps v6 1) $(goes_to v6 output.1)" = "1 0 0" ]; }
how() { echo "queues $(xps v6 0) $(xps v6 1), interrupts $(goes_to v6 input.1) $(goes_to v6 output.1)"; }

# With one CPU all is sent on its queue; when the other one is back, so is what was its own.
cpus() {
    cpu=/sys/devices/system/cpu/cpu1/online
    at v6 ethtool -L eth0 combined 2
    wait_for 10 shared_by_two || fail "with two CPUs: $(how)"
    for _ in 1 2 3; do
        echo 0 >$cpu
        wait_for 10 left_to_one || fail "with one CPU: $(how)"
        echo 1 >$cpu
        wait_for 10 shared_by_two || fail "with two CPUs again: $(how)"
    done
    reach v6 "$(address v5)"
    echo 0 >$cpu
    unbind "$(pci v4)"
    echo 1 >$cpu
    wait_for 10 shared_by_two || fail "with another NIC unbound: $(how)"
    stream v6 v5 tcp 1048576 5
}

check "five NICs" net_up
check "how the vectors are shared out" shared_out
check "six and five vectors" works v6 v5
check "four and three vectors" works v4 v3
check "two vectors" works v2 v6
check "link down and up" link_down_up
check "CPUs come and go" cpus
check "modules unload" unload_modules
check "nothing is left" no_traces
