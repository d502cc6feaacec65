# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a NIC that a program of ours plays, reset while it sends
# driver: rvirtio
# debug: none
# model: a net
# timeout: 300

prepare() {
    need_module 8021q
    net_up
    reach a "$(address host)"
}

# flood_on, flood_off: sends as fast as it can to who does not answer.
flood_on() {
    # shellcheck disable=SC2046  # words
    (exec $(enter a) xfer flood "$(address host)" 9 9 size=400 pace=50 for=200 >/run/flood 2>&1 3>&-) &
    echo $! >/run/flooding
}
flood_off() { kill "$(cat /run/flooding)" 2>/dev/null || true; }

broken() { dmesg | grep -q "$(virtio a): device is broken"; }

# Nothing is sent before the device works again, and what is sent first afterwards is seen at once: nothing else is sent that it
# could hear of by.
under_load() {
    before=$(recovered a)
    for _ in 1 2 3 4; do
        flood_on
        sleep 1
        host model a order needs-reset >/dev/null
        wait_for 20 once_more a "$before" || fail "it does not come back"
        flood_off
        before=$(recovered a)
        sleep 1
        at a ping -q -c 1 -W 5 "$(address host)" >/run/ping 2>&1 || fail "nothing is heard of it after a reset: $(tail -n 2 /run/ping)"
    done
    same "what the device complains about" "$(host model a ask complaints)" ""
}

# as PERSONALITY: it becomes another one, and is bound again.
as() {
    address=$(pci a) driver=$(driver_of a)
    unbind "$address"
    host model a be "$1" >/dev/null
    bind "$address" "$driver"
    nic_in a
    reach a "$(address host)"
}

# Who does not come back from a reset has no carrier, and nobody waits for it to send.
comes_not_back() {
    as nic-anew-refused
    watchdogs=$(dmesg | grep -c 'NETDEV WATCHDOG' || true)
    host model a strike >/dev/null
    wait_for 20 broken || fail "it is not given up"
    wait_for 10 no_carrier a || fail "it is broken, and has a carrier"
    sleep 12
    same "lines of the watchdog" "$(dmesg | grep -c 'NETDEV WATCHDOG' || true)" "$watchdogs"
}

# Each answer comes in time, and there are many: with the lock of all network configuration held.
is_slow() {
    as nic-anew-control-slow
    for id in $(seq 2 31); do ip -n a link add link eth0 name "v$id" type vlan id "$id"; done
    host model a ask told-of vlans | grep -q 31 || fail "the device has not heard of its VLANs: $(host model a ask told-of vlans)"
    host model a strike >/dev/null
    sleep 1
    rm -f /run/unbound
    (unbind "$(pci a)"; : >/run/unbound) 3>&- &
    wait_for 30 test -e /run/unbound || fail "its driver cannot be unbound: each command takes 4.5 s"
    dmesg | grep -q 'queue 2: request was not answered in time' || fail "it is not given up"
    bind "$(pci a)" rvirtio_pci
}

check "a NIC" prepare
check "it asks for resets while it sends" under_load
check "it does not come back from a reset" comes_not_back
check "it takes long for each command" is_slow
check "modules unload" unload_modules
check "nothing is left" no_traces
