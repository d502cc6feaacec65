# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: modules load and unload, 20 times, and leave nothing behind
# disk: d0 64M
# disk: d1 64M
# legacy: named
# timeout: 120

CYCLES=$(rounds 20)

cycle() {
    load_modules
    device=$(disk d0)
    dd if="$device" of=/dev/null bs=64k count=8 iflag=direct 2>/dev/null || fail "reading failed"
    dd if=/dev/zero of="$device" bs=64k count=8 oflag=direct 2>/dev/null || fail "writing failed"
    block d1 >/dev/null
    unload_modules
    no_traces
}

cycles() {
    left=$1
    while [ "$left" -gt 0 ]; do
        cycle
        left=$((left - 1))
    done
}

# The first cycles fill caches that stay.
warm_up() {
    cycles 3
    leaks_mark
}

# The core stays as long as there is a device, whoever holds it: it has the code by which devices are released.
kept() {
    [ "$RV_DRIVER" = rvirtio ] || return 0
    _users=$(find /sys/module/rvirtio/holders -mindepth 1 | wc -l)
    _devices=$(find /sys/bus/rvirtio/devices -mindepth 1 | wc -l)
    [ "$_devices" -ge 2 ] || fail "$_devices devices are on the bus"
    same "references to rvirtio, of $_users modules and $_devices devices," "$(cat /sys/module/rvirtio/refcnt)" $((_users + _devices))
}

check "first cycles" warm_up
check "$CYCLES cycles" cycles $CYCLES
# A page per cycle and disk would be 160 kB; the slack is for the kernel's own lists.
check "nothing leaked" leaks_none 1536
check "it still works" load_modules
check "devices keep the core" kept
check "I/O after all" short_verify "$(disk d1)" 3 50
