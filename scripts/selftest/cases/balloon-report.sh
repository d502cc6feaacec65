# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: pages that become free are reported, and the host gets them back
# covers: VIRTIO_BALLOON_F_PAGE_REPORTING
# rings: packed-in-order
# balloon: balloon free-page-reporting=on
# legacy: named
# matrix: any
# timeout: 300

prepare() {
    load_modules
    same "feature REPORTING" "$(feature balloon 5)" 1
    copied || return 0
    # At such a point of the matrix.
    dmesg | grep -q 'free pages are not reported: they would be copied' || fail "the log does not say that nothing is reported"
}
# copied: whether the host would get to see a copy only.
copied() { case $RV_POINT in *swiotlb) return 0 ;; *) return 1 ;; esac; }

lower() { [ "$(host rss)" -lt "$1" ]; }

# A program takes memory and gives it back; the host's share of it falls.
falls() {
    ! copied || skip "nothing is reported where the host sees copies only"
    pages hold 300 3 >/run/held 2>&1 3>&- &
    holder=$!
    wait_for 60 grep -q filled /run/held
    high=$(host rss)
    kill $holder
    wait_for 60 lower $((high - 200 * 1024)) || fail "the host holds $(host rss) KiB, $high while 300 MiB were in use"
    note "host: $high KiB while 300 MiB were in use, $(host rss) afterwards"
    grep -q '^right' /run/held || fail "memory in use has changed: $(cat /run/held)"
}

usable() { pages touch 300 || fail "memory that was reported does not hold what is written"; }

churn() {
    for _ in 1 2 3 4 5; do
        pages touch 200 || fail "memory does not hold what is written"
        sleep 1
    done
}

# Unbound while reports are under way, it must take none of the pages with it.
rebinds() {
    address=$(pci balloon) driver=$(driver_of balloon) free=$(free_now)
    for _ in 1 2 3 4 5; do
        pages touch 100
        unbind "$address"
        bind "$address" "$driver"
    done
    drop
    near "free memory" "$(free_now)" "$free" 20480
}

check "the device takes reports" prepare
check "the ring format" in_format
check "memory that became free goes to the host" falls
check "it can be used again" usable
check "five times" churn
check "bound anew" rebinds
check "it still works" falls
check "modules unload" unload_modules
check "nothing is left" no_traces
