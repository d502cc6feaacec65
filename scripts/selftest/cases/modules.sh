# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: modules load and unload 20 times and leave nothing behind
# disk: d0 64M
# disk: d1 64M
# timeout: 120

CYCLES=20

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
    kmemleak_clear
    unreclaimable >/run/memory
    dma_entries >/run/entries
}

memory_back() {
    grown=$(($(unreclaimable) - $(cat /run/memory)))
    note "unreclaimable memory grew by $grown kB in $CYCLES cycles"
    # A page per cycle and disk would be 160 kB; the slack is for the kernel's own lists.
    [ "$grown" -lt 1536 ] || fail "unreclaimable memory grew by $grown kB"
}

mappings_back() {
    check_dma
    same "live DMA mappings" "$(dma_entries)" "$(cat /run/entries)"
}

check "first cycles" warm_up
check "$CYCLES cycles" cycles $CYCLES
check "memory comes back" memory_back
check "DMA mappings come back" mappings_back
check "kmemleak finds nothing" kmemleak_scan
check "it still works" load_modules
check "I/O after all" short_verify "$(disk d1)" 3 50
