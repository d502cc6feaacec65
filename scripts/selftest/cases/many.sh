# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: several disks at once
# debug: none
# disk: d0 64M
# disk: d1 65M
# disk: d2 66M
# disk: d3 67M
# disk: d4 68M
# timeout: 60

names() {
    for number in 0 1 2 3 4; do
        name=vd$(echo abcde | cut -c$((number + 1)))
        same "name of d$number" "$(block d$number)" "$name"
        reads "/sys/block/$name/serial" d$number
        # Sixteen minors each.
        same "minor of $name" "$(cut -d: -f2 "/sys/block/$name/dev")" $((number * 16))
        reads "/sys/block/$name/size" $(((64 + number) * 2048))
        grep -q "virtio$number-req.0" /proc/interrupts || fail "no interrupt virtio$number-req.0"
    done
}

at_once() {
    pids=
    for number in 0 1 2 3 4; do
        rvio odd "$(disk d$number)" $((number + 100)) 60 512 >/run/odd.$number 2>&1 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || fail "data differ: $(cat /run/odd.*)"
    done
    for number in 0 1 2 3 4; do rvio fill "$(disk d$number)" 0 8388608 $number; done
    for number in 0 1 2 3 4; do rvio check "$(disk d$number)" 0 8388608 $number || fail "d$number holds other data"; done
}

# The middle one goes and comes back: the others keep their names and go on.
one_goes() {
    address=$(pci d2) driver=$(driver_of d2)
    hammer "$(disk d1)" 4 3>&- &
    unbind "$address"
    wait_for 10 test ! -e /sys/block/vdc || fail "vdc is still there"
    for name in vda vdb vdd vde; do [ -b /dev/$name ] || fail "$name went away too"; done
    same "a read of vdd" "$(rvio try read /dev/vdd 0 4096)" ok
    bind "$address" "$driver"
    same "name of d2 afterwards" "$(block d2)" vdc
    rvio check /dev/vdc 0 8388608 2 || fail "d2 holds other data"
    wait_for 40 sh -c "! kill -0 $! 2>/dev/null" || fail "I/O on d1 does not end"
}

load_modules
check "names, serials, sizes, interrupts" names
check "I/O on all at once" at_once
check "one goes and comes back" one_goes
check "modules unload" unload_modules
check "nothing is left" no_traces
