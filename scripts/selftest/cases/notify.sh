# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: notifications that say more, the order of the platform, feature bits above 64: devices that a program of ours plays
# covers: VIRTIO_F_NOTIFICATION_DATA VIRTIO_F_NOTIF_CONFIG_DATA VIRTIO_F_ORDER_PLATFORM
# rings: in-order packed packed-in-order
# debug: packed
# model: place block notification_data=on order_platform=on access_platform=on
# model: called block notif_config_data=on event_idx=off offer=64 offer=100 offer=127
# model: all block notification_data=on notif_config_data=on order_platform=on indirect=off event_idx=off queue_size=32
# model: n0 net notification_data=on notif_config_data=on
# model: n1 net notif_config_data=on queue_size=64 offer=90
# timeout: 90

DISKS="place called all"
NAMES="$DISKS n0 n1"

counts() { echo "$(host model "$1" ask notifications) $(host model "$1" ask up-to-date)"; }

# agreed NAME DATA CALLED: C's driver does not know the second.
agreed() {
    same "NOTIFICATION_DATA of $1" "$(feature "$1" 38)" "$2"
    [ "$RV_DRIVER" = c ] || same "NOTIF_CONFIG_DATA of $1" "$(feature "$1" 39)" "$3"
}
agreed_all() {
    agreed place 1 0
    agreed called 0 1
    agreed all 1 1
    agreed n0 1 1
    agreed n1 0 1
    same "ORDER_PLATFORM of place" "$(feature place 36)" 1
    same "ACCESS_PLATFORM of place" "$(feature place 33)" 1
    same "ORDER_PLATFORM of all" "$(feature all 36)" 1
    same "ACCESS_PLATFORM of all" "$(feature all 33)" 0
}

# All four words of the features are read, and written: what is not known, and is offered, is not accepted.
words() {
    for name in $NAMES; do
        same "words of the features that were read and written: $name" "$(host model $name ask words)" "0,1,2,3 0,1,2,3"
    done
    for bit in 64 100 127; do
        same "bit $bit of called" "$(feature called $bit)" 0
    done
    same "bit 90 of n1" "$(feature n1 90)" 0
    [ "$RV_DRIVER" = rvirtio ] || return 0
    for bit in 64 100 127; do
        same "bit $bit of called" "$(sed -n "s/^$bit [^ ]* //p" "$DEBUGFS/rvirtio/$(virtio called)/features")" "refused: not implemented"
    done
}

# one_by_one NAME: with one request at a time, a notification says just how far the driver has got, unless the device has looked by
# itself before it came, and the driver gone on.
one_by_one() {
    device=$(disk "$1")
    # shellcheck disable=SC2046  # two numbers
    set -- "$1" $(counts "$1")
    dd if=/dev/zero of="$device" bs=4k count=300 oflag=direct 2>/dev/null || fail "writing fails"
    dd if="$device" of=/dev/null bs=64k count=20 iflag=direct 2>/dev/null || fail "reading fails"
    # shellcheck disable=SC2046  # two numbers
    set -- "$1" "$2" "$3" $(counts "$1")
    # A device with an event index may be looking still when the next request comes.
    [ $(($4 - $2)) -ge 160 ] || fail "320 requests, and $(($4 - $2)) notifications"
    note "$1: of $(($4 - $2)) notifications $(($5 - $3)) say just how far the driver has got"
    [ $((2 * ($5 - $3))) -gt $(($4 - $2)) ] || fail "of $(($4 - $2)) notifications $(($5 - $3)) say how far the driver has got"
}

many() {
    device=$(disk "$1")
    hammer "$device" 2 3>&- || fail "I/O by several at once fails"
    short_verify "$device" 7 40
}

echoed() {
    at "$1" rvecho 10.0.0.100 40 60 1400 7000 || fail "what is sent does not come back"
}

no_complaints() {
    for name in $NAMES; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
        note "$name: notifications, and those of them that were up to date: $(counts $name)"
    done
}

check "modules, and NICs" net_up
check "the ring format" in_format
check "what was agreed on" agreed_all
check "words of the features" words
for name in place all; do
    check "one by one: $name" one_by_one $name
done
for name in $DISKS; do
    check "many at once: $name" many $name
done
for name in n0 n1; do
    check "frames: $name" echoed $name
done
check "the devices do not complain" no_complaints
