# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: 1, 2 and 4 queue pairs on taps, their number changed under load
# covers: VIRTIO_NET_F_MQ
# nic: a tap queues=4
# nic: b tap queues=2
# nic: c tap queues=4 mq=off vectors=3
# legacy: named
# debug: none
# timeout: 300

prepare() {
    net_up
    same "feature MQ of a" "$(feature a 22)" 1
    same "feature MQ of c" "$(feature c 22)" 0
    same "largest number of a" "$(largest a)" 4
    same "largest number of b" "$(largest b)" 2
    same "largest number of c" "$(largest c)" 1
    for number in 0 1 2 3; do
        grep -q "$(virtio a)-input.$number\$" /proc/interrupts || fail "no interrupt $(virtio a)-input.$number"
        grep -q "$(virtio a)-output.$number\$" /proc/interrupts || fail "no interrupt $(virtio a)-output.$number"
    done
    reach a "$(address b)"
    reach a "$(address c)"
}

largest() { at "$1" ethtool -l eth0 | sed -n 's/^Combined:[ \t]*//p' | head -n 1; }
now() { at "$1" ethtool -l eth0 | sed -n 's/^Combined:[ \t]*//p' | tail -n 1; }
set_queues() { at "$1" ethtool -L eth0 combined "$2" || fail "$2 queues on $1 are refused"; }

BYTES=$((SOME / 8))
# many_flows FROM TO FLOWS: each of its own port, one after another and from both CPUs.
many_flows() {
    _pids='' _flow=0
    while [ $_flow -lt "$3" ]; do
        at "$2" xfer tcp-recv "$(address "$2")" $((7000 + _flow)) $BYTES $_flow for=$XFER_LIMIT 2>"/run/flow.$_flow" 3>&- &
        # shellcheck disable=SC2046  # words
        taskset $((_flow % 2 + 1)) $(enter "$1") xfer tcp-send "$(address "$2")" $((7000 + _flow)) $BYTES $_flow for=$XFER_LIMIT >"/run/flows.$_flow" 2>&1 3>&- &
        _flow=$((_flow + 1))
    done
    wait
    same "flows that arrived" "$(grep -l "received=$BYTES" /run/flow.* | wc -l)" "$3"
    rm -f /run/flow.* /run/flows.*
}

# used NIC COUNT: which of its receive queues got packets while many flows came.
used() {
    set_queues "$1" "$2"
    same "queues of $1" "$(now "$1")" "$2"
    for number in 0 1 2 3; do interrupts "$1" "input.$number" >/run/before.$number; done
    for number in 0 1 2 3; do interrupts "$1" "output.$number" >/run/before-out.$number; done
    many_flows b "$1" 12
    many_flows "$1" b 4
    number=0 said=
    while [ $number -lt 4 ]; do
        fired=$(($(interrupts "$1" "input.$number") - $(cat /run/before.$number)))
        said="$said input.$number $fired, output.$number $(($(interrupts "$1" "output.$number") - $(cat /run/before-out.$number)));"
        if [ $number -ge "$2" ]; then
            [ $fired -le 2 ] || fail "queue $number is not in use, and input.$number fired $fired times"
        fi
        number=$((number + 1))
    done
    note "$2 queues, interrupts:$said"
    used_queues=0
    for number in 0 1 2 3; do [ "$(interrupts "$1" "input.$number")" -le "$(cat /run/before.$number)" ] || used_queues=$((used_queues + 1)); done
    # QEMU's tap spreads flows by their hash: of 12 flows some fall on more than one queue.
    [ "$2" = 1 ] || [ $used_queues -ge 2 ] || fail "of $2 receive queues $used_queues was used"
}

refused() {
    for count in 0 5 100; do
        ! at a ethtool -L eth0 combined $count || fail "$count queues are taken"
    done
    ! at c ethtool -L eth0 combined 2 || fail "two queues on a device of one are taken"
    ! at a ethtool -L eth0 rx 1 tx 2 || fail "different numbers of rx and tx queues are taken"
}

under_load() {
    load_on a b
    left=$(rounds 8)
    while [ $left -gt 0 ]; do
        for count in 1 4 2 3; do
            set_queues a $count
            set_queues b $((count % 2 + 1))
            usleep 50000
        done
        left=$((left - 1))
    done
    reach a "$(address b)"
    sleep 1
    load_off a b
}

after_rebind() {
    set_queues a 3
    address=$(pci a) driver=$(driver_of a)
    unbind "$address"
    bind "$address" "$driver"
    nic_in a
    same "largest number of a" "$(largest a)" 4
    reach a "$(address b)"
    set_queues a 4
    many_flows b a 8
}

check "numbers" prepare
check "one queue" used a 1
check "two queues" used a 2
check "four queues" used a 4
check "numbers that cannot be" refused
check "a device without several queues" many_flows a c 3
check "the number changes under load" under_load
check "bound anew" after_rebind
check "modules unload" unload_modules
check "nothing is left" no_traces
