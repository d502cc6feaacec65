# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: PCI Express errors that devices report (AER), under I/O: correctable, non-fatal, fatal, and one that nobody recovers from
# driver: rvirtio
# disk: d0 64M port aer=on multifunction=on
# disk: mate 64M bus=port-d0 addr=0.1
# disk: p0 64M port aer=on packed=on in_order=on
# nic: a tap queues=2 port aer=on
# nic: b tap
# balloon: balloon port aer=on
# timeout: 180
# debug: none
# allow: I/O error, dev vd[abc]
# allow: Buffer I/O error on dev(ice)? vd[abc]

DISKS="d0 p0"

prepare() {
    net_up
    # shellcheck disable=SC2086  # words
    keep $DISKS
    nics_told
    host actual >/run/full
    balloon_to $(($(cat /run/full) / 1024 - 60))
}

# reported DEVICE KIND: how many errors of that kind (correctable, nonfatal, fatal) the kernel has heard of.
reported() { sed -n 's/^TOTAL_ERR_[A-Z]* //p' "$PCI/devices/$(pci "$1")/aer_dev_$2"; }
heard() { [ "$(reported "$1" "$2")" -ge "$3" ]; }
recoveries() { dmesg | grep -c "device recovery $1" || true; }
came_to() { [ "$(recoveries "$1")" -ge "$2" ]; }

works() {
    for name in $DISKS; do reads "/sys/bus/$BUS/devices/$(virtio $name)/status" 0x0000000f; done
    ! dmesg | grep -E 'virtio[0-9]+: device is broken' || fail "a device is broken"
    # shellcheck disable=SC2086  # words
    kept $DISKS
    nics_know
    wait_for 60 balloon_is $(($(cat /run/full) / 1024 - 60)) || fail "the balloon does not come back: $(host actual) KiB"
}

# errors KIND ERROR: every device reports it once, while it works.
errors() {
    # shellcheck disable=SC2086  # words
    io_on $DISKS
    load_on a b
    for name in $DISKS a balloon; do
        before=$(recoveries successful) was=$(reported $name "$1")
        host aer "$name $2" >/dev/null
        wait_for 10 heard $name "$1" $((was + 1)) || fail "nobody heard $2 of $name"
        [ "$1" = correctable ] || wait_for 20 came_to successful $((before + 1)) || fail "$name is not recovered from $2"
    done
    io_off
    load_off a b
    works
}

# A function beside it has no driver that could say what it needs: the kernel gives up both.
given_up() {
    mate=$(pci d0 | sed 's/.$/1/')
    unbind "$mate"
    io_on p0
    hammer "$(disk d0)" 3 3>&- &
    host aer d0 COMP_TIME >/dev/null
    wait_for 20 came_to failed 1 || fail "it was not given up"
    wait $!
    same "reading from it" "$(rvio try read "$(disk d0)" 0 512)" EIO
    rm -f /run/why
    io_off
    unbind "$(pci d0)"
    bind "$(pci d0)" rvirtio_pci
    bind "$mate" rvirtio_pci
    short_verify "$(disk d0)" 75 20
}

check "prepare" prepare
leaks_mark
check "correctable errors" errors correctable BAD_TLP
check "non-fatal errors" errors nonfatal COMP_TIME
check "fatal errors" errors fatal DLP
check "an error that nobody recovers from" given_up
check "nothing leaked" leaks_none 4096
check "modules unload" unload_modules
check "nothing is left" no_traces
