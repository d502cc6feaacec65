# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: queues without interrupts, for polled requests
# rings: packed
# needs: fio
# disk: two 64M num-queues=2 port
# disk: four 64M num-queues=4
# disk: one 64M num-queues=1
# disk: line 64M num-queues=2 vectors=0
# debug: none
# timeout: 150

prepare() {
    [ -z "$PCI_MODULE" ] || modprobe "$PCI_MODULE"
    # So long that nothing here waits for somebody to look after a late request.
    [ "$RV_DRIVER" = c ] || patience=io_timeout=1200
    # shellcheck disable=SC2086  # none, or a word
    modprobe "$BLK_MODULE" poll_queues=2 ${patience-}
}

polls() { reads "/sys/block/$(block "$1")/queue/io_poll" "$2"; }

# verify NAME: polled, checked.
verify() {
    fio --output="/run/fio.$1" --filename="$(disk "$1")" --direct=1 --ioengine=io_uring --hipri --verify=crc32c --verify_fatal=1 \
        --thread --numjobs=2 --size=2M --offset_increment=32M --bsrange=4k-64k --rw=randwrite --iodepth=16 --name=all ||
        fail "fio on $1: $(grep -m 1 -E 'verify|error|err=' "/run/fio.$1")"
}

# No interrupt comes for polled requests.
without_interrupts() {
    before=$(interrupts "$1" 'req.*')
    verify "$1"
    after=$(interrupts "$1" 'req.*')
    note "interrupts of $1: $((after - before))"
    # fio looks at the device before, and udev might.
    [ $((after - before)) -lt 64 ] || fail "polled requests brought $((after - before)) interrupts"
    ! grep "$(virtio "$1")-req_poll" /proc/interrupts || fail "a polled queue has an interrupt"
}

refused() {
    ! fio --output=/run/fio --filename="$(disk "$1")" --direct=1 --ioengine=io_uring --hipri --size=64k --rw=write --name=all || fail "it polls"
    grep -q 'Operation not supported' /run/fio || fail "fio says: $(grep -m 1 error /run/fio)"
}

# Whoever polls is frozen then, and does not take back what he has under way.
sleeps() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C waits for who polls, who is frozen"
    fio --output=/run/fio.sleep --filename="$(disk two)" --direct=1 --ioengine=io_uring --hipri --thread --numjobs=2 --size=16M --bs=4k \
        --offset_increment=32M --rw=randwrite --iodepth=32 --time_based --runtime=12 --name=all 3>&- &
    fio=$!
    for level in freezer devices devices; do
        sleep 1
        asleep $level
    done
    wait $fio || fail "fio: $(grep -m 1 -E 'error|err=' /run/fio.sleep)"
}

# The disk is reset under who polls: nobody but him takes back what is done.
resets() {
    fio_over_resets two --hipri --numjobs=2 --offset_increment=32M --iodepth=16
    verify two
}

plain() { short_verify "$(disk "$1")" 5 60; }

check "modules, two queues to be polled" prepare
check "the ring format" in_format
check "a disk of two queues can be polled" polls two 1
check "a disk of four queues can be polled" polls four 1
check "a disk of one queue cannot" polls one 0
check "polled I/O" without_interrupts two
check "polled I/O, four queues" without_interrupts four
check "polled I/O on INTx" verify line
check "sleep while others poll" sleeps
check "reset while others poll" resets
check "a disk that cannot says so" refused one
for name in two four one line; do
    check "I/O with interrupts: $name" plain $name
done
check "modules unload" unload_modules
check "nothing is left" no_traces
