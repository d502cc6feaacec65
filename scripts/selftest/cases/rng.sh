# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: random numbers of the host come through /dev/hwrng
# rings: in-order packed packed-in-order
# rng: plain
# rng: slow max-bytes=64 period=3000
# timeout: 120

CORE=/sys/class/misc/hw_random

named() {
    note "available: $(cat $CORE/rng_available)"
    for name in plain slow; do
        number=$(virtio $name) number=${number#virtio}
        grep -qw "virtio_rng.$number" $CORE/rng_available || fail "virtio_rng.$number is not in $(cat $CORE/rng_available)"
    done
}

# choose NAME: the kernel reads this one.
choose() {
    number=$(virtio "$1")
    echo "virtio_rng.${number#virtio}" >$CORE/rng_current || fail "virtio_rng.${number#virtio} cannot be chosen"
}

# Random data does not compress, and no block of it comes twice.
random() {
    choose plain
    dd if=/dev/hwrng of=/run/random bs=4096 count=16 iflag=fullblock 2>/dev/null || fail "/dev/hwrng cannot be read"
    same "bytes read" "$(wc -c </run/random)" 65536
    packed=$(gzip -c /run/random | wc -c)
    [ "$packed" -gt 65000 ] || fail "65536 bytes compress to $packed"
    twice=$(od -An -v -tx8 -w16 /run/random | sort | uniq -d | head -n 1)
    [ -z "$twice" ] || fail "a block came twice: $twice"
}

# The host gives 64 bytes in three seconds. Who waits gets them; who does not wait is told so.
slow_host() {
    choose slow
    dd if=/dev/hwrng of=/run/slow bs=64 count=3 iflag=fullblock 2>/dev/null || fail "/dev/hwrng cannot be read"
    same "bytes read" "$(wc -c </run/slow)" 192
    choose plain
}

# A reader does not keep a device from being taken away for long, and sees another one or an error.
unbound_under_readers() {
    choose slow
    (while :; do dd if=/dev/hwrng of=/dev/null bs=64 count=1 2>/dev/null || sleep 0.1; done) 3>&- &
    reader=$!
    address=$(pci slow) driver=$(driver_of slow)
    for _ in 1 2 3; do
        sleep 1
        unbind "$address"
        bind "$address" "$driver"
        wait_for 10 choose slow || fail "the device did not come back"
    done
    kill $reader
    choose plain
    random
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
leaks_mark
check "unbound while it is read" unbound_under_readers
check "nothing is leaked" leaks_none 400
check "modules unload" all_gone
