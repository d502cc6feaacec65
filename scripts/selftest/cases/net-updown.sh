# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: down and up, unbind and bind, 50 times each under load (12 on the debug kernel); modules 10 times (3)
# nic: a
# nic: b
# allow: NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out
# legacy: named
# matrix: any
# drill: 20
# timeout: 450

case $RV_KERNEL in
debug) CYCLES=$(rounds 12) FIRST=2 LOADS=3 ;;
*) CYCLES=$(rounds 50) FIRST=5 LOADS=10 ;;
esac

prepare() {
    net_up
    reach a "$(address b)"
    driver_of a >/run/driver
    load_on a b
}

# Time for packets to be in flight, more or less of it.
rest() { usleep $(($1 % 5 * 15000)); }

downs() {
    left=$1
    while [ "$left" -gt 0 ]; do
        ip -n a link set eth0 down
        rest "$left"
        ip -n a link set eth0 up
        # The address over IPv6 goes with down.
        rest $((left + 2))
        left=$((left - 1))
    done
}

cycle() {
    unbind "$(pci a)"
    ! ip -n a link show eth0 >/dev/null 2>&1 || fail "the NIC is still there after unbind"
    bind "$(pci a)" "$(cat /run/driver)"
    nic_in a
}
cycles() {
    left=$1
    while [ "$left" -gt 0 ]; do
        cycle
        rest "$left"
        left=$((left - 1))
    done
}

# Leaks are looked for while the NICs are down: a queue holds more or less memory as packets come.
at_rest() {
    load_off a b
    for name in a b; do ip -n $name link set eth0 down; done
    sync
    sleep 2
}
again() {
    for name in a b; do ip -n $name link set eth0 up; done
    ip -n a addr replace "$(address a)/24" dev eth0
    load_on a b
}

warm_up() {
    downs $FIRST
    cycles $FIRST
    at_rest
    handlers a >/run/handlers
    leaks_mark
    again
}

# Looked at in the middle, too.
by_pci() {
    cycles $((CYCLES / 2))
    at_rest
    leaks_half $((CYCLES / 2 + CYCLES / 5))
    again
    cycles $((CYCLES - CYCLES / 2))
}

by_virtio() {
    name=$(virtio a) left=$((CYCLES / 5))
    driver=$(readlink -f "/sys/bus/$BUS/devices/$name/driver")
    while [ "$left" -gt 0 ]; do
        echo "$name" >"$driver/unbind"
        reads "/sys/bus/$BUS/devices/$name/status" 0x00000001
        echo "$name" >"$driver/bind"
        nic_in a
        reads "/sys/bus/$BUS/devices/$name/status" $STATUS
        rest $left
        left=$((left - 1))
    done
}

nothing_leaked() {
    at_rest
    same "interrupts of a" "$(handlers a)" "$(cat /run/handlers)"
    # A ring's buffers are 1 MiB.
    leaks_none 4096
}

works() {
    again
    reach a "$(address b)"
    load_off a b
    stream a b tcp "$SOME" 1
    stream b a tcp "$SOME" 2
}

modules() {
    left=$LOADS
    while [ "$left" -gt 0 ]; do
        unload_modules
        no_traces
        load_modules
        for name in a b; do nic_in $name; done
        [ $((left % 2)) = 0 ] || at a ping -q -c 3 -i 0.01 -W 5 "$(address b)"
        left=$((left - 1))
    done
    reach a "$(address b)"
}

unload_under_load() {
    load_on a b
    sleep 1
    unload_modules
    no_traces
    for pid in $(sort -rn /run/load); do kill "$pid" 2>/dev/null || true; done
    wait_for 20 _ended || fail "the load does not end"
}

check "load" prepare
check "first cycles" warm_up
check "$CYCLES times down and up under load" downs $CYCLES
check "$CYCLES times unbind and bind of the PCI device under load" by_pci
check "$(((CYCLES + 4) / 5)) times unbind and bind of the virtio device under load" by_virtio
check "nothing leaked" nothing_leaked
check "both NICs work afterwards" works
check "modules $LOADS times" modules
check "modules unload under load" unload_under_load
