# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: MSI-X per queue, shared, and INTx
# disk: v0 64M vectors=0
# disk: v0b 64M vectors=0
# disk: v1 64M vectors=1
# disk: v2 64M vectors=2 num-queues=1
# disk: v2q4 64M vectors=2 num-queues=4
# disk: v5 64M vectors=5 num-queues=1
# legacy: named
# timeout: 60

verify() { short_verify "$(disk "$1")" 23 60; }

lines() { grep -E "$(virtio "$1")(-|\$|,)" /proc/interrupts; }

intx() {
    lines "$1" | grep -q -i 'IO-APIC' || fail "$1 has no INTx line: $(lines "$1")"
    ! lines "$1" | grep -q -i 'MSI' || fail "$1 uses MSI: $(lines "$1")"
}

msix() {
    note "$(lines "$1" | awk '{ print $NF }' | tr '\n' ' ')"
    lines "$1" | grep -q -i 'MSI' || fail "$1 does not use MSI-X: $(lines "$1")"
    lines "$1" | grep -E -q "$(virtio "$1")-$2\$" || fail "$1 has no vector $2: $(lines "$1")"
}

# Two disks on one INTx line, at once.
shared_line() {
    hammer "$(disk v0)" 3 3>&- &
    first=$!
    hammer "$(disk v0b)" 3 3>&- &
    second=$!
    wait_for 40 sh -c "! kill -0 $first 2>/dev/null && ! kill -0 $second 2>/dev/null" || fail "I/O on INTx does not go on"
    verify v0b
}

load_modules
for name in v0 v1 v2 v2q4 v5; do
    check "$name: data" verify $name
done
check "no vectors: INTx" intx v0
check "two vectors, one queue" msix v2 req.0
# C lets its queues share one vector ("virtqueues"); a driver that uses one queue needs not.
check "two vectors, four queues" msix v2q4 '(req.0|virtqueues)'
check "five vectors" msix v5 req.0
check "two disks on INTx at once" shared_line
check "modules unload" unload_modules
check "nothing is left" no_traces
