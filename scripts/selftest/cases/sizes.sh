# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: devices whose rings have 1 to 32768 descriptors, packed ones of any number, resized under load
# debug: split
# model: p3 block ring=packed queue_size=3
# model: p7 block ring=packed-in-order queue_size=7
# model: p100 block ring=packed queue_size=100 indirect=off notification_data=on
# model: p1000 block ring=packed-in-order queue_size=1000 event_idx=off
# model: p32768 block ring=packed queue_size=32768
# model: s4 block ring=split queue_size=4
# model: s32768 block ring=in-order queue_size=32768
# model: n100 net ring=packed queue_size=100 notification_data=on
# model: n256 net ring=split queue_size=256
# model: r1 rng ring=split queue_size=1
# model: q1 rng ring=packed queue_size=1
# timeout: 200

CORE=/sys/class/misc/hw_random
DISKS="p3 p7 p100 p1000 p32768 s4 s32768"

# taken NAME SIZE...: how large the driver made its queues. Ours uses 1024 entries at most, 4 for control.
taken() {
    _name=$1
    shift
    same "queues of $_name" "$(host model "$_name" ask queues)" "$*"
}
taken_all() {
    taken p3 3
    taken p7 7
    taken p100 100
    taken p1000 1000
    taken s4 4
    taken r1 1
    taken q1 1
    most=1024 control=4
    [ "$RV_DRIVER" = rvirtio ] || most=32768 control=
    taken p32768 $most
    taken s32768 $most
    taken n100 100 100 "${control:-100}"
    taken n256 256 256 "${control:-256}"
}

used() {
    device=$(disk "$1")
    hammer "$device" 2 3>&- || fail "I/O by several at once fails"
    short_verify "$device" 7 40
}

# More than one lap of every ring.
random() {
    number=$(virtio "$1")
    case $RV_DRIVER in
    rvirtio) source=rvirtio_rng.${number#virtio} ;;
    c) source=virtio_rng.${number#virtio} ;;
    esac
    echo "$source" >$CORE/rng_current || fail "$source cannot be chosen"
    before=$(host model "$1" ask requests)
    dd if=/dev/hwrng of=/run/random bs=16 count=400 iflag=fullblock 2>/dev/null || fail "/dev/hwrng cannot be read"
    [ "$(host model "$1" ask requests)" -gt $((before + 3)) ] || fail "the device got no requests"
    [ "$(gzip -c /run/random | wc -c)" -gt 6000 ] || fail "what was read is not random"
}

echoed() {
    at "$1" rvecho 10.0.0.100 40 60 1400 7000 || fail "what is sent does not come back"
}

# resized NIC RX TX...: while datagrams come and go. What is lost meanwhile is lost; the rest is right.
resized() {
    name=$1
    shift
    # Some may be lost, which is said by the status.
    (set +e; at "$name" rvecho 10.0.0.100 300 60 1400 7000 >/run/echo 2>&1; echo $? >/run/echoed) 3>&- &
    while [ $# -gt 0 ]; do
        at "$name" ethtool -G eth0 rx "$1" tx "$2" || fail "rings of $1 and $2 are refused"
        taken "$name" "$1" "$2" "$(host model "$name" ask queues | cut -d' ' -f3)"
        shift 2
        usleep 300000
    done
    wait_for 120 test -s /run/echoed || fail "sending does not end"
    case $(cat /run/echoed) in
    0 | 3) note "$name: $(cat /run/echo)" ;;
    *) fail "what comes back differs: $(cat /run/echo)" ;;
    esac
    echoed "$name"
}

no_complaints() {
    for name in $DISKS n100 n256 r1 q1; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
    done
}

check "modules, and NICs" net_up
check "sizes of the queues" taken_all
for name in $DISKS; do
    check "$name" used $name
done
for name in r1 q1; do
    check "$name" random $name
done
for name in n100 n256; do
    check "$name" echoed $name
done
check "packed rings of any number, resized under load" resized n100 37 7 99 100 33 5 100 64
check "split rings, resized under load" resized n256 64 8 256 256 32 128
check "the devices do not complain" no_complaints
