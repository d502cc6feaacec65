# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: functions reset by sysfs, and devices that ask for a reset, under I/O
# driver: rvirtio
# disk: d0 64M port
# disk: d1 64M port packed=on in_order=on
# disk: still 64M
# nic: a tap queues=2 port
# nic: b tap port
# balloon: balloon port
# rng: rng port
# matrix: modern
# timeout: 300
# allow: I/O error, dev vd[abc]
# allow: Buffer I/O error on dev(ice)? vd[abc]

DISKS="d0 d1 still"

prepare() {
    net_up
    for name in $DISKS; do
        [ -e "$PCI/devices/$(pci $name)/reset" ] || [ $name = still ] || fail "$name has no reset"
    done
    # shellcheck disable=SC2086  # words
    keep $DISKS
    nics_told
    host actual >/run/full
}

# quiet_io: ends what io_on began; whatever else the disks hold is as it was.
quiet_io() {
    io_off
    # shellcheck disable=SC2086  # words
    kept $DISKS
}

reset() { echo 1 >"$PCI/devices/$(pci "$1")/reset" || fail "$1 cannot be reset"; }

# writeback DISK: whether its cache is on, as the device has it (5.2.4).
writeback() { host config "$1" 32; }

disks() {
    echo "write through" >"/sys/block/$(block d1)/cache_type"
    same "the cache of d1" "$(writeback d1)" 0
    # shellcheck disable=SC2086  # words
    io_on $DISKS
    left=$(rounds 20)
    while [ "$left" -gt 0 ]; do
        reset d0
        usleep $((left % 4 * 20000))
        reset d1
        left=$((left - 1))
    done
    quiet_io
    works
    # What the device forgets in a reset is told again.
    same "the cache of d0" "$(writeback d0)" 1
    same "the cache of d1" "$(writeback d1)" 0
    echo "write back" >"/sys/block/$(block d1)/cache_type"
    same "the cache of d1" "$(writeback d1)" 1
}

works() {
    for name in $DISKS; do reads "/sys/bus/$BUS/devices/$(virtio $name)/status" 0x0000000f; done
    ! dmesg | grep -E 'virtio[0-9]+: device is broken' || fail "a device is broken"
}

# resizing NIC: goes on until it is told that it is enough. Refused while the NIC is being reset.
resizing() {
    (while [ ! -e /run/enough ]; do
        for size in 128 256; do at "$1" ethtool -G eth0 rx $size tx $size || usleep 20000; done
    done; : >/run/over) >/run/resizing 2>&1 3>&- &
}

nics_reset() {
    load_on a b
    resizing a
    left=$(rounds 10)
    while [ "$left" -gt 0 ]; do
        reset a
        usleep $((left % 4 * 50000))
        reset b
        usleep 100000
        left=$((left - 1))
    done
    : >/run/enough
    wait_for 30 test -e /run/over || fail "ethtool -G does not come back: $(tail -n 2 /run/resizing)"
    rm -f /run/enough /run/over
    nics_know
    load_off a b
    stream a b tcp "$SOME" 73
    stream b a tcp "$SOME" 74
    # While it is down, nothing is opened.
    ip -n a link set eth0 down
    reset a
    ip -n a link set eth0 up
    ip -n a link set vlan7 up
    nics_know
}

# Whoever takes the driver away in the middle of it waits for the end.
unbound_meanwhile() {
    name=$(virtio d1)
    for wait in 0 5000 20000 60000; do
        (reset d1) 3>&- &
        usleep $wait
        echo "$name" >"/sys/bus/$BUS/drivers/rvirtio_blk/unbind"
        wait $!
        echo "$name" >"/sys/bus/$BUS/drivers/rvirtio_blk/bind"
        short_verify "$(disk d1)" 76 20
    done
    works
}

balloon_and_rng() {
    balloon_to $(($(cat /run/full) / 1024 - 100))
    reset balloon
    wait_for 60 balloon_is $(($(cat /run/full) / 1024 - 100)) || fail "the balloon does not come back: $(host actual) KiB"
    reset rng
    rng_works
    balloon_to $(($(cat /run/full) / 1024))
}


# spoilable: ends the check at points of the matrix where nothing can be written into a ring from outside.
spoilable() {
    case $RV_RING in packed*) skip "only split rings are written into" ;; esac
    case $RV_POINT in *iommu) skip "the IOMMU alone knows where a ring is" ;; esac
}

# The host's device finds nonsense in a ring: it stops, and asks for a reset.
asks() {
    spoilable
    io_on d0
    for _ in 1 2 3; do
        host spoil d0 0 >/dev/null
        wait_for 20 healthy d0 || fail "it does not come back"
    done
    quiet_io
    same "recoveries" "$(recovered d0)" 3
    works
}

nic_asks() {
    spoilable
    load_on a b
    host spoil a 1 >/dev/null
    wait_for 20 healthy a || fail "it does not come back"
    nics_know
    host spoil a 0 >/dev/null
    wait_for 20 healthy a || fail "it does not come back"
    nics_know
    load_off a b
    same "recoveries" "$(recovered a)" 2
}

# Who asks again and again is given up.
gives_up() {
    spoilable
    hammers=
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        hammer "$(disk d0)" 3 3>&- &
        hammers="$hammers $!"
        host spoil d0 0 >/dev/null
        wait_for 20 settled || fail "neither well nor given up"
        if broken; then break; fi
    done
    broken || fail "it is never given up"
    [ "$(recovered d0)" -ge 5 ] || fail "it was given up after $(recovered d0) resets"
    same "reading from it" "$(rvio try read "$(disk d0)" 0 512)" EIO
    rm -f /run/why
    # They open the disk again and again, and would write to the new one.
    # shellcheck disable=SC2086  # words
    wait $hammers
    unbind "$(pci d0)"
    bind "$(pci d0)" rvirtio_pci
    short_verify "$(disk d0)" 75 20
}
broken() { dmesg | grep -q "$(virtio d0): device is broken: device asks for a reset"; }
settled() { broken || healthy d0; }

check "prepare" prepare
leaks_mark
check "disks, reset by sysfs under I/O" disks
check "NICs, reset by sysfs under load" nics_reset
check "a disk is unbound while it is reset" unbound_meanwhile
check "balloon and entropy device" balloon_and_rng
check "a disk that asks for a reset under I/O" asks
check "a NIC that does" nic_asks
check "a disk that asks for one again and again" gives_up
check "nothing leaked" leaks_none 4096
check "modules unload" unload_modules
check "nothing is left" no_traces
