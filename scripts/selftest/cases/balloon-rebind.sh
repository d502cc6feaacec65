# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: unbound while inflated and while it moves, 20 times (5 on the debug kernel): all memory comes back
# balloon: balloon
# matrix: any
# timeout: 300

case $RV_KERNEL in
debug) CYCLES=$(rounds 5) ;;
*) CYCLES=$(rounds 20) ;;
esac

prepare() {
    load_modules
    driver_of balloon >/run/driver
    host actual >/run/full
    for _ in 1 2; do cycle 60; done
    drop
    free_now >/run/free
    meminfo MemTotal >/run/total
    leaks_mark
}

# cycle MIB: a balloon of that size, no driver, the driver again, no balloon.
cycle() {
    balloon_to $(($(cat /run/full) / 1024 - $1))
    unbind "$(pci balloon)"
    bind "$(pci balloon)" "$(cat /run/driver)"
    balloon_to $(($(cat /run/full) / 1024))
}

still_inflated() {
    free=$(free_now)
    balloon_to $(($(cat /run/full) / 1024 - 200))
    unbind "$(pci balloon)"
    drop
    near "free memory without a driver" "$(free_now)" "$free" 20480
    near "total memory without a driver" "$(meminfo MemTotal)" "$(cat /run/total)" 64
    pages touch 200 || fail "memory from the balloon does not hold what is written"
    bind "$(pci balloon)" "$(cat /run/driver)"
    # The host has asked for 200 MiB, and the new driver knows.
    wait_for 60 balloon_is $(($(cat /run/full) / 1024 - 200)) || fail "bound again the balloon stands at $(host actual) KiB"
    balloon_to $(($(cat /run/full) / 1024))
}

cycles() {
    left=$1
    while [ "$left" -gt 0 ]; do
        cycle $((40 + left))
        left=$((left - 1))
    done
}

moving() {
    left=$CYCLES
    while [ "$left" -gt 0 ]; do
        host balloon $(($(cat /run/full) / 1024 - left % 2 * 250)) >/dev/null
        usleep $((left % 5 * 20000))
        unbind "$(pci balloon)"
        usleep $((left % 3 * 10000))
        bind "$(pci balloon)" "$(cat /run/driver)"
        left=$((left - 1))
    done
    balloon_to $(($(cat /run/full) / 1024))
}

came_back() {
    drop
    sleep 1
    near "free memory" "$(free_now)" "$(cat /run/free)" 20480
    near "total memory" "$(meminfo MemTotal)" "$(cat /run/total)" 64
    leaks_none 2048
}

check "first cycles" prepare
check "unbound with 200 MiB in the balloon" still_inflated
check "$CYCLES times" cycles $CYCLES
check "$CYCLES times while it moves" moving
check "all memory comes back" came_back
check "modules unload" unload_modules
check "nothing is left" no_traces
