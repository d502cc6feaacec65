# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: NICs when every buffer is bounced, as a device of ours sees it
# debug: none
# iommu=soft has the kernel say where that is.
# cmdline: swiotlb=force iommu=soft
# nic: a iommu_platform=on disable-legacy=on
# nic: b iommu_platform=on disable-legacy=on mrg_rxbuf=off
# model: n net access_platform=on
# timeout: 300

prepare() {
    net_up
    reach a "$(address b)"
}
data() {
    pings a "$(address b)" 1 1472 1473 65507
    stream a b tcp "$SOME" 1 random
    stream b a tcp "$SOME" 2
    stream b a udp "$((SOME / 4))" 3
    check_dma
}
own_data() {
    at n ping -q -c 60 -i 0.02 -W 10 -s 1400 10.0.0.100 || fail "no answer"
    pings n 10.0.0.100 1 512 1472 9000
}

check "two NICs" prepare
check "data" data
check "data of a device of ours" own_data
check "it saw no other memory" bounced n
check "modules unload" unload_modules
