# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: kexec with I/O and packets under way, behind a strict IOMMU: the next kernel finds reset devices, and the data
# kernel: stock
# machine: q35 intel-iommu
# cmdline: intel_iommu=on iommu.passthrough=0 iommu.strict=1
# disk: d0 64M iommu_platform=on disable-legacy=on
# disk: d1 64M iommu_platform=on disable-legacy=on packed=on in_order=on
# disk: tree 64M iommu_platform=on disable-legacy=on
# nic: a iommu_platform=on disable-legacy=on
# nic: b iommu_platform=on disable-legacy=on packed=on
# balloon: balloon iommu_platform=on disable-legacy=on
# rng: rng iommu_platform=on disable-legacy=on
# needs: kernel ext4
# memory: 1536
# timeout: 120
# What is under way when the kernel leaves fails, and the file system says so.
# allow: I/O error, dev vd[abc]|Buffer I/O error on dev(ice)? vd[abc]|lost (sync|async) page write|EXT4-fs (error|warning)|JBD2: .*rror

NAMES="d0 d1 tree a b balloon rng"

prepare() {
    net_up
    reach a "$(address b)"
    keep d0
    need_module ext4
    mkfs.ext4 -q -F "$(disk tree)"
    mount -t ext4 "$(disk tree)" /mnt
    tree_make /mnt/tree
    (cd /mnt && tree_sums tree >sums)
    sync
    balloon_to $(($(host actual) / 1024 - 60))
}

# The next kernel gets a copy of what this one has as its root, where the boot is the second.
loaded() {
    sed -i 's/^RV_BOOT=.*/RV_BOOT=2/' /etc/rv.conf
    (cd / && find . -xdev ! -path './boot/*' | cpio -o -H newc >/tmp/initrd) 2>/dev/null
    kexec load /boot/vmlinuz /tmp/initrd "$(cat /proc/cmdline)" || fail "no kernel is loaded"
    reads /sys/kernel/kexec_loaded 1
    rm /tmp/initrd
}

# Does not return when it succeeds.
goes() {
    io_on d0
    hammer "$(disk d1)" 60 3>&- &
    (while :; do rm -rf /mnt/busy; tree_make /mnt/busy; sync; done) >/dev/null 2>&1 3>&- &
    load_on a b
    (while :; do dd if=/dev/hwrng of=/dev/null bs=64 count=1; done) >/dev/null 2>&1 3>&- &
    sleep 2
    for name in $NAMES; do same "status of $name" "$(host status $name)" 15; done
    kexec go || fail "it does not go"
}

# Before a driver of this kernel has seen them.
left_reset() {
    reads /sys/kernel/kexec_loaded 0
    for name in $NAMES; do
        same "status of $name" "$(host status $name)" 0
        same "bus mastering of $name" $(($(byte "$PCI/devices/$(pci $name)/config" 4) & 4)) 0
    done
}

found() {
    net_up
    reach a "$(address b)"
    kept d0
    for name in d0 d1; do short_verify "$(disk $name)" 92 30; done
    need_module ext4
    e2fsck -p "$(disk tree)" || [ $? -le 1 ] || fail "e2fsck -p found errors"
    mount -t ext4 "$(disk tree)" /mnt
    (cd /mnt && tree_sums tree) | cmp - /mnt/sums || fail "the tree differs"
    umount /mnt
    stream a b tcp 4194304 93
    rng_works
    pages touch 60 || fail "memory that was in the balloon does not hold what is written"
    balloon_to $(($(host actual) / 1024 - 60))
    ! dmesg | grep 'DMAR: .*fault' || fail "a device has reached for memory that is not its own"
}

if [ "$RV_BOOT" = 1 ]; then
    check "prepare" prepare
    check "another kernel is loaded" loaded
    check "this one is left under I/O" goes
else
    check "this one is left under I/O" true
    check "its devices were left reset, and without bus mastering" left_reset
    check "all is there, and works" found
    check "modules unload" unload_modules
    check "nothing is left" no_traces
fi
