# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: NICs when every buffer is bounced
# debug: none
# cmdline: swiotlb=force
# nic: a iommu_platform=on disable-legacy=on
# nic: b iommu_platform=on disable-legacy=on mrg_rxbuf=off
# timeout: 300

prepare() {
    net_up
    reach a "$(address b)"
}
bounced() {
    used=$DEBUGFS/swiotlb/io_tlb_used_hiwater
    [ -e $used ] || skip "the kernel counts no bounces"
    # Seen on Linux 7.3.4 with the C driver too.
    [ "$(cat $used)" -gt 0 ] || skip "io_tlb_used_hiwater stays 0 on this kernel"
}
data() {
    pings a "$(address b)" 1 1472 1473 65507
    stream a b tcp "$SOME" 1 random
    stream b a tcp "$SOME" 2
    stream b a udp "$((SOME / 4))" 3
    check_dma
}

check "two NICs" prepare
check "data" data
check "the bounce buffer was used" bounced
check "modules unload" unload_modules
