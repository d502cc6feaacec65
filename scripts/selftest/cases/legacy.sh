# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: disks, NICs and others of before version 1, on INTx, one vector and many; framing; addresses and cache modes by configuration
# covers: VIRTIO_F_ANY_LAYOUT
# legacy: only
# disk: d0 64M vectors=0
# disk: d1 64M vectors=1
# disk: d2 64M vectors=2 num-queues=1
# disk: now 64M disable-modern=off
# nic: n0 vectors=0
# nic: n1 vectors=1
# nic: short hub=1 mrg_rxbuf=off
# nic: apart hub=1 any_layout=off
# nic: both hub=2 any_layout=off mrg_rxbuf=off indirect_desc=off event_idx=off vectors=0
# nic: nomac hub=2 ctrl_mac_addr=off
# balloon: balloon
# rng: rng vectors=0
# timeout: 300

LEGACY="d0 d1 d2 n0 n1 short apart both nomac balloon rng"

interfaces() {
    net_up
    for name in $LEGACY; do
        same "VERSION_1 of $name" "$(feature $name 32)" 0
        reads "/sys/bus/$BUS/devices/$(virtio $name)/status" 0x00000007
        [ "$RV_DRIVER" = c ] || dmesg | grep -q "$(pci $name): legacy interface\$" || fail "the log does not say that $name is a legacy device"
    done
    # What can be used through the newer interface is.
    same "VERSION_1 of now" "$(feature now 32)" 1
    ! dmesg | grep -q "$(pci now): legacy" || fail "now is used through the legacy interface"
    for name in n0 n1 short nomac; do
        same "ANY_LAYOUT of $name" "$(feature $name 27)" 1
    done
    for name in apart both; do
        same "ANY_LAYOUT of $name" "$(feature $name 27)" 0
    done
    for name in short both; do
        same "MRG_RXBUF of $name" "$(feature $name 15)" 0
    done
    same "CTRL_MAC_ADDR of nomac" "$(feature nomac 23)" 0
    same "INDIRECT_DESC of both" "$(feature both 28)" 0
}

lines() { grep -E "$(virtio "$1")(-|\$|,)" /proc/interrupts; }
interrupts_are() {
    for name in d0 d1 n0 n1 both rng; do
        ! lines $name | grep -q -i MSI || [ "$RV_DRIVER" = c ] || fail "$name uses MSI-X: $(lines $name)"
    done
    for name in d2 short apart nomac; do
        lines $name | grep -q -i MSI || fail "$name does not use MSI-X: $(lines $name)"
    done
}

data() {
    for name in d0 d1 d2 now; do
        short_verify "$(disk $name)" 31 60
    done
    hammer "$(disk d0)" 3 3>&- &
    first=$!
    hammer "$(disk d2)" 3 3>&- &
    second=$!
    pings n0 "$(address n1)" 1 1472 65507
    wait_for 60 sh -c "! kill -0 $first 2>/dev/null && ! kill -0 $second 2>/dev/null" || fail "I/O does not go on"
    head -c 4096 /dev/hwrng >/run/random
    same "random bytes" "$(wc -c </run/random)" 4096
}

# The configuration has moved where MSI-X is on, and is read and written where it is.
configuration() {
    for name in d0 d2; do
        attribute=/sys/block/$(block $name)/cache_type
        same "CONFIG_WCE of $name" "$(feature $name 11)" 1
        for mode in "write through" "write back"; do
            echo "$mode" >"$attribute"
            reads "$attribute" "$mode"
        done
        host resize $name 96M
        wait_for 10 grep -qx 196608 "/sys/block/$(block $name)/size" || fail "$name: the size did not change"
        short_verify "$(disk $name)" 33 60
    done
    for name in n0 n1 short; do
        host link $name off
        wait_for 10 no_carrier $name || fail "$name does not see its link go down"
        host link $name on
        wait_for 10 carrier $name || fail "$name does not see its link come up"
    done
}

pair() {
    reach "$1" "$(address "$2")"
    pings "$1" "$(address "$2")" 1 1472 1473 65507
    pings "$2" "$(address "$1")" 1 1472 1473 65507
    stream "$1" "$2" tcp "$((SOME / 16))" 1 random
    stream "$2" "$1" tcp "$((SOME / 16))" 2
    stream "$1" "$2" udp "$((SOME / 32))" 3
    stream "$2" "$1" udp "$((SOME / 32))" 4 size=30000
}

STRANGER=52:54:00:ff:ff:01
GROUP=01:00:5e:00:12:34

# sent_to FROM TO MAC: how many of 40 frames that FROM sends to that MAC TO's driver gets; others are few.
sent_to() {
    ip -n "$1" neigh replace 10.0.0.77 lladdr "$3" dev eth0 nud permanent
    _before=$(counter "$2" rx_packets)
    at "$1" xfer flood 10.0.0.77 4000 1 need=40 size=100 >/dev/null
    usleep 200000
    echo $(($(counter "$2" rx_packets) - _before))
}
gets() { _got=$(sent_to "$1" "$2" "$3"); [ "$_got" -ge 40 ] || fail "$4: $2 got $_got of 40 frames to $3"; }
gets_not() { _got=$(sent_to "$1" "$2" "$3"); [ "$_got" -lt 20 ] || fail "$4: $2 got $_got of 40 frames to $3"; }

# The device filters by the address that it finds in its configuration.
address_written() {
    before=$(at nomac cat /sys/class/net/eth0/address)
    gets both nomac "$before" "its own address"
    ip -n nomac link set eth0 address 52:54:00:aa:0b:0c
    gets both nomac 52:54:00:aa:0b:0c "the new address"
    gets_not both nomac "$before" "the address that it had"
    ip -n both neigh flush dev eth0
    reach both "$(address nomac)"
}

# Commands whose parts are segments of their own: the device does as told.
commands() {
    for pair in short/apart nomac/both; do
        from=${pair%/*} to=${pair#*/}
        gets_not "$from" "$to" $STRANGER "somebody else's address"
        ip -n "$to" link set eth0 promisc on
        gets "$from" "$to" $STRANGER "promiscuous"
        ip -n "$to" link set eth0 promisc off
        gets_not "$from" "$to" $STRANGER "no longer promiscuous"
        gets_not "$from" "$to" $GROUP "a group that it is not in"
        ip -n "$to" maddr add $GROUP dev eth0
        gets "$from" "$to" $GROUP "a group"
        ip -n "$to" maddr del $GROUP dev eth0
        gets_not "$from" "$to" $GROUP "a group that it has left"
        ip -n "$to" link set eth0 address "52:54:00:bb:00:0$(number "$to")"
        gets "$from" "$to" "52:54:00:bb:00:0$(number "$to")" "the new address"
        ip -n "$from" neigh flush dev eth0
        reach "$from" "$(address "$to")"
    done
}

rebound() {
    for name in d0 d2 n1 apart both rng; do
        address=$(pci $name) driver=$(driver_of $name)
        for _ in 1 2 3; do
            unbind "$address"
            bind "$address" "$driver"
        done
        case $name in n1 | apart | both) nic_in $name ;; esac
    done
    short_verify "$(disk d0)" 37 60
    short_verify "$(disk d2)" 38 60
    reach n0 "$(address n1)"
    reach short "$(address apart)"
    reach nomac "$(address both)"
    balloon_to $(($(host actual) / 1024 - 100))
    balloon_to $(($(host actual) / 1024 + 100))
}

# What can be used through both interfaces is used through the one that the administrator wants.
wished() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C's force_legacy is for its built-in module's command line"
    unload_modules
    modprobe "$PCI_MODULE" force_legacy=1
    load_modules
    same "VERSION_1 of now" "$(feature now 32)" 0
    dmesg | grep -q "$(pci now): legacy interface, as wished\$" || fail "the log does not say so"
    short_verify "$(disk now)" 41 60
    short_verify "$(disk d2)" 42 60
}

check "through which interface" interfaces
check "INTx and MSI-X" interrupts_are
check "data" data
check "configuration: cache mode, size, link" configuration
check "INTx and one vector" pair n0 n1
check "a short header; a header of its own" pair short apart
check "both, and nothing else" pair both nomac
check "the address, by configuration" address_written
check "commands" commands
check "bound anew" rebound
check "force_legacy" wished
check "modules unload" unload_modules
check "nothing is left" no_traces
