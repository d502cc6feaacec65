# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: the administration queue: what can be had of each group is asked, and asked again after a reset
# covers: VIRTIO_F_ADMIN_VQ
# driver: rvirtio
# rings: packed
# debug: split
# model: both block admin=both notification_data=on
# model: own block admin=self queues=2
# model: nobody block admin=none
# model: n0 net admin=sriov
# model: plain block
# allow: device asks for a reset
# timeout: 120

LISTED="LIST_QUERY LIST_USE DEV_PARTS_METADATA_GET DEV_PARTS_GET DEV_PARTS_SET DEV_MODE_SET"
NO_GROUP="refused with status 22: group"

file() { cat "$DEBUGFS/rvirtio/$(virtio "$1")/administration"; }
shows() { [ "$(file "$1" | tr '\n' ';')" = "$2;" ]; }

# known NAME QUEUE OWN FUNCTIONS: the file says so, and soon.
known() {
    wait_for 20 shows "$1" "queue: $2;self: $3;sr-iov: $4" || fail "of $1 is known: $(file "$1" | tr '\n' ';')"
}

# told NAME COMMANDS OWN FUNCTIONS: what the device was told.
told() { same "commands to $1, and what is used of each group" "$(host model "$1" ask admin)" "$2 $3 $4"; }

all_known() {
    in_format
    known both 1 "$LISTED" "$LISTED"
    told both 4 0x3 0x3
    known own 2 "$LISTED" "$NO_GROUP"
    told own 3 0x3 0x0
    known nobody 1 "$NO_GROUP" "$NO_GROUP"
    told nobody 2 0x0 0x0
    known n0 3 "$NO_GROUP" "$LISTED"
    told n0 3 0x0 0x3
    same "what is known of plain" "$(file plain)" none
    for name in both own nobody n0; do
        same "ADMIN_VQ of $name" "$(feature $name 41)" 1
    done
}

# Beside the queues that people use.
works() {
    for name in both own nobody plain; do
        short_verify "$(disk $name)" 7 20
    done
    at n0 rvecho 10.0.0.100 8 60 1400 || fail "what is sent does not come back"
}

# A disk that asks for a reset later on.
afterwards() {
    unbind "$(pci both)"
    host model both be admin-needs-reset >/dev/null
    bind "$(pci both)" "$PCI_MODULE"
    known both 1 "$LISTED" "$LISTED"
    host model both strike >/dev/null
    short_verify "$(disk both)" 7 20
    wait_for 20 again || fail "after a reset the device got: $(host model both ask admin)"
    known both 1 "$LISTED" "$LISTED"
    dmesg | grep -q 'it gets one, and goes on' || fail "the device was not reset"
}
again() { [ "$(host model both ask told)" = 1 ] && [ "$(host model both ask admin)" = "4 0x3 0x3" ]; }

# A device that answers nothing on queue 1, which is for administration: all else works, and nobody waits for it when its driver leaves.
silent() {
    unbind "$(pci own)"
    host model own be admin-silent queues=1 >/dev/null
    bind "$(pci own)" "$PCI_MODULE"
    short_verify "$(disk own)" 7 20
    wait_for 60 shows own "queue: 1;self: no answer;sr-iov: not asked" || fail "of own is known: $(file own | tr '\n' ';')"
    short_verify "$(disk own)" 8 20
    unbind "$(pci own)"
    bind "$(pci own)" "$PCI_MODULE"
    unbind "$(pci own)"
}

no_complaints() {
    for name in both nobody n0 plain; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
    done
}

check "modules, and a NIC" net_up
check "what is known, and what the devices were told" all_known
check "the devices work" works
check "after a reset all is asked again" afterwards
check "no answers" silent
check "the devices do not complain" no_complaints
check "modules unload" unload_modules
check "nothing is left" no_traces
