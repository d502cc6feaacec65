# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a host-managed zoned disk: report, writes in sequence, open, close, finish, reset, resources
# covers: VIRTIO_BLK_F_ZONED
# model: d0 block size=33M zones=8192 conventional=1 max_open=2 max_active=3
# rings: packed
# named: packed
# debug: none
# timeout: 60
# What the device refuses on purpose.
# allow: I/O error, dev vda, sector|Buffer I/O error on dev(ice)? vda|critical space allocation error|zone active resource|zone open resource|[Zz]one .*resource

ZONE=4194304

limits() {
    queue=/sys/block/$(block d0)/queue
    reads "$queue/zoned" host-managed
    reads "$queue/chunk_sectors" 8192
    reads "$queue/nr_zones" 9
    reads "$queue/max_open_zones" 2
    reads "$queue/max_active_zones" 3
    reads "$queue/zone_write_granularity" 512
    # Zones are reset, not discarded.
    reads "$queue/discard_max_bytes" 0
    [ "$RV_DRIVER" = c ] || same "feature DISCARD" "$(feature d0 13)" 0
}

# state ZONE: pointer from the zone's start, and condition.
state() { rvio zones /dev/vda | sed -n "$(($1 + 1))p" | awk '{ print $4 - $1, $6 }'; }
zone() { rvio zone "$1" /dev/vda $(($2 * 8192)) $((${3:-1} * 8192)); }
write() { rvio try write /dev/vda "$1" "$2"; }

report() {
    rvio zones /dev/vda >/run/zones
    same "zones" "$(wc -l </run/zones)" 9
    # Conventional; without a write pointer, where C hands on what the device has in its place.
    pointer=-1
    [ "$RV_DRIVER" = rvirtio ] || pointer=0
    same "the first zone" "$(sed -n 1p /run/zones)" "0 8192 8192 $pointer 1 0"
    same "the second zone" "$(sed -n 2p /run/zones)" "8192 8192 7168 8192 2 1"
    # The last one is smaller.
    same "the last zone" "$(sed -n 9p /run/zones)" "65536 2048 1792 65536 2 1"
}

sequence() {
    rvio fill /dev/vda 0 4194304 3
    rvio check /dev/vda 0 4194304 3 || fail "the conventional zone differs"
    rvio fill /dev/vda $ZONE 1048576 4
    rvio fill /dev/vda $((ZONE + 1048576)) 1048576 4
    same "zone 1" "$(state 1)" "4096 2"
    rvio check /dev/vda $ZONE 2097152 4 || fail "the zone differs"
    same "a write elsewhere" "$(write $((ZONE + 3 * 1048576)) 4096)" EIO
    # The block layer looks at the pointer again when it is reported.
    same "zone 1" "$(state 1)" "4096 2"
    same "a write where it is written" "$(write $((ZONE + 2097152)) 4096)" ok
    same "zone 1" "$(state 1)" "4104 2"
    rvio check /dev/vda $ZONE 2097152 4 || fail "the zone differs after a refused write"
}

actions() {
    same "open" "$(zone open 2)" ok
    same "zone 2" "$(state 2)" "0 3"
    same "close, empty" "$(zone close 2)" ok
    same "zone 2" "$(state 2)" "0 1"
    same "close" "$(zone close 1)" ok
    same "zone 1" "$(state 1)" "4104 4"
    same "finish" "$(zone finish 3)" ok
    same "zone 3" "$(state 3)" "8192 14"
    same "a write to a full zone" "$(write $((3 * ZONE)) 4096)" EIO
    same "zone 3" "$(state 3)" "8192 14"
    same "reset" "$(zone reset 3)" ok
    same "zone 3" "$(state 3)" "0 1"
    same "a write after it" "$(write $((3 * ZONE)) 4096)" ok
    same "reset of a conventional zone" "$(zone reset 0)" EIO
}

# Three may be active, two open.
resources() {
    same "reset" "$(rvio zone reset /dev/vda 8192 59392)" ok
    same "open" "$(zone open 1) $(zone open 2)" "ok ok"
    same "one too many" "$(zone open 3)" ETOOMANYREFS
    same "close" "$(write $ZONE 4096) $(write $((2 * ZONE)) 4096) $(zone close 1) $(zone close 2) $(zone open 3)" "ok ok ok ok ok"
    same "one too many active" "$(zone open 4)" EOVERFLOW
    same "reset" "$(zone reset 2)" ok
    same "then there is room" "$(zone open 4)" ok
}

# All of them at once, in one command where it is all.
all() {
    same "reset" "$(rvio zone reset /dev/vda 0 67584)" ok
    for number in 1 2 3 4 5 6 7 8; do same "zone $number" "$(state $number)" "0 1"; done
    rvio check /dev/vda 0 4194304 3 || fail "the conventional zone has changed"
    rvio fill /dev/vda $((2 * ZONE)) 3145728 9
    rvio check /dev/vda $((2 * ZONE)) 3145728 9 || fail "the zone differs"
}

anew() {
    address=$(pci d0) driver=$(driver_of d0)
    unbind "$address"
    bind "$address" "$driver"
    same "name" "$(block d0)" vda
    same "zone 2" "$(state 2)" "6144 2"
    rvio check /dev/vda $((2 * ZONE)) 3145728 9 || fail "the zone differs"
}

no_complaints() { same "what the device complains about" "$(host model d0 ask complaints)" ""; }

load_modules
check "the ring format" in_format
check "limits" limits
check "report" report
check "writes in sequence" sequence
check "open, close, finish, reset" actions
check "too many open, too many active" resources
check "all zones" all
check "bound anew" anew
check "the device does not complain" no_complaints
check "modules unload" unload_modules
