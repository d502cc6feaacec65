# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: random numbers of the host come through /dev/hwrng
# rings: in-order packed-in-order
# debug: packed-in-order
# rng: plain
# rng: slow max-bytes=64 period=3000
# legacy: always
# timeout: 120

CORE=/sys/class/misc/hw_random

# source_of NAME: what the kernel calls it. C's driver counts its devices, of which there are no others here.
source_of() {
    number=$(virtio "$1")
    case $RV_DRIVER in
    rvirtio) echo "rvirtio_rng.${number#virtio}" ;;
    c) echo "virtio_rng.${number#virtio}" ;;
    esac
}

named() {
    note "available: $(cat $CORE/rng_available)"
    for name in plain slow; do
        grep -qw "$(source_of $name)" $CORE/rng_available || fail "$(source_of $name) is not in $(cat $CORE/rng_available)"
        same "driver of $name" "$(basename "$(readlink "/sys/bus/$BUS/devices/$(virtio $name)/driver/module")")" "$RNG_MODULE"
    done
    in_format
    modprobe -R "$(cat "/sys/bus/$BUS/devices/$(virtio plain)/modalias")" | grep -qx "$RNG_MODULE" ||
        fail "the alias does not lead to $RNG_MODULE"
}

# chosen NAME: the kernel reads this one now, if it can be chosen.
chosen() {
    echo "$(source_of "$1")" >$CORE/rng_current && [ "$(cat $CORE/rng_current)" = "$(source_of "$1")" ]
}
choose() { chosen "$1" || fail "$(source_of "$1") cannot be chosen"; }

# Random data does not compress, and no block of it comes twice.
random() {
    choose plain
    before=$(interrupts plain input)
    dd if=/dev/hwrng of=/run/random bs=4096 count=16 iflag=fullblock 2>/dev/null || fail "/dev/hwrng cannot be read"
    same "bytes read" "$(wc -c </run/random)" 65536
    packed=$(gzip -c /run/random | wc -c)
    [ "$packed" -gt 65000 ] || fail "65536 bytes compress to $packed"
    od -An -v -tx8 -w16 /run/random >/run/blocks
    same "blocks" "$(wc -l </run/blocks)" 4096
    twice=$(sort /run/blocks | uniq -d | head -n 1)
    [ -z "$twice" ] || fail "a block came twice: $twice"
    [ "$RV_DRIVER" = c ] || [ "$(interrupts plain input)" -gt "$before" ] || fail "no interrupt came"
}

# The host gives 64 bytes in three seconds. Who waits gets them in the end.
slow_host() {
    choose slow
    before=$(interrupts slow input)
    dd if=/dev/hwrng of=/run/slow bs=64 count=3 iflag=fullblock 2>/dev/null || fail "/dev/hwrng cannot be read"
    same "bytes read" "$(wc -c </run/slow)" 192
    same "the source that was read" "$(cat $CORE/rng_current)" "$(source_of slow)"
    [ "$RV_DRIVER" = c ] || [ $(($(interrupts slow input) - before)) -ge 2 ] || fail "they did not come bit by bit"
    choose plain
}

reads_on() {
    set +x
    while :; do
        if dd if=/dev/hwrng of=/dev/null bs=64 count=1 2>/dev/null; then echo; else sleep 0.1; fi
    done
}
times() { wc -l </run/reads; }
more_reads() { [ "$(times)" -gt "$1" ]; }

# A reader does not keep a device from being taken away, and goes on with another one.
unbound_under_readers() {
    choose slow
    reads_on >/run/reads 3>&- &
    reader=$!
    trap 'kill $reader' EXIT
    address=$(pci slow) driver=$(driver_of slow)
    for _ in 1 2 3; do
        sleep 1
        unbind "$address"
        wait_for 10 more_reads "$(times)" || fail "nothing is read any more"
        bind "$address" "$driver"
        wait_for 10 chosen slow || fail "the device did not come back"
    done
    note "$(times) reads meanwhile"
    choose plain
}

all_gone() {
    unload_modules
    no_traces
    [ -z "$(grep virtio $CORE/rng_available)" ] || fail "still there: $(cat $CORE/rng_available)"
}

load_modules
check "both are available" named
check "/dev/hwrng gives random bytes" random
check "a host that is slow" slow_host
check "unbound while it is read" unbound_under_readers
leaks_mark
check "once more" unbound_under_readers
check "random bytes afterwards" random
check "nothing is leaked" leaks_none 1024
check "modules unload" all_gone
