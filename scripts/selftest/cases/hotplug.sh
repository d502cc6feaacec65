# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: unplug and plug on a PCI Express port, pulled out, remove and rescan, under I/O
# disk: hot 64M port
# disk: late 64M port absent
# disk: still 64M
# legacy: named
# matrix: any
# drill: 25
# timeout: 300
# The file system of nobody is on these disks; requests that were in flight may be reported.
# allow: I/O error, dev vd[abc]
# allow: Buffer I/O error on dev(ice)? vd[abc]
# Linux 7.3.4 takes the two locks of pciehp in both orders; lockdep says so once. That it is this report is checked below.
# allow: WARNING: possible circular locking dependency detected
# allow: \*\*\* DEADLOCK \*\*\*
# allow: locks held by irq/\d+-pciehp

prepare() {
    [ "$RV_DRIVER" = c ] || modprobe "$BLK_MODULE" io_timeout=20
    load_modules
    wait_for 20 block_by_serial hot >/dev/null || fail "the disk on the port did not appear"
    block_by_serial hot >/run/hot
    rvio fill "/dev/$(cat /run/hot)" 0 16777216 51
    rvio fill "$(disk still)" 0 16777216 52
}

block_by_serial() {
    for dir in /sys/block/vd*; do
        [ "$(cat "$dir/serial" 2>/dev/null)" != "$1" ] || { basename "$dir"; return 0; }
    done
    return 1
}
no_serial() { ! block_by_serial "$1" >/dev/null; }

ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

# slot DISK: the file that switches the slot of its port on and off.
slot() {
    for _disk in $RV_DISKS; do
        case $_disk in "$1@port-"*) _slot=${_disk##*:} && echo "$PCI/slots/$((0x${_slot%.0}))/power" && return ;; esac
    done
    fail "$1 has no port"
}

# plug DISK: QEMU presses the button of the port, which waits five seconds for somebody to press it again. pull DISK: the same.
# plug_at_once DISK, pull_at_once DISK: meanwhile somebody writes the slot's file, and it waits no longer.
plug() { host plug "$1"; }
pull() { host unplug "$1"; }
plug_at_once() {
    host plug "$1"
    usleep 100000
    echo 1 >"$(slot "$1")" || true
}
pull_at_once() {
    host eject "$1"
    usleep 100000
    echo 0 >"$(slot "$1")" || true
    host ejected "$1"
}

# unplug HOW
unplug() {
    hammer "/dev/$(cat /run/hot)" 20 3>&- &
    hammer=$!
    usleep 500000
    $1 hot
    wait_for 20 no_serial hot || fail "the disk is still there"
    kill $hammer
    wait_for 20 ended $hammer || fail "I/O to the unplugged disk hangs: $(cat /proc/$hammer/stack)"
}

# plugged HOW DISK
plugged() {
    $1 "$2"
    wait_for 40 block_by_serial "$2" || fail "the disk did not appear"
    block_by_serial "$2" >"/run/$2"
}

plug_again() {
    plugged plug hot
    # The hammer wrote zeros; what counts is that the disk works and is the same.
    short_verify "/dev/$(cat /run/hot)" 6 60
    reads "/sys/block/$(cat /run/hot)/size" $((64 * 2048))
}

plug_new() {
    plugged plug_at_once late
    short_verify "/dev/$(cat /run/late)" 8 60
}

in_and_out() {
    left=$1
    while [ "$left" -gt 0 ]; do
        unplug pull_at_once
        plugged plug_at_once hot
        left=$((left - 1))
    done
    short_verify "/dev/$(cat /run/hot)" 7 60
    rvio check "$(disk still)" 0 16777216 52 || fail "the other disk has changed"
}

# byte FILE OFFSET: as a decimal number. put FILE OFFSET VALUE: two bytes at an even place.
byte() { od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' '; }
put() {
    # shellcheck disable=SC2059  # two bytes
    printf "\\$(printf %o $(($3 & 255)))\\$(printf %o $(($3 >> 8)))" | dd of="$1" bs=2 seek=$(($2 / 2)) conv=notrunc 2>/dev/null
}
port_of() {
    for _disk in $RV_DISKS; do
        case $_disk in "$1@port-"*) echo "${_disk#*@port-}" ;; esac
    done
}

# tear DISK: no button is pressed, and nobody is asked. QEMU takes the device away at once when the slot's power goes off, with
# its light; the port says nothing while its interrupt is off. noticed DISK: the port has power as before, and says what it saw.
tear() {
    config=$PCI/devices/$(port_of "$1")/config
    at=$(byte "$config" 52)
    while [ "$at" != 0 ] && [ "$(byte "$config" "$at")" != 16 ]; do at=$(byte "$config" $((at + 1))); done
    [ "$at" != 0 ] || fail "the port of $1 has no PCI Express capability"
    control=$((at + 24))
    before=$(($(byte "$config" $control) | ($(byte "$config" $((control + 1))) << 8)))
    put "$config" $control $(((before | 0x700) & ~0x20))
}
noticed() { put "$config" $control $before; }

# said_gone NUMBER: of so many devices the log says that they are gone.
said_gone() { [ "$RV_DRIVER" = c ] || same "devices that are gone, by the log" "$(dmesg | grep -c 'device is broken: device is gone')" "$1"; }

pulled_out() {
    rvio fill "$(disk still)" 0 16777216 52
    hammer "/dev/$(block_by_serial hot)" 20 3>&- &
    hammer=$!
    sleep 1
    tear hot
    noticed
    wait_for 20 no_serial hot || fail "the disk is still there"
    kill $hammer
    wait_for 20 ended $hammer || fail "I/O to the disk that was pulled out hangs: $(cat /proc/$hammer/stack)"
    said_gone 1
    rvio check "$(disk still)" 0 16777216 52 || fail "the other disk has changed"
}

# Where nobody says so the next request that is late finds it out.
not_noticed() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C's requests wait for ever"
    device=/dev/$(block_by_serial late)
    tear late
    rvio try read "$device" 0 4096 >/run/became 3>&- &
    reader=$!
    wait_for 40 ended $reader || fail "the read hangs: $(cat /proc/$reader/stack)"
    ! grep -q ok /run/became || fail "a disk that is gone was read"
    said_gone 2
}

remove_and_rescan() {
    address=$(pci still)
    left=$(rounds 5)
    while [ "$left" -gt 0 ]; do
        hammer "$(disk still)" 10 3>&- &
        hammer=$!
        usleep 200000
        echo 1 >"$PCI/devices/$address/remove"
        wait_for 10 no_serial still || fail "the disk is still there after remove"
        kill $hammer
        wait_for 20 ended $hammer || fail "I/O to the removed disk hangs: $(cat /proc/$hammer/stack)"
        echo 1 >"$PCI/rescan"
        wait_for 20 block_by_serial still || fail "the disk did not come back after rescan"
        left=$((left - 1))
    done
    short_verify "$(disk still)" 9 60
}

# A report of lockdep is pciehp's own, and names nothing of ours.
lockdep() {
    dmesg >/run/dmesg
    ! grep -q 'possible circular locking' /run/dmesg || {
        sed -n '/possible circular locking/,/stack backtrace/p' /run/dmesg >/run/report
        grep -q 'is trying to acquire lock' /run/report && grep -q '&ctrl->reset_lock' /run/report &&
            ! grep -v rvirtio-debug /run/report | grep -q rvirtio || fail "lockdep: $(grep -A2 'trying to acquire' /run/report | tr '\n' ' ')"
        note "lockdep reports pciehp's reset_lock against pci_rescan_remove_lock"
    }
}

check "prepare" prepare
check "unplug under I/O" unplug pull
check "plug again" plug_again
check "plug a disk that was not there at boot" plug_new
leaks_mark
check "in and out under I/O, $(rounds 4) times" in_and_out "$(rounds 4)"
check "remove and rescan under I/O, $(rounds 5) times" remove_and_rescan
check "nothing leaked" leaks_none 4096
check "pulled out under I/O" pulled_out
check "pulled out, and nobody says so" not_noticed
check "lockdep reports nothing of ours" lockdep
check "modules unload" unload_modules
check "nothing is left" no_traces
