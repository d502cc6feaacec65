# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: debugfs and trace events: features by name, the filter, what a queue does, why a device is broken
# driver: rvirtio
# disk: d0 64M num-queues=1
# disk: both 64M packed=on in_order=on num-queues=1
# disk: small 64M num-queues=1 queue-size=16 indirect_desc=off
# disk: torn 64M port
# nic: n
# balloon: b
# gpu: gpu hostmem=67108864
# timeout: 300
# allow: (I/O error|Buffer I/O error on dev(ice)?),? dev vd.

CYCLES=$((20 * RV_TIMES))
TRACING=/sys/kernel/tracing
EVENTS=$TRACING/events/rvirtio

folder() { echo "$DEBUGFS/rvirtio/$(virtio "$1")"; }

# value NAME QUEUE KEY: what debugfs says of a queue.
value() { sed -n "s/^$3: //p" "$(folder "$1")/queue$2"; }

# state NAME FEATURE: what became of a feature, by its name.
state() { sed -n "s/^[0-9]* $2 //p" "$(folder "$1")/features"; }

# filter NAME WORDS: writes them at once.
filter() { echo "$2" >"$(folder "$1")/filter" || fail "the filter of $1 does not take '$2'"; }

# rebind NAME: at the virtio level.
rebind() {
    name=$(virtio "$1")
    driver=$(readlink -f "/sys/bus/$BUS/devices/$name/driver")
    echo "$name" >"$driver/unbind"
    echo "$name" >"$driver/bind"
}

# read_some DEVICE: reads of a queue full, one by one.
read_some() { dd if="$1" of=/dev/null bs=4k count=64 iflag=direct 2>/dev/null || fail "reading $1 failed"; }

# --- Features ---------------------------------------------------------------------------------------------------------

# Each bit that sysfs shows is accepted here, and no other; each line has a name that is its own.
agree() {
    file=$(folder "$1")/features
    awk -v bits="$(cat "/sys/bus/$BUS/devices/$(virtio "$1")/features")" '
        { accepted += $3 == "accepted"; if (($3 == "accepted") != (substr(bits, $1 + 1, 1) == "1")) bad = bad " " $0 ";" }
        $1 <= last && NR > 1 || seen[$2]++ { bad = bad " " $0 " again;" }
        { last = $1 }
        END { print bad; print accepted, gsub("1", "", bits) }' "$file" >/run/agree
    same "bits of $1 on which sysfs and debugfs differ" "$(head -n 1 /run/agree)" ""
    # shellcheck disable=SC2046  # two numbers
    set -- "$1" $(tail -n 1 /run/agree)
    [ "$2" -gt 3 ] || fail "$1: $2 bits are accepted"
    same "accepted bits of $1" "$2" "$3"
}

names() {
    for name in d0 both n b; do
        agree $name
    done
    same "EVENT_IDX of d0" "$(state d0 VIRTIO_F_EVENT_IDX)" accepted
    same "RING_PACKED of both" "$(state both VIRTIO_F_RING_PACKED)" accepted
    same "RING_PACKED of d0" "$(state d0 VIRTIO_F_RING_PACKED)" "not offered"
    same "FLUSH of d0" "$(state d0 VIRTIO_BLK_F_FLUSH)" accepted
    same "MRG_RXBUF of n" "$(state n VIRTIO_NET_F_MRG_RXBUF)" accepted
    same "bit 12 of d0" "$(sed -n 's/^12 //p' "$(folder d0)/features" | cut -d' ' -f1)" VIRTIO_BLK_F_MQ
    same "CTRL_RX_EXTRA of n" "$(state n VIRTIO_NET_F_CTRL_RX_EXTRA)" "refused: not implemented"
    same "DEFLATE_ON_OOM of b" "$(state b VIRTIO_BALLOON_F_DEFLATE_ON_OOM | cut -d: -f1)" "not offered"
    reads "$(folder d0)/status" 0x0f
    reads "$(folder d0)/broken" no
}

# --- The filter -------------------------------------------------------------------------------------------------------

filtered() {
    same "EVENT_IDX of $1" "$(state "$1" VIRTIO_F_EVENT_IDX)" "refused: filtered"
    same "bit 29 of $1" "$(feature "$1" 29)" 0
    same "event index of queue 0 of $1" "$(value "$1" 0 event_index)" no
    same "indirect tables of queue 0 of $1" "$(value "$1" 0 indirect)" yes
    agree "$1"
    short_verify "$(disk "$1")" 5 50
}

withheld() {
    file=$(folder d0)/filter
    reads "$file" none
    filter d0 "+VIRTIO_F_EVENT_IDX +97"
    reads "$file" "none +VIRTIO_F_EVENT_IDX +97"
    same "EVENT_IDX before the driver is bound anew" "$(state d0 VIRTIO_F_EVENT_IDX)" accepted
    rebind d0
    filtered d0
    same "EVENT_IDX of another disk" "$(state both VIRTIO_F_EVENT_IDX)" accepted
}

lasts() {
    rebind d0
    filtered d0
    filter d0 "-97 +VIRTIO_BLK_F_FLUSH +VIRTIO_F_INDIRECT_DESC -VIRTIO_F_INDIRECT_DESC"
    reads "$(folder d0)/filter" "none +VIRTIO_BLK_F_FLUSH +VIRTIO_F_EVENT_IDX"
    rebind d0
    filtered d0
    same "FLUSH" "$(state d0 VIRTIO_BLK_F_FLUSH)" "refused: filtered"
    reads "/sys/block/$(block d0)/cache_type" "write through"
    filter d0 none
    rebind d0
    same "EVENT_IDX" "$(state d0 VIRTIO_F_EVENT_IDX)" accepted
    same "FLUSH" "$(state d0 VIRTIO_BLK_F_FLUSH)" accepted
    short_verify "$(disk d0)" 6 50
}

# What needs a filtered bit goes, too, and by another reason.
needed() {
    filter n +VIRTIO_NET_F_CTRL_VQ
    rebind n
    same "CTRL_VQ" "$(state n VIRTIO_NET_F_CTRL_VQ)" "refused: filtered"
    same "CTRL_RX" "$(state n VIRTIO_NET_F_CTRL_RX)" "refused: driver: dependency or config"
    agree n
    [ ! -e "$(folder n)/queue2" ] || fail "there is a control queue"
    filter n -17
    rebind n
    same "CTRL_RX" "$(state n VIRTIO_NET_F_CTRL_RX)" accepted
    [ -e "$(folder n)/queue2" ] || fail "there is no control queue"
}

# Without VERSION_1 nobody takes the device; what was said then stays to be read.
hopeless() {
    name=$(virtio d0)
    driver=$(readlink -f "/sys/bus/$BUS/devices/$name/driver")
    filter d0 +32
    echo "$name" >"$driver/unbind"
    ! echo "$name" >"$driver/bind" || fail "a device without VERSION_1 is bound"
    same "VERSION_1" "$(state d0 VIRTIO_F_VERSION_1)" "refused: filtered"
    same "EVENT_IDX of an unbound device" "$(state d0 VIRTIO_F_EVENT_IDX)" offered
    [ ! -e "$(folder d0)/queue0" ] || fail "an unbound device has a queue"
    filter d0 -32
    echo "$name" >"$driver/bind"
    same "VERSION_1" "$(state d0 VIRTIO_F_VERSION_1)" accepted
}

# The device leaves the bus when the PCI function is unbound.
function_again() {
    address=$(pci d0) driver=$(driver_of d0)
    unbind "$address"
    bind "$address" "$driver"
    block d0 >/dev/null
}

# Taken away from the transport's driver, and given back: it is the same device to whoever has set the filter.
remembered() {
    filter d0 +29
    function_again
    reads "$(folder d0)/filter" "none +VIRTIO_F_EVENT_IDX"
    same "EVENT_IDX" "$(state d0 VIRTIO_F_EVENT_IDX)" "refused: filtered"
    filter d0 none
    function_again
    reads "$(folder d0)/filter" none
    same "EVENT_IDX" "$(state d0 VIRTIO_F_EVENT_IDX)" accepted
}

nonsense() {
    file=$(folder d0)/filter
    filter d0 +40
    for words in VIRTIO_F_EVENT_IDX 29 +VIRTIO_F_NONE +VIRTIO_NET_F_MAC +128 +-1 ++1 +0x10 + - " " "+29 what" "none +1e" none,+29 \
        +99999999999999999999; do
        ! echo "$words" | dd of="$file" bs=4k 2>/run/error || fail "the filter takes '$words'"
        grep -q 'Invalid argument' /run/error || fail "'$words' gives '$(cat /run/error)'"
    done
    ! head -c 9000 /dev/zero | tr '\0' ' ' | dd of="$file" bs=9000 2>/run/error || fail "the filter takes 9000 bytes"
    reads "$file" "none +VIRTIO_F_RING_RESET"
    filter d0 none
    ! echo 1 2>/dev/null >"$(folder d0)/features" || fail "features can be written"
}

# --- Queues -----------------------------------------------------------------------------------------------------------

# quiet NAME QUEUE: nothing is in flight.
quiet() { [ "$(value "$1" "$2" in_flight)" = 0 ]; }

counts() {
    device=$(disk "$1")
    wait_for 10 quiet "$1" 0 || fail "$(value "$1" 0 in_flight) buffers of $1 are in flight"
    kicks=$(value "$1" 0 kicks) suppressed=$(value "$1" 0 suppressed_kicks)
    told=$(value "$1" 0 interrupts) seen=$(interrupts "$1" req.0)
    short_verify "$device" 8 100
    read_some "$device"
    wait_for 10 quiet "$1" 0 || fail "$(value "$1" 0 in_flight) buffers of $1 are in flight"
    more=$(($(value "$1" 0 kicks) + $(value "$1" 0 suppressed_kicks) - kicks - suppressed))
    note "$1: $more batches, $(($(value "$1" 0 kicks) - kicks)) kicks, $(($(value "$1" 0 interrupts) - told)) interrupts"
    [ $more -ge 64 ] || fail "$more batches for 64 reads one by one"
    [ "$(value "$1" 0 kicks)" -gt "$kicks" ] || fail "no kick was counted"
    same "interrupts of $1" $(($(value "$1" 0 interrupts) - told)) $(($(interrupts "$1" req.0) - seen))
    [ "$(value "$1" 0 interrupts)" -gt "$told" ] || fail "no interrupt was counted"
    same "age of nothing" "$(value "$1" 0 age_ms)" none
    same "last error" "$(value "$1" 0 last_error)" none
}

formats() {
    same "format of d0" "$(value d0 0 format)" split
    same "format of both" "$(value both 0 format)" "packed, in order"
    same "room of d0" "$(value d0 0 room)" "$(value d0 0 size)"
    same "room of both" "$(value both 0 room)" $(($(value both 0 size) - 1))
    same "avail and used of d0" "$(value d0 0 avail)" "$(value d0 0 used)"
    value both 0 avail | grep -qE '^[0-9]+ wrap [01]$' || fail "place in a packed ring: $(value both 0 avail)"
    same "avail and used of both" "$(value both 0 avail)" "$(value both 0 used)"
    same "queues of n" "$(find "$(folder n)" -name 'queue*' | wc -l)" 3
    same "queues of b" "$(find "$(folder b)" -name 'queue*' | wc -l)" 3
}

# One request is held back: it is seen, and gets older.
stuck() {
    device=$(disk d0)
    host silence d0
    # The first one may still be let through.
    (rvio try read "$device" 0 65536; rvio try read "$device" 65536 65536) >/run/became 3>&- &
    reader=$!
    wait_for 10 held || fail "no request is in flight"
    age=$(value d0 0 age_ms)
    wait_for 10 older "$age" || fail "the oldest buffer was $age ms old, and is $(value d0 0 age_ms)"
    host throttle d0 0
    wait $reader
    same "the reads" "$(tr '\n' ' ' </run/became)" "ok ok "
    wait_for 10 quiet d0 0 || fail "in flight: $(value d0 0 in_flight)"
}
held() { [ "$(value d0 0 in_flight)" -gt 0 ]; }
older() { [ "$(value d0 0 age_ms)" -gt "$1" ]; }

# A ring of 16 descriptors, requests that want more of them at once than it has.
refused() {
    device=$(disk small)
    same "full of small" "$(value small 0 full)" 0
    # They write over each other, and so differ.
    for seed in 1 2 3 4; do rvio vector "$device" $seed 512 >/dev/null 2>&1 3>&- & done
    wait
    [ "$(value small 0 full)" -gt 0 ] || fail "the ring was never full"
    wait_for 10 quiet small 0 || fail "in flight: $(value small 0 in_flight)"
    note "full: $(value small 0 full)"
    # That is no error.
    same "last error" "$(value small 0 last_error)" none
    short_verify "$device" 11 50
}

# --- Shared memory ----------------------------------------------------------------------------------------------------

# One region: where the function's fourth BAR is, and as long as the host says. Nobody drives the device.
shared_memory() {
    start=$(sed -n '5s/ .*//p' "$PCI/devices/$(pci gpu)/resource")
    file=$(folder gpu)/shared_memory
    reads "$file" "$(printf '1: 0x4000000 bytes at 0x%x' "$start")"
    for name in d0 n b; do reads "$(folder $name)/shared_memory" none; done
}

# --- Removal ----------------------------------------------------------------------------------------------------------

# Reads all files again and again, whatever becomes of them.
readers_on() {
    for _ in 1 2; do
        (
            left=100000
            while [ "$left" -gt 0 ] && [ ! -e /run/stop ]; do
                cat "$DEBUGFS"/rvirtio/*/* >/dev/null 2>&1
                left=$((left - 1))
            done
        ) 3>&- &
    done
}
readers_off() {
    touch /run/stop
    wait
    rm /run/stop
}

removal() {
    readers_on
    left=$CYCLES
    while [ "$left" -gt 0 ]; do
        rebind d0
        rebind n
        block d0 >/dev/null
        left=$((left - 1))
    done
    unbind "$(pci both)"
    bind "$(pci both)" "$(driver_of d0)"
    for _ in 1 2 3; do
        unload_modules
        [ ! -e "$DEBUGFS/rvirtio" ] || fail "the folder is still there"
        load_modules
        block d0 >/dev/null
    done
    readers_off
}

# A file that is open while all of it goes says so, and keeps nothing.
held_open() {
    exec 8<"$(folder d0)/features" 9<"$(folder d0)/queue0"
    dd bs=10 count=1 <&8 >/dev/null 2>&1
    unload_modules
    ! cat <&8 >/dev/null 2>/run/error || fail "a file of a device that is gone can be read"
    ! cat <&9 >/dev/null 2>/run/error || fail "a file of a queue that is gone can be read"
    load_modules
    exec 8<&- 9<&-
    short_verify "$(disk d0)" 9 50
}

# --- Trace events -----------------------------------------------------------------------------------------------------

traced() { grep -cE " $1: $2" $TRACING/trace || true; }
expect() { [ "$(traced "$1" "$2")" -gt 0 ] || fail "the trace has no $1: $2, but $(grep -c " $1:" $TRACING/trace || true) others"; }
has_size() { [ "$(sectors "$(block d0)")" = "$1" ]; }

trace() {
    [ -d $TRACING/events ] || mount -t tracefs tracefs $TRACING || skip "this kernel has no tracefs"
    same "events" "$(find $EVENTS -mindepth 1 -maxdepth 1 -type d | sed 's/.*\///' | sort | tr '\n' ' ')" \
        "config_change device_broken device_reset queue_add queue_interrupt queue_kick queue_used "
    name=$(virtio d0)
    device=$(disk d0)
    queued="$name queue=0"
    echo >$TRACING/trace
    read_some "$device"
    same "events while they are off" "$(grep -vc '^#' $TRACING/trace || true)" 0
    echo 1 >$EVENTS/enable
    before=$(($(value d0 0 kicks) + $(value d0 0 suppressed_kicks)))
    read_some "$device"
    wait_for 10 quiet d0 0
    batches=$(($(value d0 0 kicks) + $(value d0 0 suppressed_kicks) - before))
    host resize d0 80M
    wait_for 15 has_size $((80 * 2048)) || fail "the size did not change"
    rebind d0
    block d0 >/dev/null
    echo 0 >$EVENTS/enable
    expect queue_add "$queued buffer=[0-9]+ in_flight=1\$"
    expect queue_kick "$queued buffers=1 suppressed=0\$"
    expect queue_used "$queued written=4097 in_flight=0\$"
    expect queue_interrupt "$queued\$"
    expect config_change "$name\$"
    expect device_reset "$name error=0\$"
    same "device_broken" "$(traced device_broken .)" 0
    [ "$(traced queue_kick "$queued ")" -ge "$batches" ] || fail "$batches batches, $(traced queue_kick "$queued ") of them traced"
    # 1 byte of status, and what was read.
    [ "$(traced queue_used "$queued written=4097 ")" -ge 64 ] || fail "not all reads are traced"
    echo >$TRACING/trace
    read_some "$(disk d0)"
    same "events after they were turned off" "$(grep -vc '^#' $TRACING/trace || true)" 0
}

# Torn out of its port: it is broken, once, and for that reason.
broken() {
    name=$(virtio torn)
    device=$(disk torn)
    reads "$(folder torn)/broken" no
    echo >$TRACING/trace
    echo 1 >$EVENTS/device_broken/enable
    tear torn
    rvio try read "$device" 0 4096 >/run/became 3>&- &
    reader=$!
    wait_for 40 ended $reader || fail "the read hangs: $(cat /proc/$reader/stack)"
    same "the read" "$(cat /run/became)" EIO
    reads "$(folder torn)/broken" "device is gone"
    noticed torn
    wait_for 20 test ! -e "/sys/bus/$BUS/devices/$name" || fail "the device is still there"
    echo 0 >$EVENTS/device_broken/enable
    same "broken devices in the trace" "$(traced device_broken .)" 1
    expect device_broken "$name .*device is gone"
}

load_modules
check "all devices" block both
check "features by name" names
check "a filtered feature is refused" withheld
check "the filter lasts, and is lifted" lasts
check "features that need a filtered one" needed
check "a device that nobody takes any more" hopeless
check "the filter is remembered when the function is bound anew" remembered
check "nonsense is not taken" nonsense
check "formats and places" formats
check "d0 counts" counts d0
check "both counts" counts both
check "a request that is held back" stuck
check "a ring that is full" refused
check "shared memory" shared_memory
check "files are read while devices and modules go" removal
check "files that stay open" held_open
check "trace events" trace
check "a device that is torn out" broken
check "modules unload" unload_modules
check "nothing is left" no_traces
