# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: the host changes the size of a disk that is in use
# disk: d0 64M
# disk: d1 64M
# rings: packed
# named: packed
# needs: ext4
# legacy: named
# matrix: any
# timeout: 60

prepare() {
    load_modules
    same "name" "$(block d0)" vda
    rvio fill /dev/vda 0 67108864 31
}

has_size() { [ "$(cat /sys/block/vda/size)" = "$1" ]; }

# resize MIB: what the kernel must show and say.
resize() {
    uevents 30 >/run/uevents 3>&- &
    listener=$!
    wait_for 10 grep -q listening /run/uevents
    host resize d0 "$1M"
    wait_for 15 has_size $(($1 * 2048)) || fail "the size is $(cat /sys/block/vda/size) sectors, not $(($1 * 2048))"
    wait_for 10 grep -q 'RESIZE=1' /run/uevents || fail "no uevent with RESIZE=1: $(tail -n 2 /run/uevents)"
    kill $listener
    grep 'RESIZE=1' /run/uevents | grep -q 'change@/devices/.*/block/vda ' || fail "the uevent is not of vda: $(tail -n 1 /run/uevents)"
    dmesg | grep -q "\[vda\] new size: $(($1 * 2048)) " || fail "no notice in dmesg: $(dmesg | grep vda | tail -n 2)"
}

grow() {
    resize 128
    rvio check /dev/vda 0 67108864 31 || fail "the old part has changed"
    rvio fill /dev/vda 67108864 67108864 32
    rvio check /dev/vda 67108864 67108864 32 || fail "the new part does not hold data"
    same "writing at the new end" "$(rvio try write /dev/vda 134217728 512)" ENOSPC
}

under_io() {
    rvio fill /dev/vda 0 67108864 31
    hammer "$(disk d1)" 6 3>&- &
    hammering=$!
    for _ in 1 2 3; do
        rvio odd /dev/vda 5 150 512 >/run/odd 2>&1 3>&- &
        writer=$!
        host resize d0 160M
        wait_for 15 has_size $((160 * 2048)) || fail "grow: the size is $(cat /sys/block/vda/size)"
        host resize d0 128M
        wait_for 15 has_size $((128 * 2048)) || fail "shrink: the size is $(cat /sys/block/vda/size)"
        wait $writer || fail "data differ while the size changes: $(cat /run/odd)"
    done
    # It ends by itself, and must not still run when the machine goes down.
    wait $hammering || true
    rvio check /dev/vda 16777216 50331648 31 || fail "data inside the old size have changed"
}

shrink() {
    resize 96
    rvio check /dev/vda 16777216 50331648 31 || fail "what is left has changed"
    same "reading behind the end" "$(rvio try read /dev/vda $((96 * 1048576)) 512)" "short 0"
    same "the last sector" "$(rvio try read /dev/vda $((96 * 1048576 - 512)) 512)" ok
}

# A change while no driver is there is seen at the next bind.
while_unbound() {
    address=$(pci d0) driver=$(driver_of d0)
    unbind "$address"
    host resize d0 112M
    bind "$address" "$driver"
    reads "/sys/block/$(block d0)/size" $((112 * 2048))
}

check "prepare" prepare
check "the ring format" in_format
check "grow" grow
check "grow and shrink under I/O" under_io
check "shrink" shrink
check "resize of an unbound disk" while_unbound
