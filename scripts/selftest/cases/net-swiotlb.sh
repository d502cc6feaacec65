# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: NICs when every buffer is bounced
# cmdline: swiotlb=force
# nic: a iommu_platform=on disable-legacy=on
# nic: b iommu_platform=on disable-legacy=on mrg_rxbuf=off
# timeout: 300

bounced() {
    net_up
    reach a "$(address b)"
    note "bounce buffers used so far, at most: $(cat $DEBUGFS/swiotlb/io_tlb_used_hiwater)"
    [ "$(cat $DEBUGFS/swiotlb/io_tlb_used_hiwater)" -gt 0 ] || fail "no buffer is bounced"
}
data() {
    pings a "$(address b)" 1 1472 1473 65507
    stream a b tcp "$SOME" 1 random
    stream b a tcp "$SOME" 2
    stream b a udp "$((SOME / 4))" 3
    check_dma
}

check "buffers are bounced" bounced
check "data" data
check "modules unload" unload_modules
