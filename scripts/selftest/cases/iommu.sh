# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: disks behind an IOMMU, in strict mode
# covers: VIRTIO_F_ACCESS_PLATFORM
# rings: packed-in-order
# machine: q35 intel-iommu
# cmdline: intel_iommu=on iommu.passthrough=0 iommu.strict=1
# disk: d0 64M iommu_platform=on disable-legacy=on
# disk: d1 64M iommu_platform=on disable-legacy=on queue-size=8
# timeout: 80

translated() {
    for name in d0 d1; do
        [ -e "$PCI/devices/$(pci $name)/iommu_group" ] || fail "$name is in no IOMMU group"
        reads "$PCI/devices/$(pci $name)/iommu_group/type" DMA
        # ACCESS_PLATFORM
        same "feature bit 33 of $name" "$(cut -c34 "/sys/bus/$BUS/devices/$(virtio $name)/features")" 1
    done
}

verify() {
    short_verify "$(disk "$1")" 13
    rvio vector "$(disk "$1")" 5 512 || fail "256 segments: data differ"
    check_dma
}

rebinds() {
    address=$(pci d0) driver=$(driver_of d0) left=5
    while [ "$left" -gt 0 ]; do
        unbind "$address"
        bind "$address" "$driver"
        block d0 >/dev/null
        left=$((left - 1))
    done
    short_verify "$(disk d0)" 14 40
    check_dma
}

no_faults() { ! dmesg | grep -i 'DMAR:.*fault' || fail "the IOMMU reports faults"; }

load_modules
check "the ring format" in_format
block d0 >/dev/null
block d1 >/dev/null
# The firmware used these disks too, without the IOMMU. When a driver lets them master the bus before it has reset them,
# they look at the firmware's rings once more; the C driver does.
note "faults while the drivers load: $(dmesg | grep -c 'DMAR:.*fault addr')"
dmesg -c >/dev/null
check "the disks are behind the IOMMU" translated
check "data" verify d0
check "data, a ring of 8" verify d1
check "five times unbind and bind" rebinds
check "no faults" no_faults
check "modules unload" unload_modules
