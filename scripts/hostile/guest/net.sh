# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox disable=SC2034,SC2154  # what one of the files sets, another reads
#
# NICs in the suite; suite.sh says what is wanted of each function. Who is at the other end of the cable sends datagrams back.
#
# Busybox's ifconfig is used, and a program of our own: others take long to start, and a case starts a dozen.

PEER=10.0.0.100

echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6

KIND=net

kind_load() { modprobe rvirtio_net; }

# Sets `dev`. Ours belongs to the PCI function, C's to the virtio device.
kind_appeared() {
    for _dev in "$PCI/devices/$ADDRESS"/net/* "$PCI/devices/$ADDRESS"/virtio*/net/*; do
        [ -e "$_dev" ] && dev=${_dev##*/} && return 0
    done
    return 1
}

kind_settle() { bounded "$PATIENCE" "setting the link up" ifconfig "$dev" 10.0.0.1 netmask 255.255.255.0 up; }

asking() {
    ethtool -S "$dev"
    # Under traffic that is enough.
    [ "$strikes" != Probe ] || for _what in '' -i -g -l -k; do ethtool $_what "$dev"; done
    cat /sys/class/net/"$dev"/*
}
kind_ask() {
    bounded "$PATIENCE" "asking about the NIC" asking
    [ "$strikes" != Io ] || note "what was sent: $(cat /run/log.1); commands: $(cat /run/became.2)"
    at_rest
    lenient || told_users
}

# What has to come of some cases besides their outcome.
told_users() {
    case $name in
    speed-unknown.*)
        same "FAIL: the speed" "$(cat "/sys/class/net/$dev/speed")" -1
        same "FAIL: the duplex mode" "$(cat "/sys/class/net/$dev/duplex")" unknown
        ;;
    rx-floods.*)
        rm -f /run/turns.* /run/flooded
        for _cpu in 0 1; do taskset -c $_cpu sh -c "while [ ! -e /run/flooded ]; do echo turn >>/run/turns.$_cpu; sleep 0.1; done" & done
        sleep 2
        : >/run/flooded
        for _cpu in 0 1; do
            [ "$(grep -c turn /run/turns.$_cpu)" -gt 2 ] || wrong "in a flood nobody else has a turn on CPU $_cpu"
        done
        ;;
    esac
}

# reached SIZE...: a datagram of each comes back. One with other data is no reason to try again.
reached() {
    rvecho $PEER $# "$@" >/run/echo 2>&1 || {
        [ $? != 1 ] || silent "what is sent comes back as something else: $(cat /run/echo)"
        return 1
    }
}

# In one buffer that is copied, in one that is not, and in several frames.
kind_verify() {
    await "$PATIENCE" reached 60 1400 7000 || wrong "what is sent does not come back: $(cat /run/echo)"
}

# talk NUMBER COUNT SIZE...
talk() {
    _talk=$1
    shift
    rm -f "/run/became.$_talk"
    (set +e; rvecho $PEER "$@" >"/run/log.$_talk" 2>&1; echo $? >"/run/became.$_talk") &
}
talked() { [ -s /run/became.1 ]; }

# Commands to the device: the first is not waited for, the others are.
commands() {
    ifconfig "$dev" promisc
    case $name in resize*) ethtool -G "$dev" rx 64 ;; esac
    ifconfig "$dev" hw ether 52:54:00:00:00:77 && ifconfig "$dev" hw ether 52:54:00:12:34:56
}
commander() {
    rm -f /run/became.2
    (set +e; commands >/run/log.2 2>&1; echo $? >/run/became.2) &
}
commanded() { [ -s /run/became.2 ]; }

unspoilt() { [ "$(cat /run/became.1)" != 1 ] || silent "what is sent comes back as something else: $(cat /run/log.1)"; }

kind_try() {
    TRIED=worked
    talk 1 4 300 7000
    await $((PATIENCE * 4)) talked || wedged "sending does not end"
    unspoilt
    bounded "$PATIENCE" "a command" commands
}

# Whether it was given up in this case.
is_broken() { dmesg | awk '/suite: begin/ { broken = 0 } /device is broken/ { broken = 1 } END { exit !broken }'; }
no_carrier() { [ "$(cat "/sys/class/net/$dev/carrier" 2>/dev/null)" != 1 ]; }

kind_prepare() {
    await "$PATIENCE" reached 60 || wrong "what is sent does not come back while the device is honest: $(cat /run/echo)"
}

kind_attack() {
    talk 1 30 60 1000 1400 7000
    await $((PATIENCE * 4)) talked || wedged "sending does not end"
    unspoilt
    # The address changes, so nothing is sent meanwhile.
    commander
    await $((PATIENCE * 4)) commanded || wedged "a command does not end"
    ATTACK=failed AFTER=failed
    [ "$(cat /run/became.1) $(cat /run/became.2)" != "0 0" ] || ATTACK=ok
    ! is_broken || await "$PATIENCE" no_carrier || wrong "the NIC is broken, and has a carrier"
    # Without a carrier nobody tries; what is broken has none. A queue that stands still is noticed after 5 s, and reset after 10.
    # Where anything may come of it, no longer than until the log says something.
    [ "$outcome" = Safe ] && _for=$PATIENCE || _for=$((PATIENCE * 2))
    if [ "$(cat "/sys/class/net/$dev/carrier" 2>/dev/null)" = 1 ] && await $_for reached 300; then AFTER=ok; fi
}

# Frames are under way when the driver leaves: a machine with other things to do would leave before the first.
sends() { was_told || [ "$(cat "/sys/class/net/$dev/statistics/tx_packets")" -gt "$sent" ]; }
kind_leave() {
    sent=$(cat "/sys/class/net/$dev/statistics/tx_packets")
    talk 1 80 1000 7000
    commander
    await 2 sends || true
}
kind_left() { talked && commanded; }
kind_judge_left() { unspoilt; }
