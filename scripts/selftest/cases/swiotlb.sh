# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: every buffer bounced (swiotlb=force)
# debug: none
# cmdline: swiotlb=force
# disk: d0 64M iommu_platform=on disable-legacy=on
# disk: d1 64M iommu_platform=on disable-legacy=on indirect_desc=off
# timeout: 60

verify() {
    short_verify "$(disk "$1")" 15
    rvio vector "$(disk "$1")" 6 512 || fail "256 segments: data differ"
    same "2 MiB in one call" "$(rvio try write "$(disk "$1")" 0 2097152)" ok
}

bounced() {
    check_dma
    used=$DEBUGFS/swiotlb/io_tlb_used_hiwater
    [ -e $used ] || skip "the kernel counts no bounces"
    # Seen on Linux 7.3.4 with the C driver too.
    [ "$(cat $used)" -gt 0 ] || skip "io_tlb_used_hiwater stays 0 on this kernel"
}

load_modules
check "data" verify d0
check "data without indirect tables" verify d1
check "the bounce buffer was used" bounced
check "modules unload" unload_modules
