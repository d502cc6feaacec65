# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: unbind and bind under I/O, 100 times
# disk: d0 256M
# disk: still 64M
# legacy: named
# matrix: any
# drill: 10
# timeout: 200

CYCLES=$(rounds 100) FIRST=4 AGAIN=$(rounds 20)

prepare() {
    load_modules
    block d0 >/dev/null
    rvio fill "$(disk still)" 0 33554432 11
    driver_of d0 >/run/driver
    pci d0 >/run/pci
}

# The I/O opens /dev/vda again and again; errors are what it has to expect.
hammer_on() {
    hammer "$(disk d0)" "$1" 3>&- &
    echo $! >/run/hammer
}
hammer_off() {
    kill "$(cat /run/hammer)" 2>/dev/null || true
    wait_for 20 hammer_gone || fail "the I/O that ran meanwhile does not end: $(cat "/proc/$(cat /run/hammer)/stack")"
}
hammer_gone() { ! kill -0 "$(cat /run/hammer)" 2>/dev/null || grep -q '^State:.Z' "/proc/$(cat /run/hammer)/status"; }

gone() { [ ! -e /sys/block/vda ]; }
there() { [ -b /dev/vda ] && [ -e /sys/block/vda/queue ]; }

cycle() {
    unbind "$(cat /run/pci)"
    wait_for 10 gone || fail "vda is still there after unbind"
    bind "$(cat /run/pci)" "$(cat /run/driver)"
    wait_for 10 there || fail "vda did not come back after bind"
}

cycles() {
    left=$1
    while [ "$left" -gt 0 ]; do
        cycle
        # Time for requests to be in flight, more or less of it.
        usleep $((left % 5 * 20000))
        left=$((left - 1))
    done
}

warm_up() {
    hammer_on 600
    cycles $FIRST
    hammer_off
    sync
    handlers d0 >/run/handlers
    leaks_mark
}

# Looked at in the middle, too, with nothing under way.
under_io() {
    hammer_on $((900 * RV_TIMES))
    cycles $((CYCLES / 2))
    hammer_off
    sync
    sleep 1
    leaks_half $((CYCLES / 2 + AGAIN))
    hammer_on $((900 * RV_TIMES))
    cycles $((CYCLES - CYCLES / 2))
    hammer_off
}

virtio_level() {
    name=$(virtio d0)
    driver=$(readlink -f "/sys/bus/$BUS/devices/$name/driver")
    hammer_on $((600 * RV_TIMES))
    left=$AGAIN
    while [ "$left" -gt 0 ]; do
        echo "$name" >"$driver/unbind"
        wait_for 10 gone || fail "vda is still there after unbind"
        reads "/sys/bus/$BUS/devices/$name/status" 0x00000001
        echo "$name" >"$driver/bind"
        wait_for 10 there || fail "vda did not come back after bind"
        reads "/sys/bus/$BUS/devices/$name/status" $STATUS
        left=$((left - 1))
    done
    hammer_off
}

nothing_leaked() {
    sync
    sleep 1
    same "interrupts of the disk" "$(handlers d0)" "$(cat /run/handlers)"
    leaks_none 3072
}

works_afterwards() {
    short_verify "$(disk d0)" 21
    rvio check "$(disk still)" 0 33554432 11 || fail "the disk that was left alone has changed"
}

check "prepare" prepare
check "first cycles" warm_up
check "$CYCLES cycles of the PCI device under I/O" under_io
check "$AGAIN cycles of the virtio device under I/O" virtio_level
check "nothing leaked" nothing_leaked
check "both disks work afterwards" works_afterwards
check "modules unload" unload_modules
