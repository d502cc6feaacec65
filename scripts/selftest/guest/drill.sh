# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# What cases that stop or reset devices under their users are written with.

# keep DISK...: fills a part of each disk. kept DISK...: whether it is as it was filled.
keep() { for _disk in "$@"; do rvio fill "$(disk "$_disk")" 33554432 16777216 71; done; }
kept() { for _disk in "$@"; do rvio check "$(disk "$_disk")" 33554432 16777216 71 || fail "$_disk has changed"; done; }

# io_on DISK...: I/O that is looked through while it goes on, in the part that `keep` leaves alone. io_off: it has all been right,
# and ends.
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
}

# fsx_in FOLDER OPERATIONS SEED: random operations on a file there, each looked through. Caches are dropped meanwhile, so that what
# is read comes from the disk.
fsx_in() {
    {
        echo 'flen = 2097152'
        echo '[opsize]'
        echo 'max = 131072'
        echo '[weights]'
        # The debug kernel has no posix_fadvise (CONFIG_ADVISE_SYSCALLS), which fsx takes for a failure.
        [ "$RV_KERNEL" = debug ] || echo 'posix_fadvise = 8.0'
        for _weight in close_open=1 invalidate=1 mapread=8 mapwrite=8 read=10 write=10 truncate=3 fsync=2 fdatasync=2 posix_fallocate=3 \
            punch_hole=4 sendfile=3 copy_file_range=4; do
            echo "${_weight%=*} = ${_weight#*=}.0"
        done
    } >/run/fsx.toml
    rm -f /run/fsx.over
    # Without a line in the log each time.
    echo 4 >/proc/sys/vm/drop_caches
    (while [ ! -e /run/fsx.over ]; do
        echo 1 >/proc/sys/vm/drop_caches
        usleep 200000
    done) 3>&- &
    _status=0
    fsx -f /run/fsx.toml -N "$2" -S "$3" -P /run "$1/fsx-$3" >/run/fsx.log 2>&1 || _status=$?
    : >/run/fsx.over
    [ $_status = 0 ] || fail "fsx: $(grep -v '^ *$' /run/fsx.log | head -n 3 | tr '\n' ' ')"
    rm -f "$1/fsx-$3"*
}

# bell_ordered: the host rings in 18 s. It has been told when this returns: who sleeps before is never woken. bell_rung: waits for it.
bell_ordered() {
    rm -f /run/bell-ordered
    (
        echo "HOST bell 18" >&3
        : >/run/bell-ordered
        answered
    ) &
    _bell=$!
    wait_for 10 test -e /run/bell-ordered || fail "the bell cannot be ordered"
    # Until the port has sent it.
    sleep 1
    # Should it not be heard, the clock wakes the machine, where it can, and the bell is missed afterwards.
    alarm=/sys/class/rtc/rtc0/wakealarm
    [ ! -e $alarm ] || { echo 0 >$alarm && echo +120 >$alarm; } || true
}
bell_rung() {
    [ ! -e $alarm ] || echo 0 >$alarm || true
    wait "$_bell" || fail "the bell has not rung"
}

# asleep LEVEL: to sleep and back, as far as this level of pm_test goes. asleep s2idle: for real; something on the control port
# wakes the machine, long after it has gone to sleep, since before it would be no use.
asleep() {
    _state=mem _bell=
    if [ "$1" = s2idle ]; then
        grep -q s2idle /sys/power/mem_sleep || skip "no s2idle: $(cat /sys/power/mem_sleep)"
        echo enabled >/sys/class/tty/ttyS1/power/wakeup
        _state=freeze
        bell_ordered
    else
        grep -qw "$1" /sys/power/pm_test || skip "the kernel has no such test: $(cat /sys/power/pm_test)"
        echo 1 >/sys/module/suspend/parameters/pm_test_delay
        echo "$1" >/sys/power/pm_test
    fi
    echo $_state >/sys/power/state || fail "no sleep: $(dmesg | grep -E 'PM:|PM ' | tail -n 3)"
    [ ! -e /sys/power/pm_test ] || echo none >/sys/power/pm_test
    [ -z "$_bell" ] || bell_rung
    ! dmesg | grep -E 'PM: .*(failed to (suspend|resume)|returns -)' || fail "a device failed"
}

# nics_told: has the devices of the NICs a and b told what they forget when they are reset: an address, a filter, a VLAN, the number of
# queues (a has two). nics_know: they know it.
nics_told() {
    ip -n a link set eth0 address 52:54:00:aa:00:77
    ip -n b link add link eth0 name second address 52:54:00:bb:00:01 type macvlan mode bridge
    ip -n b link set second up
    ip -n b addr add 10.1.0.2/24 dev second
    ip -n a addr add 10.1.0.1/24 dev eth0
    for _end in a b; do
        ip -n $_end link add link eth0 name vlan7 type vlan id 7
        ip -n $_end addr add "10.7.0.$(number $_end)/24" dev vlan7
        ip -n $_end link set vlan7 up
    done
    at a ethtool -L eth0 combined 2
    nics_know
}
nics_know() {
    reach a "$(address b)"
    reach b "$(address a)"
    reach a 10.1.0.2
    reach a 10.7.0.2
    same "queues of a" "$(at a ethtool -l eth0 | sed -n 's/^Combined:[ \t]*//p' | tail -n 1)" 2
    carrier a || fail "no carrier"
}

# rng_works
rng_works() { dd if=/dev/hwrng of=/dev/null bs=64 count=4 2>/dev/null || fail "/dev/hwrng cannot be read"; }

# --- Hot plug ---------------------------------------------------------------------------------------------------------

# ended PID: whether it has.
ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

# port_of DEVICE: the PCI address of its port. slot DEVICE: the file that switches the port's slot on and off.
port_of() {
    for _device in $RV_DISKS $RV_NICS $RV_BALLOONS $RV_RNGS; do
        case $_device in "$1@port-"*) echo "${_device#*@port-}" && return ;; esac
    done
    fail "$1 has no port"
}
slot() {
    _port=$(port_of "$1")
    _port=${_port##*:}
    echo "$PCI/slots/$((0x${_port%.0}))/power"
}

# plug DEVICE: QEMU presses the button of the port, which waits five seconds for somebody to press it again. pull DEVICE: the same.
# plug_at_once DEVICE, pull_at_once DEVICE: meanwhile somebody writes the slot's file, and it waits no longer.
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

# byte FILE OFFSET: as a decimal number. put FILE OFFSET VALUE: two bytes at an even place.
byte() { od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' '; }
put() {
    # shellcheck disable=SC2059  # two bytes
    printf "\\$(printf %o $(($3 & 255)))\\$(printf %o $(($3 >> 8)))" | dd of="$1" bs=2 seek=$(($2 / 2)) conv=notrunc 2>/dev/null
}
# tear DEVICE: no button is pressed, and nobody is asked. QEMU takes the device away at once when the slot's power goes off, with
# its light; the port says nothing while its interrupt is off. noticed DEVICE: the port has power as before, and says what it saw; its
# driver takes the device away, turns its power off, and rests for a second, in which another card would be taken for the old one.
tear() {
    config=$PCI/devices/$(port_of "$1")/config
    at=$(byte "$config" 52)
    while [ "$at" != 0 ] && [ "$(byte "$config" "$at")" != 16 ]; do at=$(byte "$config" $((at + 1))); done
    [ "$at" != 0 ] || fail "the port of $1 has no PCI Express capability"
    control=$((at + 24))
    before=$(($(byte "$config" $control) | ($(byte "$config" $((control + 1))) << 8)))
    put "$config" $control $(((before | 0x700) & ~0x20))
}
noticed() {
    put "$config" $control $before
    wait_for 20 is_off "$1" || fail "the port of $1 has not noticed"
    sleep 1.5
}
is_off() { [ "$(cat "$(slot "$1")")" = 0 ]; }

# said_gone: of how many devices the log says that they are gone. more_gone NUMBER: whether of more than that.
said_gone() { dmesg | grep -c 'device is broken: device is gone' || true; }
more_gone() { [ "$(said_gone)" -gt "$1" ]; }

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
