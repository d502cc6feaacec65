# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a balloon behind an IOMMU: page numbers are physical, rings are not
# driver: rvirtio
# machine: q35 intel-iommu
# cmdline: intel_iommu=on iommu.passthrough=0 iommu.strict=1
# balloon: balloon iommu_platform=on disable-legacy=on
# timeout: 300
# The C driver gives ACCESS_PLATFORM back, and such a device then refuses to work.

prepare() {
    load_modules
    same "feature ACCESS_PLATFORM" "$(feature balloon 33)" 1
    host actual >/run/full
    dmesg -c >/dev/null
}
up_and_down() {
    free=$(free_now)
    balloon_to $(($(cat /run/full) / 1024 - 200))
    near "free memory" "$(free_now)" $((free - 200 * 1024)) 20480
    balloon_to $(($(cat /run/full) / 1024))
    pages touch 200 || fail "memory that came back does not hold what is written"
    check_dma
}
no_faults() { ! dmesg | grep -i 'DMAR:.*fault' || fail "the IOMMU reports faults"; }

check "the balloon is behind the IOMMU" prepare
check "up and down" up_and_down
check "no faults" no_faults
check "modules unload" unload_modules
