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
# timeout: 300
# allow: I/O error, dev vd[abc]
# allow: Buffer I/O error on dev(ice)? vd[abc]

prepare() {
    net_up
    reach a "$(address b)"
    for name in d0 d1 still; do
        rvio fill "$(disk $name)" 33554432 16777216 71
        [ -e "$PCI/devices/$(pci $name)/reset" ] || [ $name = still ] || fail "$name has no reset"
    done
    ip -n a link set eth0 address 52:54:00:aa:00:77
    for name in a b; do
        ip -n $name link add link eth0 name vlan7 type vlan id 7
        ip -n $name addr add "10.7.0.$(number $name)/24" dev vlan7
        ip -n $name link set vlan7 up
    done
    at a ethtool -L eth0 combined 2
    reach a 10.7.0.2
    host actual >/run/full
}

# io_on DISK...: I/O that is looked through while it goes on. io_off: it has all been right, and ends.
io_on() {
    (while [ ! -e /run/enough ]; do
        for name in "$@"; do short_verify "$(disk "$name")" 72 20 || { echo "$name" >/run/differ; exit; }; done
    done; : >/run/over) >/run/io 2>&1 3>&- &
}
io_off() {
    : >/run/enough
    wait_for 60 test -e /run/over -o -e /run/differ || fail "I/O does not go on"
    [ ! -e /run/differ ] || fail "data differ: $(cat /run/differ /run/io)"
    rm -f /run/enough /run/over
    for name in d0 d1 still; do rvio check "$(disk $name)" 33554432 16777216 71 || fail "$name has changed"; done
}

reset() { echo 1 >"$PCI/devices/$(pci "$1")/reset" || fail "$1 cannot be reset"; }

# writeback DISK: whether its cache is on, as the device has it (5.2.4).
writeback() { host config "$1" 32; }

disks() {
    echo "write through" >"/sys/block/$(block d1)/cache_type"
    same "the cache of d1" "$(writeback d1)" 0
    io_on d0 d1 still
    left=$(rounds 20)
    while [ "$left" -gt 0 ]; do
        reset d0
        usleep $((left % 4 * 20000))
        reset d1
        left=$((left - 1))
    done
    io_off
    works
    # What the device forgets in a reset is told again.
    same "the cache of d0" "$(writeback d0)" 1
    same "the cache of d1" "$(writeback d1)" 0
    echo "write back" >"/sys/block/$(block d1)/cache_type"
    same "the cache of d1" "$(writeback d1)" 1
}

works() {
    for name in d0 d1 still; do reads "/sys/bus/$BUS/devices/$(virtio $name)/status" 0x0000000f; done
    ! dmesg | grep -E 'virtio[0-9]+: device is broken' || fail "a device is broken"
}

# What it was told before is told to it again.
nic_works() {
    reach a "$(address b)"
    reach b "$(address a)"
    reach a 10.7.0.2
    same "queues of a" "$(at a ethtool -l eth0 | sed -n 's/^Combined:[ \t]*//p' | tail -n 1)" 2
    carrier a || fail "no carrier"
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
    nic_works
    load_off a b
    stream a b tcp "$SOME" 73
    stream b a tcp "$SOME" 74
    # While it is down, nothing is opened.
    ip -n a link set eth0 down
    reset a
    ip -n a link set eth0 up
    ip -n a link set vlan7 up
    nic_works
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
    dd if=/dev/hwrng of=/dev/null bs=64 count=4 2>/dev/null || fail "/dev/hwrng cannot be read"
    balloon_to $(($(cat /run/full) / 1024))
}

# recovered DEVICE: how often it was reset because it asked for it.
recovered() { dmesg | grep -c "$(virtio "$1"): device asks for a reset" || true; }

# The host's device finds nonsense in a ring: it stops, and asks for a reset.
asks() {
    io_on d0
    for _ in 1 2 3; do
        host spoil d0 0 >/dev/null
        wait_for 20 healthy d0 || fail "it does not come back"
    done
    io_off
    same "recoveries" "$(recovered d0)" 3
    works
}
healthy() { [ "$(cat "/sys/bus/$BUS/devices/$(virtio "$1")/status")" = 0x0000000f ]; }

nic_asks() {
    load_on a b
    host spoil a 1 >/dev/null
    wait_for 20 healthy a || fail "it does not come back"
    nic_works
    host spoil a 0 >/dev/null
    wait_for 20 healthy a || fail "it does not come back"
    nic_works
    load_off a b
    same "recoveries" "$(recovered a)" 2
}

# Who asks again and again is given up.
gives_up() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        hammer "$(disk d0)" 3 3>&- &
        host spoil d0 0 >/dev/null
        wait_for 20 settled || fail "neither well nor given up"
        if broken; then break; fi
    done
    broken || fail "it is never given up"
    [ "$(recovered d0)" -ge 5 ] || fail "it was given up after $(recovered d0) resets"
    same "reading from it" "$(rvio try read "$(disk d0)" 0 512)" EIO
    rm -f /run/why
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
