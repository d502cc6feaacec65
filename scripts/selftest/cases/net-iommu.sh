# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: NICs behind an IOMMU in strict mode, and with every buffer bounced
# rings: packed-in-order
# debug: none
# machine: q35 intel-iommu
# cmdline: intel_iommu=on iommu.passthrough=0 iommu.strict=1
# nic: a iommu_platform=on disable-legacy=on
# nic: b iommu_platform=on disable-legacy=on mrg_rxbuf=off
# allow: NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out
# timeout: 300

translated() {
    net_up
    for name in a b; do
        reads "$PCI/devices/$(pci $name)/iommu_group/type" DMA
        same "feature ACCESS_PLATFORM of $name" "$(feature $name 33)" 1
    done
    dmesg -c >/dev/null
    reach a "$(address b)"
}

data() {
    pings a "$(address b)" 1 1472 1473 65507
    stream a b tcp "$SOME" 1 random
    stream b a tcp "$SOME" 2
    stream b a udp "$((SOME / 4))" 3
    ip -n a link set eth0 mtu 9000
    stream a b tcp "$SOME" 4
    check_dma
}

rebinds() {
    load_on a b
    address=$(pci a) driver=$(driver_of a)
    for _ in 1 2 3 4 5; do
        unbind "$address"
        bind "$address" "$driver"
        nic_in a
        usleep 100000
    done
    reach a "$(address b)"
    load_off a b
    check_dma
}

no_faults() { ! dmesg | grep -i 'DMAR:.*fault' || fail "the IOMMU reports faults"; }

check "the NICs are behind the IOMMU" translated
check "the ring format" in_format
check "data" data
check "unbind and bind under load" rebinds
check "no faults" no_faults
check "modules unload" unload_modules
