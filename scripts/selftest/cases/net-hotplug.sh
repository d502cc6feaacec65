# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: NICs under load, a full balloon and an entropy device that is read, unplugged, plugged and pulled out on PCI Express ports
# nic: a port
# nic: b port
# balloon: balloon port
# rng: rng port
# legacy: named
# matrix: any
# drill: 25
# debug: none
# timeout: 300
# cmdline: log_buf_len=4M
# allow: NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out
# As in hotplug: Linux 7.3.4 takes the two locks of pciehp in both orders; that it is this report is checked below.
# allow: WARNING: possible circular locking dependency detected
# allow: \*\*\* DEADLOCK \*\*\*
# allow: locks held by irq/\d+-pciehp

MIB=60

prepare() {
    net_up
    reach a "$(address b)"
    rng_works
    host actual >/run/full
    for name in a b balloon rng; do
        pull_at_once $name
        wait_for 20 out $name || fail "$name is still there"
        in_again plug_at_once $name
    done
    works
}

# out NAME: whether nothing is on its port. in_again HOW NAME: plugged, and at work.
out() { ! ls -d "$PCI/devices/$(port_of "$1")"/0000:*:00.0 >/dev/null 2>&1; }
in_again() {
    $1 "$2"
    wait_for 40 bound "$2" || fail "$2 did not appear, or has no driver"
    case $2 in a | b) nic_in "$2" ;; esac
}
bound() { ! out "$1" && [ -e "/sys/bus/$BUS/devices/$(virtio "$1")/driver" ]; }

works() {
    reach a "$(address b)"
    stream a b udp 262144 1
    stream b a tcp 1048576 2
    rng_works
    balloon_to $(($(cat /run/full) / 1024 - MIB))
    balloon_to $(($(cat /run/full) / 1024))
}

# reading_on: the entropy device is read all the time, whether there is one or not. reading_off: it ends.
reading_on() {
    (while [ ! -e /run/enough ]; do dd if=/dev/hwrng of=/dev/null bs=64 count=1 || usleep 20000; done; : >/run/over) >/run/reading 2>&1 3>&- &
}
reading_off() {
    : >/run/enough
    wait_for 30 test -e /run/over || fail "a read of /dev/hwrng does not end: $(tail -n 1 /run/reading)"
    rm -f /run/enough /run/over
}

# goes NAME HOW: the device leaves in that way, while it is used.
goes() {
    "$2" "$1"
    wait_for 20 out "$1" || fail "$1 is still there"
    case $1 in a | b) ! ip -n "$1" link show eth0 >/dev/null 2>&1 || fail "eth0 of $1 is still there" ;; esac
}
pulled_out() {
    tear "$1"
    noticed "$1"
}

# nics_go HOW TIMES: one after the other under load.
nics_go() {
    load_on a b
    left=$2
    while [ "$left" -gt 0 ]; do
        for name in a b; do
            usleep $((left % 4 * 100000))
            goes $name "$1"
            in_again plug_at_once $name
        done
        left=$((left - 1))
    done
    load_off a b
    works
}

# Memory of a balloon that has gone is the guest's again.
others_go() {
    left=$2
    while [ "$left" -gt 0 ]; do
        drop
        free=$(free_now)
        balloon_to $(($(cat /run/full) / 1024 - MIB))
        reading_on
        usleep 300000
        for name in balloon rng; do goes $name "$1"; done
        drop
        near "free memory without a balloon" "$(free_now)" "$free" 20480
        pages touch $MIB || fail "memory from the balloon does not hold what is written"
        for name in balloon rng; do in_again plug_at_once $name; done
        reading_off
        left=$((left - 1))
    done
    works
}

# Where nobody says that it is gone, who sends finds it out: the watchdog of the queue does, once the queue is full; so many send
# that it is, as each of them has so much memory for what is under way.
not_noticed() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C's NICs do not find out"
    name=$(virtio b)
    load_on a b
    tear b
    # shellcheck disable=SC2046  # words
    for _ in 1 2 3 4 5 6 7 8; do $(enter b) xfer flood "$(address a)" 4001 9 size=1400 for=30 >/dev/null 2>&1 3>&- & done
    wait_for 60 given_up "$name" || fail "no line in the log says that b is broken"
    wait_for 10 no_carrier b || fail "b is gone, and has a carrier"
    # Whoever asks it for something is answered.
    ip -n b link set eth0 promisc on || true
    ip -n b link set eth0 down
    noticed b
    wait_for 20 out b || fail "b is still there"
    in_again plug_at_once b
    load_off a b
    works
}

given_up() { dmesg | grep -q "$1: device is broken"; }

HALF=$((($(rounds 4) + 1) / 2))
check "all go and come back" prepare
leaks_mark
check "a NIC is pulled out, and nobody says so" not_noticed
check "balloon and entropy device in and out, $RV_TIMES times" others_go pull_at_once "$RV_TIMES"
check "NICs are pulled out under load, $RV_TIMES times" nics_go pulled_out "$RV_TIMES"
check "balloon and entropy device are pulled out, $RV_TIMES times" others_go pulled_out "$RV_TIMES"
check "NICs in and out under load, $HALF times" nics_go pull_at_once $HALF
leaks_half $HALF
check "NICs in and out under load, $HALF times more" nics_go pull_at_once $HALF
check "nothing leaked" leaks_none 4096
check "lockdep reports nothing of ours" lockdep
check "modules unload" unload_modules
check "nothing is left" no_traces
