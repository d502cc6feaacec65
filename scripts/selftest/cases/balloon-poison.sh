# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: free memory is filled with a pattern: the host hears of it, and memory that comes back from it is filled so
# covers: VIRTIO_BALLOON_F_PAGE_POISON VIRTIO_BALLOON_F_PAGE_REPORTING
# balloon: balloon free-page-reporting=on
# cmdline: page_poison=1
# debug: none
# timeout: 120

# What Linux fills free pages with.
PATTERN=170

prepare() {
    load_modules
    same "feature PAGE_POISON" "$(feature balloon 4)" 1
    for offset in 12 13 14 15; do same "byte $offset of the configuration" "$(host config balloon $offset)" $PATTERN; done
}

# The kernel looks at each page that it takes from its free ones.
unspoilt() { ! dmesg | grep -A3 'pagealloc:' || fail "free memory holds something else"; }

used() {
    for _ in 1 2 3; do
        pages touch 300 || fail "memory does not hold what is written"
        sleep 2
    done
    unspoilt
}

sawtooth() {
    for _ in 1 2 3; do
        balloon_to $((full - 300))
        balloon_to "$full"
        pages touch 300 || fail "memory that was the host's does not hold what is written"
    done
    unspoilt
}

rebinds() {
    address=$(pci balloon) driver=$(driver_of balloon)
    balloon_to $((full - 100))
    unbind "$address"
    pages touch 200 || fail "memory that was the host's does not hold what is written"
    bind "$address" "$driver"
    wait_for 30 prepared || fail "the host was not told again"
    balloon_to "$full"
    unspoilt
}
prepared() { [ "$(host config balloon 12)" = $PATTERN ]; }

full=$(($(host actual) / 1024))
check "the host hears of it" prepare
check "memory is used while it is reported" used
check "a balloon goes up and down" sawtooth
check "bound anew" rebinds
check "modules unload" unload_modules
