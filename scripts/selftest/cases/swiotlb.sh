# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: every buffer bounced (swiotlb=force), as a device of ours sees it
# debug: none
# iommu=soft has the kernel say where that is.
# cmdline: swiotlb=force iommu=soft
# disk: d0 64M iommu_platform=on disable-legacy=on
# disk: d1 64M iommu_platform=on disable-legacy=on indirect_desc=off
# model: m block size=64M access_platform=on
# timeout: 60

verify() {
    short_verify "$(disk "$1")" 15
    rvio vector "$(disk "$1")" 6 512 || fail "256 segments: data differ"
    same "2 MiB in one call" "$(rvio try write "$(disk "$1")" 0 2097152)" ok
}

# What is bounced in one piece has 256 KiB at most.
segments() {
    for name in d0 d1 m; do
        most=$(cat "/sys/block/$(block $name)/queue/max_segment_size")
        [ "$most" -le 262144 ] || fail "a segment of $name may have $most bytes"
    done
}

load_modules
check "segments are no longer than what can be bounced" segments
check "data" verify d0
check "data without indirect tables" verify d1
check "data of a device of ours" verify m
check "it saw no other memory" bounced m
check "modules unload" unload_modules
