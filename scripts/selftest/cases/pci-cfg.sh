# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: registers and notifications through configuration space (force_pci_cfg)
# driver: rvirtio
# debug: none
# disk: d 64M port
# disk: line 64M vectors=0
# nic: a
# nic: b
# timeout: 300

claims() { grep -c rvirtio_pci /proc/iomem || true; }

reached() {
    modprobe "$PCI_MODULE" force_pci_cfg=1
    net_up
    for name in d line a b; do
        dmesg | grep -q "$(pci $name): registers are reached through configuration space\$" || fail "the log does not say so of $name"
    done
    same "BARs that are claimed" "$(claims)" 0
}

data() {
    for name in d line; do short_verify "$(disk $name)" 61 60; done
}

# The device's configuration is read, and written.
configuration() {
    attribute=/sys/block/$(block d)/cache_type
    for mode in "write through" "write back"; do
        echo "$mode" >"$attribute"
        reads "$attribute" "$mode"
    done
    host resize line 96M
    wait_for 10 grep -qx 196608 "/sys/block/$(block line)/size" || fail "the size did not change"
    host link a off
    wait_for 10 no_carrier a || fail "a does not see its link go down"
    host link a on
    wait_for 10 carrier a || fail "a does not see its link come up"
}

network() {
    pings a "$(address b)" 1 1472 65507
    ip -n a link set eth0 promisc on
    ip -n a link set eth0 promisc off
    reach b "$(address a)"
}

# A reset of the function clears the capability's fields as well.
reset() {
    hammer "$(disk d)" 20 3>&- &
    hammer=$!
    for _ in 1 2 3; do
        usleep 200000
        echo 1 >"$PCI/devices/$(pci d)/reset"
    done
    kill $hammer
    wait $hammer || true
    short_verify "$(disk d)" 62 60
}

# The same disks by their BARs.
mapped() {
    rvio fill "$(disk d)" 0 1048576 63
    unload_modules
    load_modules
    rvio check "$(disk d)" 0 1048576 63 || fail "what was written is not there"
    [ "$(claims)" -ge 4 ] || fail "$(claims) BARs are claimed"
}

check "registers are reached" reached
check "data, with MSI-X and on INTx" data
check "configuration" configuration
check "network" network
check "reset under I/O" reset
check "as usual again" mapped
check "modules unload" unload_modules
check "nothing is left" no_traces
