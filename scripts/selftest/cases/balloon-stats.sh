# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: statistics that the host asks for, against /proc
# covers: VIRTIO_BALLOON_F_STATS_VQ
# rings: packed-in-order
# balloon: balloon
# legacy: always
# matrix: any
# timeout: 300

prepare() {
    load_modules
    same "feature STATS_VQ" "$(feature balloon 1)" 1
    # QEMU's balloon has no MSI-X vectors unless told.
    grep -qE " $(virtio balloon)(-stats|-virtqueues)?\$" /proc/interrupts || fail "the balloon has no interrupt"
    host poll balloon 1
}

# word NAME: of the last statistics, in KiB where it is a size.
word() { tr ' ' '\n' </run/memory | sed -n "s/^$1=//p"; }
later() {
    host memory balloon >/run/memory
    [ "$(word update)" -gt "$1" ]
}
# fresh: statistics that were asked for after now.
fresh() {
    host memory balloon >/run/memory
    wait_for 20 later "$(word update)" || fail "no statistics come: $(cat /run/memory)"
    wait_for 20 later "$(word update)" || fail "no second statistics come: $(cat /run/memory)"
}

# Two looks at a moving figure: MemFree leaves out what the CPUs keep for themselves, tens of MiB that come back as they rest.
same_free() {
    fresh
    (near "free memory" "$(($(word free-memory) / 1024))" "$(meminfo MemFree)" 8192)
}
free_agrees() { wait_for 4 same_free || fail "no statistics agree with MemFree, $(meminfo MemFree) KiB: $(cat /run/memory)"; }

agree() {
    pages hold "$1" 5 >/run/held 2>&1 3>&- &
    holder=$!
    wait_for 60 grep -q filled /run/held
    free_agrees
    note "$(cat /run/memory)"
    near "total memory" "$(($(word total-memory) / 1024))" "$(meminfo MemTotal)" 64
    near "available memory" "$(($(word available-memory) / 1024))" "$(meminfo MemAvailable)" 8192
    near "disk caches" "$(($(word disk-caches) / 1024))" "$(($(meminfo Cached) + $(meminfo Buffers)))" 8192
    near "minor faults" "$(word minor-faults)" "$(vmstat pgfault)" 4000
    near "major faults" "$(word major-faults)" "$(vmstat pgmajfault)" 50
    near "swapped in" "$(word swap-in)" 0 0
    near "swapped out" "$(word swap-out)" 0 0
    kill $holder
}

more() {
    # A kernel without huge pages counts none.
    huge="htlb-pgalloc htlb-pgfail"
    grep -q '^HugePages_Total:' /proc/meminfo || huge=
    for name in $huge oom-kills alloc-stalls async-scans direct-scans async-reclaims direct-reclaims; do
        [ -n "$(word $name)" ] || missing="$missing $name"
    done
    [ -z "$missing" ] || fail "not among the statistics:$missing"
}

# Statistics go on while the balloon moves, and after a new bind.
moves() {
    full=$(($(host actual) / 1024))
    balloon_to $((full - 200))
    free_agrees
    balloon_to $full
    address=$(pci balloon) driver=$(driver_of balloon)
    unbind "$address"
    bind "$address" "$driver"
    free_agrees
}

check "the host asks" prepare
check "the ring format" in_format
check "they agree with /proc" agree 10
check "with more memory in use" agree 200
check "the newer ones" more
check "while the balloon moves, and bound anew" moves
check "modules unload" unload_modules
check "nothing is left" no_traces
