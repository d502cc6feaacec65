# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: several request queues: interrupts, CPUs, CPUs that go and come, rebind
# covers: VIRTIO_BLK_F_MQ
# rings: packed
# kernel: stock
# debug: none
# smp: 4
# needs: fio
# disk: one 64M num-queues=1 vectors=2
# disk: two 64M num-queues=2 vectors=3
# disk: four 128M num-queues=4 vectors=5 port
# disk: eight 64M num-queues=8 vectors=9
# disk: few 64M num-queues=4 vectors=3
# timeout: 240

CPUS=4

# queues NAME: the hardware queues of a disk.
queues() { ls "/sys/block/$(block "$1")/mq"; }

# Each CPU uses one queue, and each queue is used.
mapped() {
    block=$(block "$1")
    same "queues of $1" "$(queues "$1" | wc -l)" "$2"
    same "CPUs of $1" "$(cat "/sys/block/$block"/mq/*/cpu_list | tr -d ' ' | tr ',' '\n' | sort -n | tr '\n' ' ')" "0 1 2 3 "
    for queue in "/sys/block/$block"/mq/*; do
        [ -n "$(cat "$queue/cpu_list")" ] || fail "no CPU uses queue ${queue##*/} of $1"
    done
}

named() {
    left=0
    while [ "$left" -lt "$2" ]; do
        grep -q "$(virtio "$1")-req.$left\$" /proc/interrupts || fail "no interrupt $(virtio "$1")-req.$left"
        left=$((left + 1))
    done
    ! grep -q "$(virtio "$1")-req.$2\$" /proc/interrupts || fail "$1 has more than $2 queues with interrupts"
}

# I/O of each CPU goes through its queue, and its interrupt comes on that CPU.
each_cpu() {
    block=$(block "$1")
    for queue in "/sys/block/$block"/mq/*; do
        number=${queue##*/}
        for cpu in $(tr -d ' ' <"$queue/cpu_list" | tr ',' ' '); do
            before=$(interrupts "$1" "req.$number")
            taskset $((1 << cpu)) dd if="/dev/$block" of=/dev/null bs=4k count=8 skip=$((cpu * 64)) iflag=direct 2>/dev/null
            [ "$(interrupts "$1" "req.$number")" -gt "$before" ] || fail "I/O of CPU $cpu brought no interrupt of queue $number of $1"
        done
    done
}

# managed NAME: the kernel keeps each vector on the CPUs of its queue.
managed() {
    for queue in "/sys/block/$(block "$1")"/mq/*; do
        irq=$(awk -v name="$(virtio "$1")-req.${queue##*/}" '$NF == name { sub(":", "", $1); print $1 }' /proc/interrupts)
        same "CPUs of interrupt $irq" "$(cat "/proc/irq/$irq/smp_affinity_list")" "$(tr -d ' ' <"$queue/cpu_list")"
    done
}

# verify NAME: jobs on all CPUs, checked.
verify() {
    fio --output="/run/fio.$1" --filename="$(disk "$1")" --direct=1 --ioengine=io_uring --verify=crc32c --verify_fatal=1 \
        --thread --numjobs=$CPUS --size=1M --offset_increment=8M --bsrange=4k-64k --rw=randwrite --iodepth=32 \
        --cpus_allowed=0-3 --cpus_allowed_policy=split --name=all ||
        fail "fio on $1: $(grep -m 1 -E 'verify|error|err=' "/run/fio.$1")"
}

over_queues() {
    for name in two four few; do
        verify "$name"
    done
}

# --- Batches ----------------------------------------------------------------------------------------------------------

TRACING=/sys/kernel/tracing

# counter NAME FUNCTION: counts calls of a function of the kernel. calls NAME: how many there were.
counter() {
    echo "p:$1 $2" >>$TRACING/kprobe_events || fail "no probe for $2"
    echo 1 >"$TRACING/events/kprobes/$1/enable"
}
calls() { awk -v name="$1" '$1 == name { print $2 }' $TRACING/kprobe_profile; }

# value NAME KEY: what debugfs says, of all queues.
value() { sed -n "s/^$2: //p" "$DEBUGFS/rvirtio/$(virtio "$1")"/queue[0-9] | awk '{ n += $1 } END { print n }'; }
shown() { echo $(($(value four kicks) + $(value four suppressed_kicks))); }
reads_of() { awk '{ print $1 }' "/sys/block/$(block four)/stat"; }

# Reads that one CPU sends in batches of 32 are handed over in batches, shown to the device in batches, and end in batches: where a
# disk has one queue for several CPUs the block layer ends each by itself.
batches() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C has no counters"
    mount -t tracefs tracefs $TRACING 2>/dev/null || true
    # A scheduler hands requests over one by one.
    echo none >"/sys/block/$(block four)/queue/scheduler"
    counter single blk_mq_issue_direct
    counter ended blk_mq_end_request_batch
    reads=$(reads_of) shown=$(shown)
    fio --output=/run/fio.batch --filename="$(disk four)" --direct=1 --ioengine=libaio --rw=randread --bs=4k --iodepth=32 --cpus_allowed=0 \
        --iodepth_batch_submit=32 --iodepth_batch_complete_min=32 --size=8M --name=all || fail "fio: $(grep -m 1 -E 'error|err=' /run/fio.batch)"
    reads=$(($(reads_of) - reads)) shown=$(($(shown) - shown)) single=$(calls single) ended=$(calls ended)
    for name in single ended; do echo 0 >"$TRACING/events/kprobes/$name/enable"; done
    echo >$TRACING/kprobe_events
    note "$reads reads: shown in $shown batches, $single of which were handed over one by one, ended in $ended"
    [ "$reads" -ge 1024 ] || fail "$reads reads, not thousands"
    [ $((single * 4)) -le "$shown" ] || fail "the requests of $single of $shown batches were handed over one by one"
    [ $((shown * 4)) -le "$reads" ] || fail "$reads reads were shown to the device in $shown batches"
    [ "$ended" -gt 0 ] || fail "no batch ended: one by one"
    [ $((ended * 2)) -le "$reads" ] || fail "$reads reads ended in $ended batches"
}

# Function level resets under fio, on all four queues.
resets() {
    fio_over_resets four --numjobs=$CPUS --offset_increment=16M --iodepth=32 --cpus_allowed=0-3 --cpus_allowed_policy=split
    each_cpu four
}

# limited: the modules anew, with fewer queues and requests than there could be.
limited() {
    unload_modules
    [ -z "$PCI_MODULE" ] || modprobe "$PCI_MODULE"
    modprobe "$BLK_MODULE" num_request_queues=3 queue_depth=8
    for name in one=1 two=2 four=3 eight=3; do
        same "queues of ${name%=*}" "$(queues "${name%=*}" | wc -l)" "${name#*=}"
        dmesg | grep -q "$(virtio "${name%=*}"): ${name#*=}/0/0 default/read/poll queues" || fail "the log does not say so of ${name%=*}"
        for queue in "/sys/block/$(block "${name%=*}")"/mq/*; do reads "$queue/nr_tags" 8; done
    done
    mapped four 3
    verify four
}

# No deeper than the ring.
deep() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C's requests wait for room in the ring"
    unload_modules
    modprobe "$PCI_MODULE"
    modprobe "$BLK_MODULE" queue_depth=100000
    reads "/sys/block/$(block one)/mq/0/nr_tags" "$(value one size)"
    short_verify "$(disk one)" 3 50
}

online() { echo "$2" >"/sys/devices/system/cpu/cpu$1/online"; }

# CPUs go and come while fio verifies, three of the four at once at last.
hotplug() {
    : >/run/hotplug
    (
        fio --output=/run/fio.plug --filename="$(disk four)" --direct=1 --ioengine=io_uring --verify=crc32c --verify_fatal=1 \
            --thread --numjobs=$CPUS --size=2M --offset_increment=16M --offset=64M --bsrange=4k-64k --rw=randwrite --iodepth=32 \
            --runtime=6 --time_based --name=all
        echo $? >/run/hotplug
    ) 3>&- &
    rounds=0
    while [ ! -s /run/hotplug ] && [ $rounds -lt 40 ]; do
        for cpu in 1 2 3; do
            online $cpu 0
            usleep 100000
            online $cpu 1
        done
        online 1 0 && online 2 0 && online 3 0
        usleep 200000
        online 1 1 && online 2 1 && online 3 1
        rounds=$((rounds + 1))
    done
    note "$rounds rounds"
    wait_for 60 test -s /run/hotplug || fail "fio does not end"
    reads /run/hotplug 0
    [ $rounds -gt 0 ] || fail "no CPU went"
    each_cpu four
}

cycles() {
    driver=$(driver_of four)
    left=$(rounds 6)
    while [ "$left" -gt 0 ]; do
        hammer "$(disk four)" 1 3>&- &
        usleep 200000
        unbind "$(pci four)"
        wait
        bind "$(pci four)" "$driver"
        block four >/dev/null
        left=$((left - 1))
    done
    mapped four 4
    each_cpu four
}

load_modules
check "the ring format" in_format
check "one queue" mapped one 1
check "two queues" mapped two 2
check "four queues" mapped four 4
check "eight queues: as many as CPUs" mapped eight 4
check "four queues on two vectors" mapped few 4
check "interrupts by name" named four 4
check "those of eight" named eight 4
check "I/O on each CPU, four queues" each_cpu four
check "I/O on each CPU, two queues" each_cpu two
check "interrupts keep to their CPUs" managed four
check "fio over all queues" over_queues
check "batches" batches
check "resets under fio, four queues" resets
check "CPUs go and come under fio" hotplug
check "unbind and bind under I/O" cycles
check "fewer queues, fewer requests" limited
check "more requests than a ring has room for" deep
check "modules unload" unload_modules
check "nothing is left" no_traces
