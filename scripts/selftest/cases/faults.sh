# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: every allocation of a probe fails once, and nothing leaks; a BAR that cannot be mapped is done without
# kernel: debug
# disk: d0 64M
# timeout: 180
# A memory shortage may be reported by the kernel's own allocators.
# allow: (failslab|fail_page_alloc|FAULT_INJECTION)
# allow: kmemleak: Cannot allocate a scan area|kobject_add_internal failed for .*(error: -12|-ENOMEM)
# allow: __kmem_cache_create_args\(.*\) failed with error

LAST=200

prepare() {
    load_modules
    block d0 >/dev/null
    driver_of d0 >/run/driver
    for kind in failslab fail_page_alloc; do
        [ -d $DEBUGFS/$kind ] || skip "the kernel has no $kind"
        echo 0 >$DEBUGFS/$kind/verbose
        echo N >$DEBUGFS/$kind/ignore-gfp-wait
    done
    echo 0 >$DEBUGFS/fail_page_alloc/min-order
    unbind "$(pci d0)"
    # The first bind and unbind fill caches that stay.
    bind "$(pci d0)" "$(cat /run/driver)"
    block d0 >/dev/null
    unbind "$(pci d0)"
    leaks_mark
}

# sweep FILE TEXT: fails the allocation number N of that one write, for N from 1 until no allocation is left to fail. All of
# the first ones, then every fifth or, in a sample, eighth: hundreds of binds of a debug kernel take long.
sweep() {
    nth=1 failed=0 survived=0
    while [ "$nth" -le $LAST ]; do
        result=$(failnth "$nth" "$1" "$2")
        case $result in
        "not reached"*) break ;;
        *ENOMEM*) failed=$((failed + 1)) ;;
        *ok) survived=$((survived + 1)) ;;
        *) note "allocation $nth: $result" ;;
        esac
        $3
        wait_for 10 test ! -e /sys/block/vda || fail "allocation $nth: vda is there after unbind"
        if [ "$nth" -lt 30 ]; then nth=$((nth + 1)); else nth=$((nth + 4 + RV_PART)); fi
    done
    note "up to allocation $nth ($result): $failed binds gave ENOMEM, $survived went through"
    [ "$((failed + survived))" -gt 20 ] || fail "only $((failed + survived)) failures were injected"
}

unbind_pci() { if [ -n "$(driver_of d0)" ]; then unbind "$(pci d0)"; fi; }

# log_has TEXT: how many lines do.
log_has() { dmesg | grep -c "$(pci d0): $1" || true; }

# A BAR that could not be mapped is made up for by configuration space: the disk works by it.
look_and_unbind() {
    now=$(log_has "registers are reached through configuration space")
    if [ "$now" -gt "$through" ]; then
        through=$now
        case $result in *ok)
            same "a read of a disk with no BAR, allocation $nth" "$(rvio try read "$(disk d0)" 0 65536)" ok
            same "BARs that are claimed" "$(grep -c rvirtio_pci /proc/iomem)" 0
            detours=$((detours + 1))
            ;;
        esac
    fi
    unbind_pci
}

# Enabled beforehand, or most allocations are those of ACPI looking for the legacy interrupt.
pci_level() {
    echo 1 >"$PCI/devices/$(pci d0)/enable"
    through=$(log_has "registers are reached through configuration space") detours=0
    sweep "$PCI/drivers/$(cat /run/driver)/bind" "$(pci d0)" look_and_unbind
    unbind_pci
    unmapped=$(log_has "BAR [0-9] cannot be mapped")
    note "$unmapped times a BAR could not be mapped, and $detours disks worked without"
    [ "$unmapped" -gt 0 ] && [ $detours -gt 0 ] ||
        fail "$unmapped times a BAR could not be mapped, and $detours disks worked without: the way by configuration space is not tried"
    echo 0 >"$PCI/devices/$(pci d0)/enable"
}

unbind_virtio() {
    if [ -e "$device/driver" ]; then echo "${device##*/}" >"$virtio_driver/unbind"; fi
}

# Where there is no memory for a whole ring, there is half of one.
ring_size() { sed -n 's/^size: //p' "$DEBUGFS/rvirtio/${device##*/}/queue0" 2>/dev/null || true; }
size_and_unbind() {
    size=$(ring_size)
    if [ "${size:-$full}" -lt "$full" ]; then
        same "a read with a ring of $size, allocation $nth" "$(rvio try read "$(disk d0)" 0 65536)" ok
        halved=$((halved + 1))
    fi
    unbind_virtio
}

virtio_level() {
    bind "$(pci d0)" "$(cat /run/driver)"
    block d0 >/dev/null
    device=/sys/bus/$BUS/devices/$(virtio d0)
    virtio_driver=$(readlink -f "$device/driver")
    full=$(ring_size) halved=0
    unbind_virtio
    sweep "$virtio_driver/bind" "${device##*/}" size_and_unbind
    unbind_virtio
    note "$halved binds with a ring of less than $full entries"
    [ $halved -gt 0 ] || fail "no ring was halved"
    unbind "$(pci d0)"
}

came_back() {
    ! grep -E 'virtio[0-9]+-' /proc/interrupts || fail "an interrupt is still there"
    ! grep -i rvirtio /proc/iomem || fail "a claimed region is still there"
    leaks_none 3072
}

works() {
    bind "$(pci d0)" "$(cat /run/driver)"
    short_verify "$(disk d0)" 18 60
}

check "prepare" prepare
check "bind of the PCI device with one allocation failing" pci_level
check "bind of the virtio device with one allocation failing" virtio_level
check "nothing leaked" came_back
check "the disk works" works
check "modules unload" unload_modules
check "nothing is left" no_traces
