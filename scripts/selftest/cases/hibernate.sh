# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: hibernation to a disk of ours under I/O: the machine goes off, another kernel reads the image, all is as it was
# disk: swap 512M
# disk: d0 64M
# disk: p0 64M port packed=on in_order=on
# disk: files 64M
# nic: a tap queues=2
# nic: b tap port
# balloon: balloon
# rng: rng
# needs: ext4
# boots: 4
# drill: 20
# timeout: 150
# cmdline: hibernate=nocompress
# debug: none

DISKS="d0 p0"

prepare() {
    net_up
    for name in swap files $DISKS; do block $name >/dev/null; done
    # shellcheck disable=SC2086  # words
    keep $DISKS
    nics_told
    mkswap "$(disk swap)" >/dev/null
    swapon "$(disk swap)"
    need_module ext4
    mkfs.ext4 -q "$(disk files)"
    mount -t ext4 "$(disk files)" /mnt
    host actual >/run/full
    balloon_to $(($(cat /run/full) / 1024 - 60))
    all_work
}

all_work() {
    nics_know
    for name in $DISKS; do short_verify "$(disk $name)" 62 20; done
    rng_works
}

# hibernates HOW TIMES: by one of the ways of /sys/power/disk, with I/O under way and files of which the disk knows nothing yet.
hibernates() {
    grep -qw "$1" /sys/power/disk || skip "the kernel knows no such way: $(cat /sys/power/disk)"
    echo "$1" >/sys/power/disk
    for _ in $(seq "$2"); do
        once "$1"
        rm -r "/mnt/${1:?}"
    done
}
once() {
    tree_make "/mnt/$1"
    tree_sums "/mnt/$1" >/run/sums
    # shellcheck disable=SC2086  # words
    io_on $DISKS
    load_on a b
    [ "$1" = test_resume ] || echo AWAY >&3
    echo disk >/sys/power/state || fail "no image: $(dmesg | grep -E 'PM: ' | tail -n 3)"
    # From here on it may be another machine.
    io_off
    load_off a b
    ! dmesg | grep -E 'PM: .*(failed to|returns -)' || fail "a device failed"
    # shellcheck disable=SC2086  # words
    kept $DISKS
    tree_sums "/mnt/$1" >/run/sums.now
    cmp -s /run/sums /run/sums.now || fail "files differ: $(diff /run/sums /run/sums.now | head -n 3)"
    drop_caches
    tree_sums "/mnt/$1" >/run/sums.now
    cmp -s /run/sums /run/sums.now || fail "files differ on the disk: $(diff /run/sums /run/sums.now | head -n 3)"
    wait_for 60 balloon_is $(($(cat /run/full) / 1024 - 60)) || fail "the balloon does not come back: $(host actual) KiB"
    all_work
}

# What an initramfs does; and the devices that have nothing to do with the image are at work meanwhile, so that they would write into its
# memory if they were not stopped. Does not return when it succeeds.
read_image() {
    net_up
    reach a "$(address b)"
    host balloon $(($(host actual) / 1024 - 60)) >/dev/null
    load_on a b
    cat "/sys/block/$(block swap)/dev" >/sys/power/resume
    fail "the image was not taken: $(dmesg | grep -E 'PM: ' | tail -n 3)"
}


all_checks() {
    check "prepare" prepare
    leaks_mark
    check "an image is made, written and read back, $RV_TIMES times" hibernates test_resume "$RV_TIMES"
    check "off by ACPI's S4, $RV_TIMES times" hibernates platform "$RV_TIMES"
    check "off by a shutdown" hibernates shutdown 1
    # To a driver that is as a shutdown.
    [ "$RV_TIMES" = 1 ] || check "off by a reboot" hibernates reboot 1
    check "nothing leaked" leaks_none 4096
    umount /mnt
    swapoff "$(disk swap)"
    check "modules unload" unload_modules
    check "nothing is left" no_traces
}

case $RV_BOOT in
1) all_checks ;;
*) check "boot $RV_BOOT reads the image" read_image ;;
esac
